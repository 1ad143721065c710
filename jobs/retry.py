"""retry: take a failed attempt back and schedule the next one."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, cast

from callboard.jobs.clock import milliseconds
from callboard.jobs.fence import Fence
from callboard.jobs.store import Store

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
