"""When a webhook that failed is sent again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

MAX_RETRY_AFTER: Final = timedelta(hours=24)
_JITTER: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class Attempted:
    """How an attempt ended.

    Attributes:
        code: the status of the response; None if there was none.
        problem: what went wrong, for callers to read: no address, nothing of the response.
        retry_after: the Retry-After of the receiver.
        took_ms: how long it took.
        retryable: False if another attempt would fail as well.
    """

    code: int | None = None
    problem: str = ""
    retry_after: timedelta | None = None
    took_ms: int = 0
    retryable: bool = True

    @property
    def succeeded(self) -> bool:
        """Whether the receiver accepted it: any 2xx."""
        return self.code is not None and 200 <= self.code < 300  # noqa: PLR2004


def next_delay(
    attempted: Attempted,
    attempts: int,
    retries: Sequence[timedelta],
    jitter: Callable[[timedelta, float], timedelta],
) -> timedelta | None:
    """Return how long to wait before a webhook is sent again; None if it is not.

    The receiver's Retry-After counts if it is longer, up to a day.
    """
    if not attempted.retryable or attempts > len(retries):
        return None
    wait = jitter(retries[attempts - 1], _JITTER)
    asked = min(attempted.retry_after or timedelta(), MAX_RETRY_AFTER)
    return max(wait, asked)
