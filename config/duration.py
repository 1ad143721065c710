"""Durations and sizes as people write them in settings and decorators."""

import re
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

_SECONDS: Mapping[str, float] = MappingProxyType(
    {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
)
_BYTES: Mapping[str, int] = MappingProxyType(
    {
        "": 1,
        "B": 1,
        "KB": 10**3,
        "MB": 10**6,
        "GB": 10**9,
        "KIB": 2**10,
        "MIB": 2**20,
        "GIB": 2**30,
    }
)
_QUANTITY = re.compile(r"\s*(\d{1,18}(?:\.\d{1,9})?)\s*([A-Za-z]*)\s*", re.ASCII)


def parse_duration(value: str | float | timedelta) -> timedelta:
    """Parse a duration, which is never negative.

    Args:
        value: `"250ms"`, `"10s"`, `"5m"`, `"24h"`, `"7d"`; a bare number means seconds.

    Raises:
        ValueError: the text is not a duration, or it is negative or infinite.

    """
    if isinstance(value, timedelta):
        duration = value
    elif isinstance(value, str):
        amount, unit = _split(value, "a duration such as 250ms, 10s, 5m, 24h or 7d")
        if unit and unit.lower() not in _SECONDS:
            raise ValueError(f"{value!r} has the unknown unit {unit!r}; use ms, s, m, h or d")
        duration = _from_seconds(float(amount) * _SECONDS[unit.lower() or "s"], value)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a duration such as 250ms, 10s, 5m, 24h or 7d")
    else:
        duration = _from_seconds(value, value)
    if duration < timedelta(0):
        raise ValueError(f"{value!r} is negative; a duration is zero or more")
    return duration


def parse_duration_range(value: str | tuple[timedelta, timedelta]) -> tuple[timedelta, timedelta]:
    """Read a range such as `"10s..5m"`; its ends may be equal.

    Raises:
        ValueError: the text is not two durations, or the second is shorter.

    """
    ends = tuple(value.split("..")) if isinstance(value, str) else value
    if len(ends) != 2:  # noqa: PLR2004  # a range has two ends
        raise ValueError(f"{value!r} is not a range of durations such as 10s..5m")
    low, high = parse_duration(ends[0]), parse_duration(ends[1])
    if high < low:
        raise ValueError(f"{value!r} ends before it begins")
    return low, high


def parse_bytes(value: str | float) -> int:
    """Read a size in bytes.

    Args:
        value: `"2GiB"`, `"64KiB"` (powers of 1024), `"16MB"` (powers of 1000), or a bare number.

    Raises:
        ValueError: the text is not a size, or not a whole number of bytes.

    """
    if isinstance(value, str):
        amount, unit = _split(value, "a size such as 64KiB, 16MB or 2GiB")
        factor = _BYTES.get(unit.upper())
        if factor is None:
            raise ValueError(
                f"{value!r} has the unknown unit {unit!r}; use B, KiB, MiB, GiB, KB, MB or GB"
            )
        size = float(amount) * factor if "." in amount else int(amount) * factor
        if size != int(size):
            raise ValueError(f"{value!r} is not a whole number of bytes")
        return int(size)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not a size such as 64KiB, 16MB or 2GiB")
    return value


def format_duration(duration: timedelta) -> str:
    """Format a duration in the largest unit that divides it, so that `parse_duration` reads it."""
    milliseconds = duration // timedelta(milliseconds=1)
    for unit, seconds in reversed(tuple(_SECONDS.items())):
        whole, rest = divmod(milliseconds, int(seconds * 1000))
        if whole and not rest:
            return f"{whole}{unit}"
    return "0s"


def format_bytes(size: int) -> str:
    """Format a size in the largest power of 1024 that divides it, for `parse_bytes` to read."""
    for unit in ("GiB", "MiB", "KiB"):
        whole, rest = divmod(size, _BYTES[unit.upper()])
        if whole and not rest:
            return f"{whole}{unit}"
    return f"{size}B"


def _split(text: str, wanted: str) -> tuple[str, str]:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not {wanted}")
    return match[1], match[2]


def _from_seconds(seconds: float, written: object) -> timedelta:
    try:
        return timedelta(seconds=seconds)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{written!r} is too long for a duration") from error
