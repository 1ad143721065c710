"""The meaning of parameters as JSON-like data: equal for equal values, however they were sent.

It goes by the values themselves, not by how an author has them shown: a field that is left out of
dumps, or shown in fewer digits, tells two jobs apart all the same.
"""

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from enum import Enum
from heapq import merge
from itertools import groupby, islice
from typing import Any, Final

from pydantic import BaseModel, RootModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

from callboard.jobs.files.file import File
from callboard.jobs.validated_values import fields_of, has_fields

_MAX_ZEROS: Final = 64
_CONTAINERS: Final = (dict, list, tuple)
_AT_A_TIME: Final = 1024
"""How many values are sorted or encoded at a time; no other thread runs meanwhile."""


class NoMeaningError(Exception):
    """A value is of an unknown type, so it cannot be compared."""


def canonical_form(  # noqa: C901, PLR0911, PLR0912 — one case for each kind of value
    value: Any, file: Callable[[File], str]
) -> Any:
    """Return JSON-like data that is equal for equal values.

    Args:
        value: validated.
        file: what stands for a file.

    Raises:
        NoMeaningError: a value is of an unknown type.
    """
    match value:
        case None | bool():
            return value
        case Enum():
            return canonical_form(value.value, file)
        case str() | int():
            return value
        case float():
            return value or 0.0
        case Decimal():
            return _of_decimal(value)
        case File():
            return file(value)
        case RootModel():
            return canonical_form(value.root, file)
        case list() | tuple() | deque():
            return [canonical_form(each, file) for each in value]
        case AbstractSet():
            return sorted((canonical_form(each, file) for each in value), key=_written)
        case Mapping():
            return {_key(name): canonical_form(each, file) for name, each in value.items()}
        case BaseModel():
            return _of_fields(value, file) | canonical_form(value.model_extra or {}, file)
        case _ if has_fields(value):
            return _of_fields(value, file)
    try:
        return to_jsonable_python(value)
    except (PydanticSerializationError, ValueError) as error:
        raise NoMeaningError(type(value).__name__) from error


def fingerprint(value: Any) -> str:
    """Return 32 hexadecimal digits that are equal for equal JSON-like data; -0.0 equals 0.0.

    Raises:
        TypeError: the data is not JSON-like.
    """
    digest = hashlib.sha256()
    for piece in written_pieces(value):
        digest.update(piece.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


def written_pieces(value: Any) -> Iterator[str]:
    """Write JSON-like data with its members in order, as pieces that take little time each.

    Python's own encoder lets no other thread run before it has written everything.

    Raises:
        TypeError: the data is not JSON-like.
    """
    if not isinstance(value, _CONTAINERS):
        yield _written(value)
        return
    named = isinstance(value, dict)
    children = _in_order(value.items()) if isinstance(value, dict) else enumerate(value)
    comma = ""
    yield "{" if named else "["
    for nested, run in groupby(children, key=lambda child: isinstance(child[1], _CONTAINERS)):
        while some := list(islice(run, 1 if nested else _AT_A_TIME)):
            if nested:
                ((name, child),) = some
                yield f"{comma}{_written(name)}:" if named else comma
                yield from written_pieces(child)
            else:
                plain = dict(some) if named else [child for _, child in some]
                yield comma + _written(plain)[1:-1]
            comma = ","
    yield "}" if named else "]"


def _in_order(members: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, Any]]:
    left = iter(members)
    parts = list(iter(lambda: sorted(islice(left, _AT_A_TIME)), []))
    return parts[0] if len(parts) == 1 else merge(*parts)


def _written(value: Any) -> str:
    written = _dumped(value)
    return _dumped(_unsigned(value)) if "-0.0" in written else written


def _dumped(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _unsigned(value: Any) -> Any:
    match value:
        case float():
            return value or 0.0
        case Mapping():
            return {name: _unsigned(each) for name, each in value.items()}
        case list() | tuple():
            return [_unsigned(each) for each in value]
        case _:
            return value


def _of_fields(value: Any, file: Callable[[File], str]) -> dict[str, Any]:
    found = {}
    for name, info, _ in fields_of(value):
        key = (info.serialization_alias or info.alias if info else None) or name
        found[key] = canonical_form(getattr(value, "__dict__", {}).get(name, None), file)
    return found


def _key(name: Any) -> str:
    plain = name.value if isinstance(name, Enum) else name
    return plain if isinstance(plain, str) else next(iter(to_jsonable_python({plain: None})))


def _of_decimal(value: Decimal) -> str:
    """Write a decimal as short as it goes: 1.50 as 1.5, -0 as 0, 1E+2 as 100."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return str(value)
    if not any(digits):
        return "0"
    if 0 < exponent <= _MAX_ZEROS:
        return str(Decimal((sign, digits + (0,) * exponent, 0)))
    while exponent < 0 and digits[-1] == 0:
        digits, exponent = digits[:-1], exponent + 1
    return str(Decimal((sign, digits, exponent)))
