"""purge: remove final jobs for good, one by request or all that have expired."""

from datetime import timedelta
from typing import Final

from callboard.jobs.clock import milliseconds
from callboard.jobs.errors import JobActive, JobNotFound
from callboard.jobs.store import Store

CALLBACK_PATIENCE: Final = timedelta(days=4)


def purge(store: Store, job_id: str) -> None:
    """Remove one final job; a tombstone keeps late messages from bringing it back.

    Raises:
        JobActive: it is not final.
        JobNotFound: there is no such record.
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run("purge_job", store.keys("job", job_id), job_id=job_id)
    if answer.word == "active":
        raise JobActive(f"Job {job_id} is still active.")
    if answer.word == "missing":
        raise JobNotFound(f"No job has the id {job_id}.")


def purge_expired(
    store: Store, *, most: int = 500, callback_patience: timedelta = CALLBACK_PATIENCE
) -> int:
    """Remove final jobs whose time to live is over, and tombstones that nothing needs.

    Args:
        store: the store.
        most: the largest number at once.
        callback_patience: how long after its end a job may wait until its callbacks have been
            made from it; those that were made go on without it.

    Returns:
        How many jobs went.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run(
        "purge_expired",
        store.keys("expiry"),
        most=most,
        patience_ms=milliseconds(callback_patience),
    )
    return int(answer.values[0])
