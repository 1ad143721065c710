"""Durations and sizes are read in common notations, or refused in a sentence."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.config.duration import (
    format_bytes,
    format_duration,
    parse_bytes,
    parse_duration,
    parse_duration_range,
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("250ms", timedelta(milliseconds=250)),
        ("10s", timedelta(seconds=10)),
        ("5m", timedelta(minutes=5)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        ("1.5h", timedelta(minutes=90)),
        (" 10 S ", timedelta(seconds=10)),
        ("30", timedelta(seconds=30)),
        ("0", timedelta(0)),
        (30, timedelta(seconds=30)),
        (0.5, timedelta(milliseconds=500)),
        (timedelta(hours=1), timedelta(hours=1)),
    ],
)
def test_a_duration_is_read_as_written(written: str | float | timedelta, meant: timedelta) -> None:
    assert parse_duration(written) == meant


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "not a duration"),
        ("soon", "not a duration"),
        ("-5s", "not a duration"),
        ("5 s s", "not a duration"),
        ("1e3s", "not a duration"),
        ("٣s", "not a duration"),
        ("5w", "unknown unit 'w'"),
        (-1, "negative"),
        (timedelta(seconds=-1), "negative"),
        (float("nan"), "too long"),
        (float("inf"), "too long"),
        ("999999999999999d", "too long"),
        (True, "not a duration"),
        (None, "not a duration"),
        (["1s"], "not a duration"),
    ],
)
def test_an_invalid_duration_is_refused_with_the_reason(written: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_duration(written)  # type: ignore[arg-type]


@given(st.integers(min_value=0, max_value=10**12))
def test_a_formatted_duration_round_trips(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)

    assert parse_duration(format_duration(duration)) == duration


def test_a_range_has_two_ends() -> None:
    assert parse_duration_range("10s..5m") == (timedelta(seconds=10), timedelta(minutes=5))
    assert parse_duration_range("10s..10s") == (timedelta(seconds=10), timedelta(seconds=10))
    assert parse_duration_range((timedelta(0), timedelta(1))) == (timedelta(0), timedelta(1))


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("10s", "not a range"),
        ("1s..2s..3s", "not a range"),
        ("..5m", "not a duration"),
        ("5m..10s", "ends before it begins"),
    ],
)
def test_an_invalid_range_is_refused_with_the_reason(written: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_duration_range(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0", 0),
        ("1024", 1024),
        (1024, 1024),
        ("1B", 1),
        ("64KiB", 65_536),
        ("64kib", 65_536),
        ("16MB", 16_000_000),
        ("2GiB", 2**31),
        ("1.5KiB", 1536),
    ],
)
def test_a_size_is_read_as_written(written: str | int, meant: int) -> None:
    assert parse_bytes(written) == meant


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "not a size"),
        ("big", "not a size"),
        ("-1", "not a size"),
        (-1, "not a size"),
        (True, "not a size"),
        (1.5, "not a size"),
        ("5TB", "unknown unit 'TB'"),
        ("0.3B", "not a whole number"),
    ],
)
def test_an_invalid_size_is_refused_with_the_reason(written: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_bytes(written)  # type: ignore[arg-type]


@given(st.integers(min_value=0, max_value=2**50))
def test_a_formatted_size_round_trips(size: int) -> None:
    assert parse_bytes(format_bytes(size)) == size
