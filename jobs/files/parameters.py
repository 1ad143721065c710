"""Which parameters of a function are files, and which files some parameters name."""

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, Union

from pydantic import BaseModel

from jobs.files.accepts import Accepts
from jobs.files.file import File
from jobs.pointer import Location

_MANY: Final = (list, tuple, set, frozenset, Sequence)


@dataclass(frozen=True, kw_only=True)
class FileParameter:
    """A parameter whose value is a file, or several.

    Attributes:
        accepts: what each file may be.
        many: whether it is a list.
        optional: whether it may be left out.
    """

    accepts: Accepts = field(default_factory=Accepts)
    many: bool = False
    optional: bool = False


@dataclass(frozen=True)
class FileUse:
    """One place in the parameters that names a file.

    Attributes:
        pointer: a JSON Pointer into the parameters.
    """

    pointer: str
    file_id: str
    accepts: Accepts


@dataclass(frozen=True)
class Checked:
    """Parameters that fit the function.

    Attributes:
        params: JSON-like and complete, with defaults filled in.
        uses: the files that they name, in order.
    """

    model: BaseModel
    params: dict[str, Any]
    uses: tuple[FileUse, ...]

    def by_content(self, content: Mapping[str, str]) -> dict[str, Any]:
        """Give the parameters with what each file holds in the place of its id.

        Args:
            content: what stands for each file, by its id.
        """
        if not self.uses:
            return self.params
        return self.model.model_dump(
            mode="json", by_alias=True, context=lambda file: content[file.id]
        )


def file_parameters(fields: Mapping[str, Any]) -> Iterator[tuple[str, FileParameter]]:
    """Find the parameters that are files.

    Args:
        fields: type hint and default by name; `...` for no default.
    """
    for name, (hint, default) in fields.items():
        if (found := _file_parameter(hint)) is not None:
            yield name, replace(found, optional=default is not ...)


def files_within(value: Any, at: Location = ()) -> Iterator[tuple[Location, File]]:
    """Find the files in data, each with where it is."""
    match value:
        case File():
            yield at, value
        case Mapping():
            for name, each in value.items():
                yield from files_within(each, (*at, str(name)))
        case list() | tuple() | AbstractSet():
            for index, each in enumerate(value):
                yield from files_within(each, (*at, index))


def _file_parameter(hint: Any) -> FileParameter | None:
    """Find the file in `File`, `File[...]`, a list of them, or one of these or None."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if hint is File:
        return FileParameter()
    if origin is Annotated:
        found = _file_parameter(inside[0])
        said = [each for each in inside[1:] if isinstance(each, Accepts)]
        return replace(found, accepts=said[-1]) if found is not None and said else found
    if origin in (Union, types.UnionType):
        others = [each for each in inside if each is not type(None)]
        return _file_parameter(others[0]) if len(others) == 1 else None
    if origin in _MANY:
        found = _file_parameter(inside[0])
        return replace(found, many=True) if found is not None and not found.many else None
    return None
