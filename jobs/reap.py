"""reap: end the leases that ran out, and hand their jobs on."""

import json
from datetime import timedelta
from typing import Final

from callboard.jobs.clock import milliseconds
from callboard.jobs.store import Store

WORKER_LOST: Final = {
    "type": "worker-lost",
    "detail": "Every worker that ran this job was lost during the run.",
    "retryable": False,
}


def reap(store: Store, *, lease: timedelta, most: int = 200) -> int:
    """Queue jobs whose worker is gone, or fail those that have cost too many workers.

    After an outage (half a lease without a call) every lease is first extended once, so that
    no running job is lost because Redis or the housekeepers were away. An attempt that was
    preempted counts as no crash.

    Returns:
        How many leases ended.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run(
        "reap_leases",
        store.keys("leases"),
        lease_ms=milliseconds(lease),
        most=most,
        error=json.dumps(WORKER_LOST),
    )
    return int(answer.values[0])
