"""Parses the bytes of a body strictly to JSON-like data."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgpack

from callboard.jobs.json_numbers import NotHeldError, parse_fraction, parse_whole

_PERHAPS_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
# A pair of escaped surrogates, one alone as the group, or any other escape.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F])|.)"
)
_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


class Malformed(ValueError):
    """These bytes are not of their declared type; the message says why."""


class NotHeld(Malformed):
    """A number would lose digits; the message says which and why."""


def parse_json(body: bytes) -> Any:
    """Parse JSON (RFC 8259) strictly.

    Refused are bytes that are not UTF-8, lone surrogates, NaN and infinities, numbers that 64 bits
    do not hold with all their digits, and objects that have a member twice, of which two readers
    may see different ones.

    Raises:
        NotHeld: a number would lose digits.
        Malformed: the bytes are not valid.
    """
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except Malformed:
        raise
    except NotHeldError as error:
        raise NotHeld(str(error)) from error
    except UnicodeDecodeError as error:
        raise Malformed(f"Byte {error.start} is not UTF-8.") from error
    except json.JSONDecodeError as error:
        raise Malformed(f"{error.msg} at line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise Malformed("It is nested too deeply.") from error
    if _has_lone_surrogate(body):
        raise Malformed("A string contains a lone surrogate.")
    return value


def parse_msgpack(body: bytes) -> Any:
    """Parse msgpack strictly: only what JSON can express, so no binary, time or extension.

    Raises:
        Malformed: the bytes are not valid.
    """
    try:
        value = msgpack.unpackb(
            body, raw=False, strict_map_key=True, object_pairs_hook=_map, ext_hook=_no_extension
        )
    except Malformed:
        raise
    except msgpack.ExtraData as error:
        raise Malformed("There is more data after the value.") from error
    except UnicodeDecodeError as error:
        raise Malformed("A string is not UTF-8.") from error
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise Malformed("It is not msgpack.") from error
    _walk(value, _check_scalar)
    return value


def depth_of(value: Any, *, most: int) -> int:
    """Count how deeply lists and objects are nested, and stop one above `most`."""
    level = [value] if type(value) in (dict, list) else []
    depth = 0
    while level and depth <= most:
        depth += 1
        level = [
            child for each in level for child in _children(each) if type(child) in (dict, list)
        ]
    return depth


def _children(container: Any) -> Any:
    return container.values() if type(container) is dict else container


def _walk(value: Any, check: Callable[[Any], None]) -> None:
    level = [value]
    while level:
        following: list[Any] = []
        for each in level:
            if type(each) in (dict, list):
                following += _children(each)
            else:
                check(each)
        level = following


def _check_scalar(value: Any) -> None:
    if type(value) not in _SCALARS:
        raise Malformed(
            "It contains binary data, a time or an extension, which JSON cannot represent."
        )
    if type(value) is float and not math.isfinite(value):
        raise Malformed("NaN and infinities are not accepted.")


def _has_lone_surrogate(body: bytes) -> bool:
    # Escape by escape, so that other threads run in between.
    return _PERHAPS_SURROGATE.search(body) is not None and any(
        found[1] for found in _ESCAPE.finditer(body)
    )


def _object(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Malformed("An object has the same member twice.")
    return found


def _map(pairs: list[tuple[Any, Any]]) -> Mapping[str, Any]:
    found = _object(pairs)
    if not all(type(name) is str for name in found):
        raise Malformed("The name of a member is not text.")
    return found


def _no_constant(name: str) -> float:
    raise Malformed(f"{name} is not accepted as a number.")


def _no_extension(code: int, _data: bytes) -> object:
    raise Malformed(f"It contains the msgpack extension {code}.")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=parse_whole,
    parse_float=parse_fraction,
    parse_constant=_no_constant,
)
