"""Parses `Range` (RFC 9110, section 14)."""

import re
from dataclasses import dataclass
from typing import Final

_MANY_DIGITS: Final = 18
_ONE: Final = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """A range of bytes within a body.

    Attributes:
        start: the first byte, from 0.
        length: how many bytes, at least 1.
    """

    start: int
    length: int


class UnsatisfiableRange(ValueError):
    """None of the requested bytes exist."""


def part_of(asked: str | None, size: int) -> Part | None:
    """Return the range that a `Range` header asks for, or None for the whole body.

    A header that is malformed, in another unit, reversed or for several ranges is ignored: the
    whole body is always a correct response (section 14.2).

    Args:
        asked: the value of the header.
        size: the body's size, in bytes.

    Raises:
        UnsatisfiableRange: the range is beyond the end, or empty.
    """
    match = _ONE.fullmatch(asked or "")
    if match is None or not any(match.groups()):
        return None
    first, last = map(_bounded, match.groups())
    if not first:
        return _suffix(int(last), size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise UnsatisfiableRange
    end = min(int(last), size - 1) if last else size - 1
    return Part(start, end - start + 1)


def _suffix(length: int, size: int) -> Part | None:
    if length == 0:
        raise UnsatisfiableRange
    if size == 0:
        return None  # the whole of an empty body, which Content-Range cannot express
    length = min(length, size)
    return Part(size - length, length)


def _bounded(digits: str) -> str:
    """Reduce a number that is beyond every size to one that still is."""
    digits = digits.lstrip("0") or digits[:1]
    return "9" * _MANY_DIGITS if len(digits) > _MANY_DIGITS else digits
