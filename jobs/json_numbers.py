"""Numbers as they are sent: integers, and decimals that a double does not hold."""

import math
import re
import sys
from collections.abc import Iterator, Mapping
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact
from typing import Any, Final

from pydantic import BaseModel

from callboard.jobs.json_pointer import Location
from callboard.jobs.validated_values import pairs

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**64 - 1
"""What msgpack has; JSON has no bounds of its own."""

_MAX_WHOLE_LENGTH: Final = 20
_ALWAYS_HELD: Final = 15
"""So many digits each double holds, within its range (IEEE 754, binary64)."""
_MAX_DIGITS: Final = 1100
"""No double has more than 1,074 after the point."""

_EXACT: Final = Context(prec=4 * _MAX_DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact])

_MANY_DIGITS: Final = re.compile(rb"[0-9]{16}")


class NotHeldError(ValueError):
    """A number would lose digits; the message says why."""


class Printed(float):
    """A double that was sent with more digits than it needs, which a decimal would keep.

    Attributes:
        digits: as it was sent.
    """

    digits: str


def parse_whole(digits: str) -> int:
    """Read a whole number.

    Raises:
        NotHeldError: it takes more than 64 bits.
    """
    # The length comes first, since reading very many digits takes very long.
    if len(digits) > _MAX_WHOLE_LENGTH or not MIN_INTEGER <= (number := int(digits)) <= MAX_INTEGER:
        raise NotHeldError(f"The whole number {_shown(digits)} takes more than 64 bits.")
    return number


def check_whole(value: Any) -> None:
    """Check the whole numbers in data that was not read by `parse_whole`.

    Raises:
        NotHeldError: one takes more than 64 bits.
    """
    match value:
        case int() if not MIN_INTEGER <= value <= MAX_INTEGER:
            raise NotHeldError("A whole number takes more than 64 bits.")
        case Mapping():
            for each in value.values():
                check_whole(each)
        case list():
            for each in value:
                check_whole(each)


def parse_fraction(digits: str) -> float:
    """Read a number with a fraction or an exponent, as `1.5` or `2e3`, without losing digits.

    A double holds it if it is what the double is when it is rounded to as many digits.

    Raises:
        NotHeldError: no double holds it.
    """
    number = float(digits)
    if len(digits) <= _ALWAYS_HELD and "e" not in digits and "E" not in digits:
        return number
    if not math.isfinite(number):
        raise NotHeldError(f"The number {_shown(digits)} is too large.")
    mantissa, _, power = digits.lower().partition("e")
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    significant = (whole + fraction).lstrip("0")
    if not significant.rstrip("0"):
        return number
    if number == 0:
        raise NotHeldError(f"The number {_shown(digits)} is too small.")
    if len(significant) <= _ALWAYS_HELD and abs(number) >= sys.float_info.min:
        return number
    if repr(number) == digits:  # of all texts as long as this one it is the nearest
        return number
    # `Decimal` is exact here, and not slow whatever the exponent is, as fractions are.
    if len(digits) > _MAX_DIGITS or not _rounds_to(number, digits, int(power or 0), fraction):
        raise NotHeldError(
            f"The number {_shown(digits)} has more digits than a 64-bit floating-point number "
            "holds; where a decimal is taken, send it as text."
        )
    return number if Decimal(repr(number)) == Decimal(digits) else _printed(number, digits)


def _printed(number: float, digits: str) -> Printed:
    found = Printed(number)
    found.digits = digits
    return found


def takes_decimals(schema: Any) -> bool:
    """Return whether a core schema reads decimals, which keep more digits than doubles."""
    if isinstance(schema, dict):
        return schema.get("type") == "decimal" or any(map(takes_decimals, schema.values()))
    return isinstance(schema, list | tuple) and any(map(takes_decimals, schema))


def _rounds_to(number: float, digits: str, power: int, fraction: str) -> bool:
    """Return whether the digits are at most half a unit of their last place away from a double."""
    unit = Decimal((0, (1,), power - len(fraction)))
    away = _EXACT.subtract(Decimal(number), Decimal(digits))
    return _EXACT.multiply(away.copy_abs(), Decimal(2)) <= unit


def _shown(digits: str) -> str:
    return digits if len(digits) <= 40 else f"{digits[:37]}…"  # noqa: PLR2004


def with_whole(value: Any) -> Any:
    """Take 5.0 for 5 wherever it stands, as JSON Schema does (2020-12, core, section 4.2.3)."""
    match value:
        case float() if value.is_integer() and abs(value) <= MAX_INTEGER:
            return int(value)
        case Mapping():
            return {name: with_whole(each) for name, each in value.items()}
        case list():
            return [with_whole(each) for each in value]
        case _:
            return value


def rounded(
    sent: Mapping[str, Any], text: bytes, model: BaseModel, *, decimals: bool
) -> Iterator[Location]:
    """Find whole numbers that were read as floats, and others as decimals, without all digits.

    Args:
        sent: the parameters.
        text: the same as JSON, which says fast that there are no long whole numbers.
        model: what they were read as.
        decimals: whether there can be any.
    """
    if not decimals and not _MANY_DIGITS.search(text):
        return
    for at, each, value in pairs(dict(sent), model):
        if isinstance(each, list) and isinstance(value, set | frozenset):
            if any(_is_rounded(number, read) for number in each for read in value):
                yield at
        elif _is_rounded(each, value):
            yield at


def _is_rounded(sent: Any, read: Any) -> bool:
    if isinstance(sent, Printed):
        return isinstance(read, Decimal) and read == Decimal(repr(float(sent)))
    return type(sent) is int and isinstance(read, float) and read == float(sent) and read != sent
