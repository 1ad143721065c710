"""Parameters and results survive Redis, and damaged ones are recognised."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.jobs.encoding import COMPRESS_ABOVE_BYTES, decode, encode
from callboard.jobs.errors import ResultNotSerialisable, ResultTooLarge
from callboard.jobs.finish import encode_result

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(value=JSON)
def test_encoded_values_round_trip(value: Any) -> None:
    stored, _ = encode(value)

    assert decode(stored) == value


def test_long_data_is_compressed_and_its_size_is_the_uncompressed_one() -> None:
    value = "gene " * COMPRESS_ABOVE_BYTES

    stored, size = encode(value)

    assert size > len(value) > len(stored) * 10
    assert decode(stored) == value


def test_short_data_stays_plain() -> None:
    stored, size = encode("x" * 10)

    assert len(stored) == size + 1


@pytest.mark.parametrize("value", [object(), {1, 2}, 2**64, math.prod([2] * 70), lambda: 1])
def test_values_that_json_cannot_express_are_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        encode(value)


@pytest.mark.parametrize("stored", [b"\x02abc", b"\x01no zstandard", b"x"])
def test_foreign_bytes_are_refused(stored: bytes) -> None:
    with pytest.raises(ValueError, match=r"damaged data|unknown encoding"):
        decode(stored)


def test_a_result_that_cannot_be_sent_fails_with_a_reason_and_no_retry() -> None:
    with pytest.raises(ResultNotSerialisable, match="cannot be sent") as failure:
        encode_result(object(), max_bytes=100)

    assert not failure.value.retryable


def test_infinite_nesting_is_a_result_that_cannot_be_sent() -> None:
    endless: list[Any] = []
    endless.append(endless)

    with pytest.raises(ResultNotSerialisable):
        encode_result(endless, max_bytes=100)


def test_a_result_may_be_as_large_as_allowed_and_no_larger() -> None:
    _, size = encode("x" * 200)

    assert encode_result("x" * 200, max_bytes=size).result_bytes == size
    with pytest.raises(ResultTooLarge, match=str(size)):
        encode_result("x" * 200, max_bytes=size - 1)
