"""Which part of some bytes a request asks for (RFC 9110, section 14)."""

import re
from dataclasses import dataclass
from typing import Final

_MANY_DIGITS: Final = 18
_ONE: Final = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """A run of bytes within a body.

    Attributes:
        start: the first byte, from 0.
        length: how many bytes, at least 1.
    """

    start: int
    length: int


class UnsatisfiableRange(ValueError):
    """Nothing of what was asked for is there."""


def part_of(asked: str | None, size: int) -> Part | None:
    """Find the part that a `Range` header asks for, or None for all of it.

    What is malformed, in another unit, reversed or asks for several parts is not followed: the
    whole body is always a right answer (section 14.2).

    Args:
        asked: the header's value.
        size: of the body, in bytes.

    Raises:
        UnsatisfiableRange: the part lies beyond the end, or is empty.
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
        return None  # all of nothing, which no Content-Range can say
    length = min(length, size)
    return Part(size - length, length)


def _bounded(digits: str) -> str:
    """Cut a number that is beyond every size down to one that still is."""
    digits = digits.lstrip("0") or digits[:1]
    return "9" * _MANY_DIGITS if len(digits) > _MANY_DIGITS else digits
