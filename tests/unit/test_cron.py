"""Ticks follow cron, even around clock changes, and are found in few steps."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.jobs.schedules.cron import Cron

pytestmark = pytest.mark.check

BERLIN = "Europe/Berlin"
GAP = datetime(2026, 3, 29, tzinfo=UTC)  # 02:00 is 03:00, at 01:00 UTC
FOLD = datetime(2026, 10, 25, tzinfo=UTC)  # 03:00 is 02:00, at 01:00 UTC
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
EXPRESSIONS = [
    *("* * * * *", "*/7 * * * *", "0 * * * *", "30 2 * * *", "*/15 2 * * *", "0,30 1-3 * * *"),
    *("59 23 * * SUN", "0 0 1 * *", "15 2 29 2 *", "0 12 * * 1#1", "5 1 L * *"),
]
ZONES = ["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Tehran"]


def _ticks(expression: str, start: datetime, count: int, zone: str = BERLIN) -> list[str]:
    cron, found = Cron(expression, zone), []
    for _ in range(count):
        following = cron.next_after(start)
        assert following is not None
        start = following
        found.append(f"{start:%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("expression", "start", "in_utc"),
    [
        # 02:30 does not exist: it ticks once, at the end of the gap.
        ("30 2 * * *", GAP, ["29 01:00", "30 00:30"]),
        ("0,30 2 * * *", GAP, ["29 01:00", "30 00:00"]),
        # 02:30 occurs twice: it ticks only the first time.
        ("30 2 * * *", FOLD, ["25 00:30", "26 01:30"]),
        # Hourly ticks follow real time, without a gap or a repeat.
        ("0 * * * *", GAP, ["29 01:00", "29 02:00", "29 03:00"]),
        ("0 * * * *", FOLD, ["25 01:00", "25 02:00", "25 03:00"]),
        ("*/30 2 * * *", FOLD, ["25 00:30", "25 01:00", "25 01:30", "26 01:00"]),
        ("*/30 2 * * *", GAP, ["30 00:00", "30 00:30"]),
    ],
)
def test_around_clock_changes_ticks_are_those_of_debians_cron(
    expression: str, start: datetime, in_utc: list[str]
) -> None:
    assert _ticks(expression, start, len(in_utc)) == in_utc


def test_within_a_repeated_hour_no_past_tick_is_found() -> None:
    second_time = FOLD + timedelta(hours=1, minutes=15)

    assert Cron("30 2 * * *", BERLIN).next_after(second_time) == FOLD + timedelta(days=1, hours=1.5)


@given(
    expression=st.sampled_from(EXPRESSIONS),
    zone=st.sampled_from(ZONES),
    seconds=st.integers(0, 2 * 365 * 24 * 60 * 60),
)
@settings(max_examples=40, deadline=None)
def test_ticks_increase_and_the_latest_equals_the_one_found_by_counting(
    expression: str, zone: str, seconds: int
) -> None:
    cron, ticks = Cron(expression, zone), [NEW_YEAR + timedelta(seconds=seconds)]
    for _ in range(8):
        following = cron.next_after(ticks[-1])
        assert following is not None
        ticks.append(following)
    ticks = ticks[1:]

    assert all(early < late for early, late in pairwise(ticks))
    for until, following in pairwise(ticks):
        assert cron.latest(ticks[0], until) == until
        assert cron.latest(ticks[0], following - timedelta(seconds=1)) == until


@pytest.mark.parametrize("years", [1, 10])
def test_the_latest_of_many_ticks_is_found_in_few_steps(years: int) -> None:
    class Counted(Cron):
        asked = 0

        def next_after(self, moment: datetime) -> datetime | None:
            self.asked += 1
            return super().next_after(moment)

    cron = Counted("* * * * *", BERLIN)
    until = GAP + timedelta(days=365 * years, seconds=30)

    assert cron.latest(GAP, until) == GAP + timedelta(days=365 * years)
    assert cron.asked < 60


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "such as"),
        ("* * * *", "5 fields"),
        ("0 * * * * *", "5 fields"),
        ("60 * * * *", "bad minute"),
        ("* 24 * * *", "bad hour"),
        ("* * 31 2 *", "bad day-of-month"),
        ("5-1 * * * *", "bad minute"),
        ("0 0 */31 2 MON#5", "never"),
        ("@daily", "such as"),
        ("* * * * \u0967", "such as"),
        ("*/0 * * * *", "bad minute"),
        ("0" * 300, "such as"),
        ("* * * * L", "bad day-of-week"),
        ("\n* * * * *", "such as"),
    ],
)
def test_an_invalid_cron_expression_is_refused_with_the_reason(
    expression: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Cron(expression, "UTC")


@pytest.mark.parametrize(
    "zone", ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "localtime", "America", "utc\n"]
)
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        Cron("* * * * *", zone)
