"""Functions' seeds do not affect our random numbers, and ours do not affect theirs."""

import random
from datetime import timedelta

import pytest

from callboard.jobs.backoff import Backoff, spread

pytestmark = pytest.mark.check


def test_delays_vary_whatever_a_function_seeds_and_do_not_change_its_numbers() -> None:
    backoff = Backoff(timedelta(seconds=1), timedelta(minutes=1))
    random.seed(7)
    before = random.getstate()
    first = backoff.delay(3), spread(timedelta(minutes=1), 0.1)
    after = random.getstate()
    random.seed(7)
    second = backoff.delay(3), spread(timedelta(minutes=1), 0.1)

    assert first[0] != second[0]
    assert first[1] != second[1]
    assert after == before
