"""Which parameters of a function are files, and which files some parameters name."""

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, Union

from callboard.jobs.files.accepts import Accepts
from callboard.jobs.files.file import File
from callboard.jobs.json_pointer import Location
from callboard.jobs.validated_values import children

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


def file_parameters(fields: Mapping[str, Any]) -> Iterator[tuple[str, FileParameter]]:
    """Find the parameters that are files.

    Args:
        fields: type hint and default by name; `...` for no default.
    """
    for name, (hint, default) in fields.items():
        if (found := _file_parameter(hint)) is not None:
            yield name, replace(found, optional=default is not ...)


def files_within(value: Any, at: Location = ()) -> Iterator[tuple[Location, File]]:
    """Find the files in validated values, each with where it was sent."""
    if isinstance(value, File):
        yield at, value
    elif not isinstance(value, str):
        for where, each in children(value):
            yield from files_within(each, (*at, *where))


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
