"""release: give a running job back, uncounted, for another worker."""

from typing import Literal, cast

from callboard.jobs.fence import Fence
from callboard.jobs.store import Store

Word = Literal["queued", "cancelled", "stale"]


def release(store: Store, fence: Fence) -> Word:
    """Queue the job again; neither a failure nor a crash is counted, also when repeated.

    Raises:
        StoreUnavailable: Redis does not answer; try again, or let the lease run out.
    """
    answer = store.run(
        "release_job",
        store.keys("job", fence.job_id),
        job_id=fence.job_id,
        attempt=fence.attempt,
        token=fence.token,
    )
    return cast("Word", answer.word)
