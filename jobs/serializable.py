"""Make a result JSON-like data, and see to it that nothing is lost or changed on the way.

Three steps: `plain` reads what is read only once or known only to other packages; `survey` looks
for what validated data would lose; `Serializable` makes the last changes to what was dumped.
"""

import array
import dataclasses
import io
import math
from collections import deque
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from callboard.jobs import numpy_values
from callboard.jobs.json_numbers import MAX_INTEGER, MIN_INTEGER
from callboard.jobs.json_pointer import Location
from callboard.jobs.nullable_schema import allows_null
from callboard.jobs.unserializable import Unserializable

MAX_DEPTH: Final = 200
"""So deep results may be nested: every format and reader that there is copes with that."""

_ATOMS: Final = frozenset({str, int, float, bool, bytes, type(None)})
_LISTED: Final = (range, KeysView, ValuesView, ItemsView, array.array)
_SIMPLE: Final = frozenset({str, int, bool, type(None)})


def plain(value: Any, at: Location = ()) -> Any:  # noqa: C901, PLR0911, PLR0912 — a table of kinds
    """Read iterators to their end, and give numbers, arrays and tables as Python's own data.

    What needs no change comes back as it is; models and other objects are not looked into.

    Raises:
        Unserializable: it is nested too deep, as what contains itself is.
        Exception: whatever an iterator raises.
    """
    if type(value) in _ATOMS:
        return value
    if len(at) > MAX_DEPTH:
        raise Unserializable(at, f"is nested deeper than {MAX_DEPTH} levels")
    value = numpy_values.native(value, at)
    match value:
        case dict():
            return _mapping(value, at)
        case tuple() if hasattr(value, "_fields"):
            return _same_or(value, type(value)._make, at)  # type: ignore[attr-defined]
        case list() | tuple() | set() | frozenset() | deque():
            return _same_or(value, type(value) if type(value) in _BARE else list, at)
        case Decimal() if not value.is_finite():
            return float(value)
        case memoryview():
            return value.tobytes()
        case io.IOBase():
            raise Unserializable(at, "is an open file; create one with `job.files` instead")
        case Iterator():
            return _read(value, at)
    return _read(value, at) if isinstance(value, _LISTED) else value


_BARE: Final = (list, tuple, set, frozenset, deque)


def _read(items: Iterable[Any], at: Location) -> list[Any]:
    return [plain(each, (*at, index)) for index, each in enumerate(items)]


def _same_or(items: Any, make: Any, at: Location) -> Any:
    """Return a container itself if nothing in it changes, or another one of its kind."""
    if set(map(type, items)) <= _ATOMS:
        return items
    read = _read(items, at)
    return items if all(map(_is, items, read)) else make(read)


def _mapping(value: dict[Any, Any], at: Location) -> dict[Any, Any]:
    if set(map(type, value.values())) <= _ATOMS and set(map(type, value)) <= _ATOMS:
        return value
    keys = [numpy_values.native(key, at) for key in value]
    values = [plain(each, (*at, str(key))) for key, each in zip(keys, value.values(), strict=True)]
    if all(map(_is, value.values(), values)) and all(map(_is, value, keys)):
        return value
    made = dict(zip(keys, values, strict=True))
    if len(made) < len(value):
        raise Unserializable(at, "has keys that are the same as text")
    return made


def _is(one: object, other: object) -> bool:
    return one is other


def survey(value: Any, at: Location = ()) -> None:  # noqa: C901, PLR0912 — a table of kinds
    """Look for what would get lost when validated data is turned into JSON-like data.

    Raises:
        Unserializable: a number is infinite, keys are the same as text or have none, or it is
            nested too deep.
    """
    if len(at) > MAX_DEPTH:
        raise Unserializable(at, f"is nested deeper than {MAX_DEPTH} levels")
    match value:
        case float() if math.isinf(value):
            raise Unserializable(at, "is an infinite number, which JSON does not have")
        case datetime() if value != value:  # noqa: PLR0124 — pandas' NaT, inside a model
            raise Unserializable(at, "is not a time (NaT); use None")
        case dict():
            _survey_keys(value, at)
            _survey_all(value, at)
        case list() | tuple() | set() | frozenset() | deque():
            if not set(map(type, value)) <= _SIMPLE:
                for index, each in enumerate(value):
                    survey(each, (*at, index))
        case BaseModel():
            _survey_all({**vars(value), **(value.model_extra or {})}, at)
        case _ if dataclasses.is_dataclass(value):
            _survey_all(getattr(value, "__dict__", {}), at)


def _survey_all(values: Mapping[Any, Any], at: Location) -> None:
    if not set(map(type, values.values())) <= _SIMPLE:
        for name, each in values.items():
            survey(each, (*at, str(name)))


def _survey_keys(value: dict[Any, Any], at: Location) -> None:
    if set(map(type, value)) <= {str}:
        for key in value:
            _text(key, at)
        return
    texts: set[str] = set()
    for key in value:
        if isinstance(key, str):
            _text(key, at)
        text = _key_as_text(key, at)
        if text in texts:
            raise Unserializable((*at, text), "is the key of several values once keys are text")
        texts.add(text)


def _key_as_text(key: Any, at: Location) -> str:
    """Return what a key is written as.

    Raises:
        Unserializable: it has no form of its own as text.
    """
    if _has_bad_number(key):
        raise Unserializable(at, "has a key with a number that JSON does not have")
    unknown: list[Any] = []
    try:
        (text,) = to_jsonable_python({key: None}, bytes_mode="base64", fallback=unknown.append)
    except TypeError as error:
        if not str(error).endswith("not valid as object key"):  # it is the function's own
            raise
        unknown.append(error)
    if unknown:
        kind = type(key).__name__
        raise Unserializable(at, f"has a key of the type {kind}, which has no form as text")
    return str(text)


def _has_bad_number(key: Any) -> bool:
    match key:
        case float():
            return not math.isfinite(key)
        case Enum():
            return _has_bad_number(key.value)
        case tuple():
            return any(map(_has_bad_number, key))
    return False


class Serializable:
    """Makes the last changes to data that is JSON-like but for a few values.

    Args:
        schema: of the data; a number that is none becomes null where it allows that.
        mark: gives what stands for a piece of text, if that is no text of the function's.
    """

    def __init__(self, schema: Mapping[str, Any], mark: Callable[[str, Location], Any]) -> None:
        self._schema = schema
        self._mark = mark

    def sent(self, value: Any, at: Location = ()) -> Any:  # noqa: C901, PLR0912 — a table of kinds
        """Return the data as it is sent; its own lists and maps are changed for that.

        Raises:
            Unserializable: JSON or msgpack has no form of something in it.
        """
        if len(at) > MAX_DEPTH:
            raise Unserializable(at, f"is nested deeper than {MAX_DEPTH} levels")
        match value:
            case bool() | None:
                return value
            case str():
                return self._mark(_text(value, at), at)
            case int():
                if not MIN_INTEGER <= value <= MAX_INTEGER:
                    raise Unserializable(
                        at, "is a whole number of more than 64 bits; send it as text"
                    )
                return value
            case float():
                return value if math.isfinite(value) else self._none(value, at)
            case list():
                if not _is_finite(value):
                    value[:] = [self.sent(each, (*at, i)) for i, each in enumerate(value)]
                return value
            case dict():
                for key in value:
                    self._check_key(key, at)
                    value[key] = self.sent(value[key], (*at, key))
                return value
        raise Unserializable(at, f"is of the type {type(value).__name__}, which JSON does not have")

    def _check_key(self, key: str, at: Location) -> None:
        try:
            is_text = self._mark(key, at) is key
        except Unserializable:
            is_text = False
        if not is_text:  # a serialiser of the function's has made it
            raise Unserializable(at, "has a key without a form as text")

    def _none(self, value: float, at: Location) -> None:
        if math.isinf(value) or not allows_null(self._schema, at):
            raise Unserializable(at, f"is {value}, a number that JSON does not have")


def _is_finite(values: list[Any]) -> bool:
    """Return whether a list has nothing but finite numbers, of those that are many."""
    return set(map(type, values)) == {float} and all(map(math.isfinite, values))


def _text(value: str, at: Location) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unserializable(
                at, "contains half a character, which UTF-8 cannot represent"
            ) from None
    return value
