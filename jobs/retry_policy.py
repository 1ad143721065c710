"""How long a failed job waits before its next attempt, as its operation says."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from math import isfinite
from typing import Any, Final

from callboard.config.duration import parse_duration_range
from callboard.jobs.backoff import Backoff
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

MAX_DELAY: Final = timedelta(days=365)
DEFAULT_BACKOFF: Final = "10s..5m"

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class FailedAttempt:
    """A failed attempt that will be retried, as a retry policy sees it.

    Attributes:
        job_id: of the job.
        operation: its name.
        attempt: the attempt's number, from 1; crashes and releases count here, too.
        failures: how many attempts failed in all, this one included.
        error: the type of the error as the job shows it, such as `exception` or `timeout`.
        exception: the name of the exception's class, such as `ConnectionError`.
        detail: what the error says.
        previous_delay: how long the job waited after the failure before this one; None for the
            first failure.
    """

    job_id: str
    operation: str
    attempt: int
    failures: int
    error: str
    exception: str
    detail: str
    previous_delay: timedelta | None


Delay = timedelta | float
"""How long to wait; a number means seconds."""


class RetryPolicy:
    """Exponential backoff with full jitter; override `delay` for a rule of your own.

    The policy runs in the worker, after the function has ended. It must return at once and must
    not wait for anything.

    Args:
        backoff: the minimum and maximum delay before a retry, as `10s..5m`.

    Raises:
        ValueError: that is no range of durations up to a year.
    """

    def __init__(self, backoff: str = DEFAULT_BACKOFF) -> None:
        if type(backoff) is not str:
            raise ValueError(f"{backoff!r} is not a range of durations such as 10s..5m")
        shortest, longest = parse_duration_range(backoff)
        if longest > MAX_DELAY:
            raise ValueError(f"{backoff!r} is too long: a delay is at most a year")
        self.backoff: Final = Backoff(shortest, longest)

    def delay(self, failed: FailedAttempt, /) -> Delay:
        """Return how long the job waits before its next attempt, from 0 to a year."""
        return self.backoff.delay(failed.failures)


Decide = Callable[[FailedAttempt], Delay]
_DEFAULT: Final = RetryPolicy()
_NO_PLAIN_FUNCTION: Final = (
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
)


class FunctionPolicy(RetryPolicy):
    """A retry policy that asks a function."""

    def __init__(self, decide: Decide) -> None:
        super().__init__()
        self._decide = decide

    def delay(self, failed: FailedAttempt, /) -> Delay:
        """Return what the function says."""
        return self._decide(failed)


def policy_of(
    retry: RetryPolicy | Decide | None, backoff: str | None, *, max_retries: int
) -> RetryPolicy:
    """Make the policy of a declaration.

    Raises:
        ValueError: it can be none; says so in a sentence.
    """
    if retry is None:
        return RetryPolicy(DEFAULT_BACKOFF if backoff is None else backoff)
    if backoff is not None:
        raise ValueError("backoff and retry cannot be combined: a retry policy sets its own delays")
    if isinstance(retry, type):
        raise ValueError(f"retry must be an object, as in retry={retry.__name__}()")
    if not callable(retry) and not isinstance(retry, RetryPolicy):
        raise ValueError(
            f"retry must be a RetryPolicy or a function, and {retry!r} is neither; "
            "how often a failed job is retried is max_retries"
        )
    policy = retry if isinstance(retry, RetryPolicy) else FunctionPolicy(retry)
    decide: Any = retry.delay if isinstance(retry, RetryPolicy) else retry
    if not callable(decide) or not _takes_one(decide):
        raise ValueError("the retry policy must take one argument, the failed attempt")
    if any(is_none(decide) for is_none in _NO_PLAIN_FUNCTION):
        raise ValueError("the retry policy must be a plain function that returns a delay")
    if max_retries == 0:
        raise ValueError("retry has no effect without max_retries")
    return policy


def delay_of(policy: RetryPolicy, failed: FailedAttempt) -> timedelta:
    """Ask a policy for its delay; where it has none of 0 to a year, the default policy decides."""
    try:
        return _checked(policy.delay(failed))
    except BaseException as error:  # noqa: BLE001 — it is the operation's code, which may even exit
        # What the error says may quote parameters.
        delay = _checked(_DEFAULT.delay(failed))
        log.error(
            LogEvent.RETRY_POLICY_FAILED,
            reason=str(error) if type(error) is _NoDelay else type(error).__name__,
            delay_ms=delay // timedelta(milliseconds=1),
        )
        return delay


class _NoDelay(Exception):
    """A policy gave something else than a delay."""


def _checked(delay: object) -> timedelta:
    # Not `isinstance`: an object of the operation's own may say that it is anything.
    if type(delay) is int or type(delay) is float:
        if not isfinite(delay) or abs(delay) > MAX_DELAY.total_seconds():
            raise _NoDelay("the delay is not between 0 and a year")
        delay = timedelta(seconds=delay)
    if type(delay) is not timedelta:
        raise _NoDelay("it returned neither a timedelta nor a number of seconds")
    if not timedelta(0) <= delay <= MAX_DELAY:
        raise _NoDelay("the delay is not between 0 and a year")
    return delay


def _takes_one(decide: Callable[..., Any]) -> bool:
    try:
        inspect.signature(decide).bind(None)
    except TypeError:
        return False
    except ValueError:
        return True  # some builtins do not tell
    return True
