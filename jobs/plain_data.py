"""Turn what is read only once, or known only to other packages, into Python's own data."""

import array
import io
from collections import deque
from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView
from decimal import Decimal
from typing import Any, Final

from callboard.jobs import numpy_values
from callboard.jobs.json_pointer import Location
from callboard.jobs.unserializable import Unserializable

MAX_DEPTH: Final = 200
"""So deep results may be nested: every format and reader that there is copes with that."""

_ATOMS: Final = frozenset({str, int, float, bool, bytes, type(None)})
_LISTED: Final = (range, KeysView, ValuesView, ItemsView, array.array)


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
