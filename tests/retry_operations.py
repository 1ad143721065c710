"""Operations that fail a number of times, with their own retry policies."""

from datetime import timedelta
from typing import Final

from callboard import FailedAttempt, Job, RetryPolicy, operation

SEEN: Final[list[FailedAttempt]] = []


class Noted(RetryPolicy):
    """Waits 10 ms longer each time, and records its arguments."""

    def delay(self, failed: FailedAttempt, /) -> timedelta:
        """Add to the delay before."""
        SEEN.append(failed)
        return (failed.previous_delay or timedelta()) + timedelta(milliseconds=10)


@operation(max_retries=3, retry=Noted())
def stumble(failures: int, *, job: Job) -> int:
    """Fail a number of times."""
    if job.attempt <= failures:
        raise ConnectionError(f"attempt {job.attempt} fails")
    return job.attempt


@operation(max_retries=3, retry=Noted(), isolation="process")
def stumble_apart(failures: int, *, job: Job) -> int:
    """Fail a number of times in a child process."""
    if job.attempt <= failures:
        raise ConnectionError(f"attempt {job.attempt} fails")
    return job.attempt


def exits(_failed: FailedAttempt) -> float:
    """Decide nothing."""
    raise SystemExit(3)


@operation(max_retries=1, retry=exits)
def spoiled() -> None:
    """Fail, with a failing policy."""
    raise ConnectionError("no route")
