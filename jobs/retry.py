"""retry: take a failed attempt back and schedule the next one."""

import json
from collections.abc import Mapping
from datetime import timedelta
from random import SystemRandom
from typing import Any, Literal, cast

from callboard.jobs.fence import Fence
from callboard.jobs.store import Store
from callboard.jobs.submission import milliseconds

Word = Literal["scheduled", "cancelled", "stale"]


def retry(store: Store, fence: Fence, *, delay: timedelta, error: Mapping[str, Any]) -> Word:
    """Count one failure and schedule the next attempt; a repeat counts nothing more.

    Raises:
        StoreUnavailable: Redis does not answer; try again.
    """
    answer = store.run(
        "retry_job",
        store.keys("job", fence.job_id),
        job_id=fence.job_id,
        attempt=fence.attempt,
        token=fence.token,
        delay_ms=milliseconds(delay),
        error=json.dumps(error),
    )
    return cast("Word", answer.word)


def backoff_delay(failures: int, *, shortest: timedelta, longest: timedelta) -> timedelta:
    """Choose how long to wait after a failure: doubling, with the upper half drawn at random.

    "Equal jitter" keeps retries of many jobs apart and still leaves a floor.

    Args:
        failures: how many attempts failed before this one, from 0.
        shortest: the delay after the first failure.
        longest: no delay is longer.

    Source:
        Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
    """
    delay = min(longest, shortest * float(2 ** min(failures, 30)))
    return delay / 2 + delay / 2 * SystemRandom().random()
