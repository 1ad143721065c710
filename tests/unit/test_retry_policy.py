"""Retry policies: invalid ones are refused when declared, and an invalid delay loses no retry."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from callboard import FailedAttempt, RetryPolicy, operation
from callboard.jobs.errors import OperationError
from callboard.jobs.retry_policy import delay_of, policy_of
from tests.logs import capture_logs

pytestmark = pytest.mark.check

FAILED = FailedAttempt(
    job_id="1",
    operation="work",
    attempt=3,
    failures=2,
    error="exception",
    exception="ConnectionError",
    detail="ConnectionError: no route",
    previous_delay=timedelta(seconds=7),
)


class Linear(RetryPolicy):
    """Waits a second longer each time, and not at all after a timeout."""

    def delay(self, failed: FailedAttempt, /) -> timedelta:
        return timedelta(seconds=0 if failed.error == "timeout" else failed.failures)


class Doubled(RetryPolicy):
    """Does not call its base class."""

    def __init__(self) -> None:
        self.factor = 2

    def delay(self, failed: FailedAttempt, /) -> timedelta:
        return (failed.previous_delay or timedelta(seconds=1)) * self.factor


def policy(retry: Any, backoff: str | None = None) -> RetryPolicy:
    return policy_of(retry, backoff, max_retries=1)


@pytest.mark.parametrize(
    ("retry", "delay"),
    [
        (Linear(), timedelta(seconds=2)),
        (Doubled(), timedelta(seconds=14)),
        (lambda failed: failed.attempt, timedelta(seconds=3)),
        (lambda _: 0.25, timedelta(milliseconds=250)),
        (lambda _: 0, timedelta(0)),
        (lambda _: timedelta(days=365), timedelta(days=365)),
        (lambda _, base=5: base, timedelta(seconds=5)),
    ],
)
def test_a_policy_decides_from_the_attempt_its_error_and_the_delay_before(
    retry: Any, delay: timedelta
) -> None:
    with capture_logs() as lines:
        decided = delay_of(policy(retry), FAILED)

    assert decided == delay
    assert lines == []


def test_without_one_delays_grow_exponentially_within_the_declared_bounds() -> None:
    def work() -> None:
        return None

    short = operation(backoff="1s..20s", max_retries=9)(work).rules.retry
    default = operation(max_retries=9)(work).rules.retry

    for _ in range(200):
        assert timedelta(seconds=1) <= delay_of(short, FAILED) <= timedelta(seconds=4)
        assert timedelta(seconds=10) <= delay_of(default, FAILED) <= timedelta(seconds=40)


class Disguised:
    """Looks like a delay."""

    @property  # type: ignore[misc]
    def __class__(self) -> type[timedelta]:
        return timedelta


def raising(error: BaseException) -> Callable[[FailedAttempt], float]:
    def decide(_failed: FailedAttempt, /) -> float:
        raise error

    return decide


@pytest.mark.parametrize(
    ("retry", "reason"),
    [
        (lambda _: -1, "the delay is not between 0 and a year"),
        (lambda _: timedelta(seconds=-1), "the delay is not between 0 and a year"),
        (lambda _: float("nan"), "the delay is not between 0 and a year"),
        (lambda _: float("inf"), "the delay is not between 0 and a year"),
        (lambda _: 1e300, "the delay is not between 0 and a year"),
        (lambda _: 10**400, "OverflowError"),
        (lambda _: timedelta(days=366), "the delay is not between 0 and a year"),
        (lambda _: None, "it returned neither a timedelta nor a number of seconds"),
        (lambda _: True, "it returned neither a timedelta nor a number of seconds"),
        (lambda _: "5s", "it returned neither a timedelta nor a number of seconds"),
        (lambda _: Disguised(), "it returned neither a timedelta nor a number of seconds"),
        (raising(KeyError("a secret")), "KeyError"),
        (raising(SystemExit(3)), "SystemExit"),
    ],
)
def test_a_policy_without_a_usable_delay_falls_back_to_the_default_and_is_logged(
    retry: Any, reason: str
) -> None:
    with capture_logs() as lines:
        decided = delay_of(policy(retry), FAILED)

    assert timedelta(seconds=10) <= decided <= timedelta(seconds=40)
    (line,) = lines
    assert line["event"] == "retry_policy_failed"
    assert line["reason"] == reason
    assert line["delay_ms"] == decided // timedelta(milliseconds=1)


async def later(_failed: FailedAttempt) -> float:
    return 1


def each(_failed: FailedAttempt) -> Iterator[float]:
    yield 1


async def stream(_failed: FailedAttempt) -> AsyncIterator[float]:
    yield 1


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ({"retry": 3}, "retry must be a RetryPolicy or a function, and 3 is neither; .*max_ret"),
        ({"retry": "10s..5m"}, "retry must be a RetryPolicy or a function"),
        ({"retry": Linear}, r"retry must be an object, as in retry=Linear\(\)"),
        ({"retry": lambda: 1}, "the retry policy must take one argument, the failed attempt"),
        ({"retry": lambda _one, _two: 1}, "the retry policy must take one argument"),
        ({"retry": later}, "the retry policy must be a plain function that returns a delay"),
        ({"retry": each}, "the retry policy must be a plain function that returns a delay"),
        ({"retry": stream}, "the retry policy must be a plain function that returns a delay"),
        ({"retry": Linear(), "backoff": "1s..2s"}, "backoff and retry cannot be combined"),
        ({"retry": Linear(), "max_retries": 0}, "retry has no effect without max_retries"),
        ({"backoff": "10s..366d"}, "'10s..366d' is too long: a delay is at most a year"),
        ({"backoff": 5}, "5 is not a range of durations"),
    ],
)
def test_an_invalid_policy_is_refused_when_it_is_declared_in_one_sentence(
    chosen: dict[str, Any], reason: str
) -> None:
    def work() -> None:
        return None

    with pytest.raises(OperationError, match=rf"^work: .*{reason}") as error:
        operation(**{"max_retries": 1, **chosen})(work)

    assert "\n" not in str(error.value)
