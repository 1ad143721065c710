"""Parsing of bodies: valid ones are read, others refused."""

import json
from datetime import UTC, datetime
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.api.parsing import Malformed, depth_of, parse_json, parse_msgpack

pytestmark = pytest.mark.check

_text = st.text(st.characters(exclude_categories=["Cs"]))
_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _text
)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner) | st.dictionaries(_text, inner), max_leaves=20
)


@settings(max_examples=50, deadline=None)
@given(_values)
def test_every_json_value_survives_both_formats(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value
    assert parse_msgpack(msgpack.packb(value)) == value


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused_with_a_reason(body: bytes) -> None:
    for parse in (parse_json, parse_msgpack):
        try:
            parse(body)
        except Malformed as error:
            assert str(error)  # noqa: PT017  # either outcome is right


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"[1,]", "Expecting value|trailing comma"),  # the wording of Python up to 3.12, and since
        (b"{} {}", "Extra data"),
        (b"NaN", "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"[-Infinity]", "-Infinity"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'"\xff"', "UTF-8"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\uDfff": 1}', "surrogate"),
        (b'"\x00"', "control character"),
        (b"\xef\xbb\xbf{}", "Expecting value"),
        (b"[" * 100_000, "deeply"),
    ],
)
def test_json_with_extensions_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        parse_json(body)


def test_a_surrogate_pair_is_one_character() -> None:
    assert parse_json(rb'"\ud83d\ude00"') == "😀"


@given(st.lists(st.sampled_from([r"\ud83d", r"\uDE00", r"\u0041", r"\\", r"\n", "ud83d", "é"])))
def test_a_value_is_read_exactly_if_it_can_be_written(pieces: list[str]) -> None:
    body = f'["{"".join(pieces)}"]'.encode()
    expected = json.loads(body)
    lone = any("\ud800" <= character <= "\udfff" for character in expected[0])

    if lone:
        with pytest.raises(Malformed, match="surrogate"):
            parse_json(body)
    else:
        assert parse_json(body) == expected


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not msgpack"),
        (b"\x93\x01", "not msgpack"),
        (b"\xc1", "not msgpack"),
        (b"\x01\x01", "after the value"),
        (msgpack.packb(b"binary"), "binary"),
        (msgpack.packb([float("nan")]), "NaN"),
        (msgpack.packb({"a": float("inf")}), "NaN and infinities"),
        (msgpack.packb(msgpack.ExtType(5, b"x")), "extension 5"),
        (msgpack.packb(datetime(2026, 1, 1, tzinfo=UTC), datetime=True), "time"),
        (msgpack.packb({1: 2}), "not msgpack"),
        (msgpack.packb({b"a": 2}), "not text"),
        (b"\x82\xa1a\x01\xa1a\x02", "twice"),
        (b"\xa1\xff", "UTF-8"),
        (b"\xa3\xed\xa0\x80", "UTF-8"),
        (b"\x91" * 100_000, "not msgpack"),
    ],
)
def test_msgpack_that_json_cannot_express_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        parse_msgpack(body)


def test_depth_counts_lists_and_objects_and_stops_above_the_bound() -> None:
    deep: list[Any] = []
    for _ in range(99):
        deep = [deep]

    assert depth_of(1, most=32) == 0
    assert depth_of([], most=32) == 1
    assert depth_of({"a": [1, {"b": 2}]}, most=32) == 3
    assert depth_of(deep, most=100) == 100
    assert depth_of(deep, most=32) == 33
