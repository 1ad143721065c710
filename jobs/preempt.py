"""preempt: have a lease that runs out with its stopping worker count as no crash."""

from typing import Literal, cast

from callboard.jobs.fence import Fence
from callboard.jobs.store import Store

Word = Literal["preempted", "stale"]


def preempt(store: Store, fence: Fence) -> Word:
    """Note that the attempt may end with its worker, which was told to stop.

    The attempt keeps its lease, and may still finish, fail or be released. If its lease runs out
    instead, `reap` hands the job on and counts nothing; also when this is repeated.

    Raises:
        StoreUnavailable: Redis does not answer; without it the attempt counts as a crash.
    """
    answer = store.run(
        "preempt_job",
        store.keys("job", fence.job_id),
        job_id=fence.job_id,
        attempt=fence.attempt,
        token=fence.token,
    )
    return cast("Word", answer.word)
