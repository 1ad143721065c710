"""The delay after a failed delivery attempt."""

from datetime import timedelta

import pytest

from callboard.jobs.callbacks.retry_delay import Attempted, next_delay

RETRIES = [timedelta(seconds=5), timedelta(minutes=5)]
HOUR = timedelta(hours=1)


def delay(
    attempts: int, *, factor: float = 1.0, retry_after: timedelta | None = None, code: int = 503
) -> timedelta | None:
    attempted = Attempted(code=code, retry_after=retry_after)
    return next_delay(attempted, attempts, RETRIES, lambda wait, _share: wait * factor)


@pytest.mark.parametrize(("attempts", "wait"), [(1, RETRIES[0]), (2, RETRIES[1]), (3, None)])
def test_each_attempt_but_the_last_has_a_delay(attempts: int, wait: timedelta | None) -> None:
    assert delay(attempts) == wait


def test_attempts_of_dead_dispatchers_count_and_keep_the_schedule_valid() -> None:
    assert delay(99) is None


def test_delays_vary_by_a_tenth_in_both_directions() -> None:
    drawn = []

    def draw(wait: timedelta, share: float) -> timedelta:
        drawn.append((wait, share))
        return wait * (1 + share)

    wait = next_delay(Attempted(), 2, RETRIES, draw)

    assert drawn == [(RETRIES[1], 0.1)]
    assert wait == RETRIES[1] * 1.1


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        (timedelta(seconds=1), RETRIES[0]),
        (HOUR, HOUR),
        (24 * HOUR, 24 * HOUR),
        (100 * HOUR, 24 * HOUR),
    ],
)
def test_a_receiver_may_ask_for_more_time_up_to_a_day(asked: timedelta, wait: timedelta) -> None:
    assert delay(1, retry_after=asked) == wait


def test_a_longer_delay_adds_no_attempt() -> None:
    assert delay(3, retry_after=HOUR) is None


@pytest.mark.parametrize(
    ("code", "taken"), [(None, False), (199, False), (200, True), (299, True), (302, False)]
)
def test_only_a_2xx_is_a_success(code: int | None, taken: bool) -> None:
    assert Attempted(code=code).succeeded == taken
