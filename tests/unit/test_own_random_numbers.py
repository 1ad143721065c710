"""What functions seed decides nothing of ours, and we draw nothing of theirs."""

import random
from datetime import timedelta

import pytest

from callboard.jobs.retry import backoff_delay

pytestmark = pytest.mark.check


def test_delays_differ_whatever_a_function_seeds_and_leave_its_numbers_alone() -> None:
    random.seed(7)
    before = random.getstate()
    first = backoff_delay(3, shortest=timedelta(seconds=1), longest=timedelta(minutes=1))
    after = random.getstate()
    random.seed(7)
    second = backoff_delay(3, shortest=timedelta(seconds=1), longest=timedelta(minutes=1))

    assert first != second
    assert after == before
