"""snooze: put off a job whose operation or format this worker does not know."""

import json
from datetime import timedelta
from typing import Final, Literal, cast

from callboard.jobs.clock import milliseconds
from callboard.jobs.store import Store

Word = Literal["snoozed", "failed", "taken", "ended", "missing"]
PATIENCE: Final = timedelta(minutes=10)
WITHOUT_END: Final = timedelta(days=36_500)
UNKNOWN_OPERATION: Final = {
    "type": "unknown-operation",
    "detail": "No worker has known this operation for 10 minutes.",
    "retryable": True,
}


def snooze(store: Store, job_id: str, *, delay: timedelta, patience: timedelta = PATIENCE) -> Word:
    """Have the job's message published again later, where another worker may know it.

    Args:
        store: the store.
        job_id: the job's id.
        delay: until then.
        patience: it fails only when no live worker has known its operation for so long.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run(
        "snooze_job",
        store.keys("job", job_id),
        job_id=job_id,
        delay_ms=milliseconds(delay),
        patience_ms=milliseconds(patience),
        error=json.dumps(UNKNOWN_OPERATION),
    )
    return cast("Word", answer.word)
