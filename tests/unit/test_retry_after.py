"""A function chooses its retry delay."""

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from callboard import RetryAfter
from callboard.jobs.errors import MAX_DELAY


@pytest.mark.parametrize(
    ("wanted", "delay"),
    [
        (30, timedelta(seconds=30)),
        (0.25, timedelta(seconds=0.25)),
        (0, timedelta(0)),
        (-5, timedelta(0)),
        (math.inf, MAX_DELAY),
        (10**30, MAX_DELAY),
        (timedelta(minutes=2), timedelta(minutes=2)),
        (timedelta(days=400), MAX_DELAY),
        (timedelta(seconds=-1), timedelta(0)),
        ("120", timedelta(minutes=2)),
        (" 120 ", timedelta(minutes=2)),
        ("9" * 5000, MAX_DELAY),
        ("soon", None),
        ("", None),
        (None, None),
        ("-3", None),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", timedelta(0)),
    ],
)
def test_a_delay_is_seconds_a_duration_or_a_header_and_at_most_a_day(
    wanted: Any, delay: timedelta | None
) -> None:
    assert RetryAfter(wanted).delay == delay


def test_a_header_with_a_date_is_the_time_until_then() -> None:
    header = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)

    delay = RetryAfter(header).delay

    assert delay is not None
    assert timedelta(minutes=4) < delay <= timedelta(minutes=5)


@pytest.mark.parametrize("wanted", [math.nan, object()])
def test_an_invalid_delay_is_refused_where_it_is_created(wanted: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        RetryAfter(wanted)
