"""Retries wait longer each time, within their bounds, and with jitter."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.jobs.backoff import Backoff, spread

pytestmark = pytest.mark.check

SECOND = timedelta(seconds=1)
YEAR = timedelta(days=365)


@given(
    ends=st.tuples(*[st.timedeltas(timedelta(0), YEAR)] * 2).map(sorted),
    failures=st.integers(1, 10**6),
)
def test_a_delay_is_never_shorter_or_longer_than_its_bounds(
    ends: list[timedelta], failures: int
) -> None:
    shortest, longest = ends

    delay = Backoff(shortest, longest).delay(failures)

    assert shortest <= delay <= longest


def test_the_bound_doubles_with_each_failure_and_delays_fill_all_of_it() -> None:
    backoff = Backoff(SECOND, 60 * SECOND)

    drawn = {n: [backoff.delay(n) / SECOND for _ in range(2000)] for n in (1, 2, 3, 9)}

    for n, bound in ((1, 2), (2, 4), (3, 8), (9, 60)):
        width = bound - 1
        assert 1 <= min(drawn[n]) < 1 + 0.05 * width
        assert bound - 0.05 * width < max(drawn[n]) <= bound


def test_equal_bounds_give_a_fixed_delay() -> None:
    assert {Backoff(SECOND, SECOND).delay(n) for n in range(1, 50)} == {SECOND}


def test_a_chosen_delay_is_spread_by_its_share_at_most() -> None:
    drawn = [spread(10 * SECOND, 0.1) / SECOND for _ in range(2000)]

    assert 9 <= min(drawn) < 9.2
    assert 10.8 < max(drawn) <= 11
