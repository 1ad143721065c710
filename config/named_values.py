"""Parses settings that map names to values, such as `gpu=1,licence=2`."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import BeforeValidator

from callboard.config.values import NAME, Rate, parse_rate

_MAX_NUMBER = 1_000_000

Value = TypeVar("Value")


def _by_name(
    kind: str, pair: str, parse: Callable[[str], Value | None]
) -> Callable[[object], object]:
    """Return a parser of comma-separated pairs of a name and a value.

    Args:
        kind: what the names are of.
        pair: what a pair is, with an example.
        parse: parses a value; returns None, or raises ValueError, if it is invalid.
    """

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        found: dict[str, Value] = {}
        for written in filter(None, map(str.strip, value.split(","))):
            name, _, text = (part.strip() for part in written.partition("="))
            parsed = parse(text) if NAME.fullmatch(name) else None
            if parsed is None:
                raise ValueError(f"{written!r} is not {pair}")
            if name in found:
                raise ValueError(f"the {kind} {name!r} is set twice")
            found[name] = parsed
        return found

    return read


def _number_from(least: int) -> Callable[[str], int | None]:
    def number(text: str) -> int | None:
        return int(text) if text.isdecimal() and least <= int(text) <= _MAX_NUMBER else None

    return number


_RATE = _by_name("operation", "an operation with a rate, such as add=30/1m", parse_rate)
_PLACES = _by_name("resource", "a resource with a number of places, such as gpu=1", _number_from(0))
_CAPACITY = _by_name(
    "capacity group", "a capacity group with a number from 1, such as curation=8", _number_from(1)
)

Rates = Annotated[dict[str, Rate], BeforeValidator(_RATE)]
Places = Annotated[dict[str, int], BeforeValidator(_PLACES)]
Capacities = Annotated[dict[str, int], BeforeValidator(_CAPACITY)]
