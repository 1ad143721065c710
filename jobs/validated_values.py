"""Walk through validated values, alone or beside the data that they were read from."""

import dataclasses
from collections import deque
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

from pydantic import AliasChoices, BaseModel, RootModel
from pydantic.fields import FieldInfo

from callboard.jobs.json_pointer import Location

_LISTS: Final = (list, tuple, deque)


class FieldOf(NamedTuple):
    """A field of a model or dataclass.

    Attributes:
        name: of the attribute.
        info: what pydantic knows of it; None for a dataclass of the standard library.
        keys: by which it may be sent, the usual one first; none where it has no single key.
    """

    name: str
    info: FieldInfo | None
    keys: tuple[str, ...]


def fields_of(value: Any) -> Iterator[FieldOf]:
    """Yield the fields of a model or dataclass; none for other values."""
    if isinstance(value, RootModel):
        return
    if isinstance(value, BaseModel):
        yield from fields_of_model(type(value))
    elif has_fields(value):
        known: Mapping[str, FieldInfo] = getattr(value, "__pydantic_fields__", {})
        for field in dataclasses.fields(value):
            info = known.get(field.name)
            keys = _keys(field.name, info, by_name=False) if info else (field.name,)
            yield FieldOf(field.name, info, keys)


def has_fields(value: Any) -> bool:
    """Return whether this is a model or a dataclass, which validation may change."""
    return isinstance(value, BaseModel) or (
        dataclasses.is_dataclass(value) and not isinstance(value, type)
    )


def fields_of_model(model: type[BaseModel]) -> Iterator[FieldOf]:
    """Yield the fields of a class of models."""
    config = model.model_config
    by_name = bool(config.get("populate_by_name") or config.get("validate_by_name"))
    for name, info in model.model_fields.items():
        yield FieldOf(name, info, _keys(name, info, by_name=by_name))


def children(value: Any) -> Iterator[tuple[Location, Any]]:  # noqa: C901 — each kind is short
    """Yield what is directly inside a value, each with where it is by the names of what is sent."""
    if isinstance(value, RootModel):
        yield (), value.root
    elif has_fields(value):
        for field in fields_of(value):
            key = field.keys[0] if field.keys else field.name
            yield (key,), _attribute(value, field.name)
        for name, each in _extra(value).items():
            yield (name,), each
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield (str(name),), each
    elif isinstance(value, (*_LISTS, AbstractSet)):
        for index, each in enumerate(value):
            yield (index,), each


def pairs(sent: Any, value: Any, at: Location = ()) -> Iterator[tuple[Location, Any, Any]]:
    """Yield data with what each part of it was read as, wherever both have the same shape.

    Where a validator made something of another shape, what is inside is left out.
    """
    yield at, sent, value
    if isinstance(value, RootModel):
        yield from pairs(sent, value.root, at)
    elif isinstance(sent, dict):
        yield from _members(sent, value, at)
    elif isinstance(sent, list) and isinstance(value, _LISTS) and len(sent) == len(value):
        for index, (each, read) in enumerate(zip(sent, value, strict=True)):
            yield from pairs(each, read, (*at, index))


def _members(sent: dict[str, Any], value: Any, at: Location) -> Iterator[tuple[Location, Any, Any]]:
    if isinstance(value, Mapping):
        if len(sent) == len(value):  # a validator may have changed the keys, hardly their order
            for (name, each), read in zip(sent.items(), value.values(), strict=True):
                yield from pairs(each, read, (*at, name))
        return
    for field in fields_of(value):
        key = next((key for key in field.keys if key in sent), None)
        if key is not None:
            yield from pairs(sent[key], _attribute(value, field.name), (*at, key))
    for name, each in _extra(value).items():
        if name in sent:
            yield from pairs(sent[name], each, (*at, name))


def _extra(value: Any) -> Mapping[str, Any]:
    return (value.model_extra or {}) if isinstance(value, BaseModel) else {}


def _attribute(value: Any, name: str) -> Any:
    """Read a field past what the class may make of its name; None where there is none yet."""
    return (
        vars(value)[name] if name in getattr(value, "__dict__", ()) else getattr(value, name, None)
    )


def _keys(name: str, info: FieldInfo, *, by_name: bool) -> tuple[str, ...]:
    alias = info.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias or info.alias or name]
    keys = [each for each in choices if isinstance(each, str)]
    return tuple(dict.fromkeys([*keys, *([name] if by_name else [])]))
