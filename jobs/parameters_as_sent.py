"""Parameters as they are sent: what is kept of a submission, and validated for each attempt."""

import copy
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import MISSING
from dataclasses import fields as dataclass_fields
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, RootModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from callboard.jobs.files.file import File
from callboard.jobs.json_numbers import MAX_INTEGER, MIN_INTEGER
from callboard.jobs.json_pointer import Location
from callboard.jobs.validated_values import FieldOf, children, fields_of, has_fields, pairs

_SAME_EACH_TIME: Final = (list, dict, set, frozenset, tuple, str, int, float, bool)


class _Made(NamedTuple):
    """A default that a factory made, and where it stands among what was sent.

    Attributes:
        home: the object that it is put into.
        exact: whether it has to be read as it is; else its own validators decide.
    """

    at: Location
    home: dict[str, Any]
    key: str
    value: Any
    exact: bool


def parameters_as_sent(value: Any) -> Any:  # noqa: C901, PLR0911, PLR0912 — one case for each kind of value
    """Write Python values as a caller would send them: models by the names they are read by.

    Raises:
        ValueError: there is no way to write one.
    """
    match value:
        case None | bool():
            return value
        case Enum():
            return parameters_as_sent(value.value)
        case str() | int() | float():
            return _sendable(value)
        case Decimal():
            return str(value)
        case File():
            return value.id
        case RootModel():
            return parameters_as_sent(value.root)
        case Mapping():
            return _mapping(value)
        case list() | tuple() | deque() | AbstractSet():
            return [parameters_as_sent(each) for each in value]
        case _ if has_fields(value):
            return {str(at[0]): parameters_as_sent(each) for at, each in children(value)}
        case _:
            return to_jsonable_python(value)


def makes_defaults(schema: Any) -> bool:
    """Return whether a core schema has default factories, other than of empty containers."""
    if isinstance(schema, dict):
        factory = schema.get("default_factory")
        if callable(factory) and factory not in _SAME_EACH_TIME:
            return True
        return any(makes_defaults(each) for each in schema.values())
    return isinstance(schema, list | tuple) and any(makes_defaults(each) for each in schema)


def fill_in(
    sent: Mapping[str, Any], model: BaseModel, read: Callable[[dict[str, Any]], BaseModel]
) -> tuple[dict[str, Any], BaseModel]:
    """Put the defaults that factories make among what was sent, so that each attempt has the same.

    One that cannot be sent, or is read as something else then, is left out: each attempt makes
    its own.

    Args:
        sent: which is not changed.
        model: what it was read as.
        read: reads it again.

    Returns:
        What is kept, and what it is read as.
    """
    filled = copy.deepcopy(dict(sent))
    made = [each for each in _made(filled, model) if _put(each)]
    while made:
        try:
            again = read(filled)
        except ValidationError as error:
            places = [detail["loc"] for detail in error.errors(include_url=False)]
            right = [not any(place[: len(each.at)] == each.at for place in places) for each in made]
            right = right if not all(right) else [False] * len(made)
        else:
            found = {at: value for at, _, value in pairs(filled, again)}
            right = [not each.exact or found.get(each.at) == each.value for each in made]
            if all(right):
                return filled, again
        for each, kept in zip(made, right, strict=True):
            if not kept:
                del each.home[each.key]
        made = [each for each, kept in zip(made, right, strict=True) if kept]
    return dict(sent), model


def _put(made: _Made) -> bool:
    try:
        made.home[made.key] = parameters_as_sent(made.value)
    except ValueError:
        return False
    return True


def _made(sent: dict[str, Any], model: BaseModel) -> Iterator[_Made]:
    for at, each, value in pairs(sent, model):
        if isinstance(each, dict) and has_fields(value):
            for field in fields_of(value):
                factory = _factory(field, value)
                if factory in _SAME_EACH_TIME or factory is None or not field.keys:
                    continue
                if any(key in each for key in field.keys):
                    continue
                key, read = field.keys[0], vars(value).get(field.name)
                if _is_validated(field.info, value):
                    yield _Made((*at, key), each, key, _another(field.info, value), exact=False)
                else:
                    yield _Made((*at, key), each, key, read, exact=True)


def _factory(field: FieldOf, value: Any) -> Any:
    if field.info is not None:
        return field.info.default_factory
    found = {each.name: each.default_factory for each in dataclass_fields(value)}[field.name]
    return None if found is MISSING else found


def _is_validated(info: FieldInfo | None, value: Any) -> bool:
    if info is None:
        return False
    by_config: Any = getattr(value, "model_config", None) or getattr(
        value, "__pydantic_config__", {}
    )
    chosen = info.validate_default
    return bool(by_config.get("validate_default") if chosen is None else chosen)


def _another(info: FieldInfo | None, value: Any) -> Any:
    """Have the factory make one more: what it made before went through validators."""
    if info is None:
        return None
    return info.get_default(call_default_factory=True, validated_data=dict(vars(value)))


def _sendable(value: str | float) -> str | float:
    """Return what JSON and msgpack can represent as it is."""
    match value:
        case str():
            value.encode()  # raises a ValueError for half a character
        case int() if not MIN_INTEGER <= value <= MAX_INTEGER:
            raise ValueError("a whole number has more than 64 bits")
        case float() if not math.isfinite(value):
            raise ValueError(f"{value} is a number that JSON does not have")
    return value


def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    sent = {_key(name): parameters_as_sent(each) for name, each in value.items()}
    if len(sent) < len(value):
        raise ValueError("has keys that are equal as text")
    return sent


def _key(name: Any) -> str:
    plain = name.value if isinstance(name, Enum) else name
    if isinstance(plain, str | float):
        _sendable(plain)
    try:
        return plain if isinstance(plain, str) else next(iter(to_jsonable_python({plain: None})))
    except TypeError as error:
        kind = type(name).__name__
        raise ValueError(f"has a key of the type {kind}, which has no form as text") from error
