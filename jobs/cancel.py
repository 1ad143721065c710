"""cancel: end a job that does not run, ask one that runs to stop."""

from typing import Literal, cast

from jobs.store import Store

Word = Literal["cancelled", "cancelling", "ended", "missing"]


def cancel(store: Store, job_id: str) -> Word:
    """Cancel a job; repeating it is always safe.

    Returns:
        cancelled, when it was final at once; cancelling, when its worker was told; ended, when
        it was final before; missing, when there is no such record.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run("cancel_job", store.keys("job", job_id), job_id=job_id)
    return cast("Word", answer.word)
