"""Numbers arrive with all their digits, or are refused."""

import struct
import time
from decimal import Decimal
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard import operation
from callboard.api.parsing import NotHeld, parse_json, parse_msgpack
from callboard.jobs.errors import InvalidParameters

pytestmark = pytest.mark.check


@pytest.mark.parametrize(
    "digits",
    [
        "12345678901234567890.25",
        "9007199254740993.0",
        "9007199254740993e0",
        "3.14159265358979323846",
        "0.1000000000000000001",
        "1e400",
        "-1e400",
        "1e-400",
        "1" * 300 + ".5",
        "0." + "1" * 5000,
        "18446744073709551616",
        "-9223372036854775809",
        "1" * 5000,
    ],
)
def test_a_number_beyond_64_bits_is_refused(digits: str) -> None:
    with pytest.raises(NotHeld, match=f"number {digits[:30]}"):
        parse_json(f'{{"a": [{digits}]}}'.encode())


@pytest.mark.parametrize(
    ("digits", "number"),
    [
        ("0.1", 0.1),
        ("0.10", 0.1),
        ("0.10000000000000001", 0.1),
        ("0.1000000000000000055511151231257827021181583404541015625", 0.1),
        ("3.141592653589793", 3.141592653589793),
        ("3.1415926535897931", 3.141592653589793),
        ("1e3", 1000.0),
        ("1E+20", 1e20),
        pytest.param("1e" + "0" * 5000 + "1", 10.0, id="a long exponent"),
        ("5e-324", 5e-324),
        ("4.9406564584124654e-324", 5e-324),
        ("-0.0", -0.0),
        ("0e999", 0.0),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("18446744073709551615", 18446744073709551615),
    ],
)
def test_a_number_that_a_double_can_hold_is_read_in_any_notation(
    digits: str, number: float
) -> None:
    assert parse_json(digits.encode()) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_printed_double_is_read_exactly(number: float) -> None:
    for text in (repr(number), f"{number:.17g}", f"{number:.16e}", f"{number:.25e}"):
        if not text.lstrip("-").isdigit():
            assert struct.pack("d", parse_json(text.encode())) == struct.pack("d", number)


@operation
def take(  # noqa: PLR0913, PLR0917 — one parameter for each type
    amount: Decimal = Decimal(0),
    size: float = 0,
    sizes: list[float] = [],  # noqa: B006
    distinct: set[float] = set(),  # noqa: B006
    nested: dict[str, tuple[float, int]] = {},  # noqa: B006
    either: int | float = 0,  # noqa: PYI041 — pydantic tells them apart
    anything: Any = None,
) -> None:
    del amount, size, sizes, distinct, nested, either, anything


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"size": 9007199254740993}, "/size"),
        ({"sizes": [1, 9007199254740993]}, "/sizes/1"),
        ({"distinct": [9007199254740993]}, "/distinct"),
        ({"nested": {"a/b": [9007199254740993, 1]}}, "/nested/a~1b/0"),
        ({"size": 18446744073709551615}, "/size"),
    ],
)
def test_an_integer_that_a_float_cannot_hold_is_refused(sent: Any, pointer: str) -> None:
    with pytest.raises(InvalidParameters) as error:
        take.submission("1", take.validated(sent))

    assert [where for where, _ in error.value.errors] == [pointer]


@pytest.mark.parametrize(
    ("name", "sent", "right"),
    [
        ("size", 9007199254740992, 9007199254740992.0),
        ("size", 1e300, 1e300),
        ("either", 9007199254740993, 9007199254740993),
        ("anything", 18446744073709551615, 18446744073709551615),
        ("amount", 18446744073709551615, Decimal(18446744073709551615)),
        ("amount", "12345678901234567890.25", Decimal("12345678901234567890.25")),
        ("amount", 0.1, Decimal("0.1")),
        ("nested", {"a": [1, 9007199254740993]}, {"a": (1.0, 9007199254740993)}),
    ],
)
def test_numbers_arrive_unchanged(name: str, sent: Any, right: Any) -> None:
    kept = take.submission("1", take.validated(parse_msgpack(msgpack.packb({name: sent})))).params

    assert take.parameters.arguments(kept)[name] == right


def test_a_decimal_keeps_all_digits_or_is_refused() -> None:
    for body in (b'{"amount": 0.10000000000000001}', b'{"amount": 0.1000000000000000055511151231}'):
        with pytest.raises(InvalidParameters, match="/amount: has more digits"):
            take.submission("1", take.validated(parse_json(body)))

    kept = take.submission(
        "1", take.validated(parse_json(b'{"amount": 0.100, "size": 0.10000000000000001}'))
    ).params

    assert take.parameters.arguments(kept)["amount"] == Decimal("0.1")
    assert take.parameters.arguments(kept)["size"] == 0.1
    assert msgpack.unpackb(msgpack.packb(kept)) == {"amount": 0.1, "size": 0.1}


def test_numbers_cost_about_the_same_in_any_notation() -> None:
    plain, others = b"1.5", (b"1.5e-300", b"1.2345678901234567", b"1.2345678901234567e0")
    least = min(_seconds_to_read(plain) for _ in range(5))

    costs = [min(_seconds_to_read(each) for _ in range(5)) / least for each in others]

    assert max(costs) < 40, costs


def _seconds_to_read(digits: bytes) -> float:
    body = b"[" + b",".join([digits] * 500) + b"]"
    began = time.thread_time()
    parse_json(body)
    return time.thread_time() - began
