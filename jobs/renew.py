"""renew: keep the leases of everything that one worker runs."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from callboard.jobs.clock import milliseconds
from callboard.jobs.fence import Fence
from callboard.jobs.store import Store

Word = Literal["kept", "cancel", "force", "lost", "missing"]


def renew(store: Store, fences: Sequence[Fence], *, lease: timedelta) -> dict[str, Word]:
    """Extend all leases in one call, and learn what became of each job.

    Returns:
        For each job id: kept; cancel, when it is to stop; force, when
        it is to be given no time for that; lost, when another attempt may run;
        missing, when Redis lost the record.

    Raises:
        StoreUnavailable: Redis does not answer; the runs go on.
    """
    answer = store.run(
        "renew_leases",
        store.keys("leases"),
        fences=json.dumps([[f.job_id, str(f.attempt), f.token] for f in fences]),
        lease_ms=milliseconds(lease),
    )
    return dict(zip((fence.job_id for fence in fences), answer.values[0], strict=True))
