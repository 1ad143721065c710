"""purge: remove final jobs for good, one by request or all that have expired."""

from jobs.errors import JobActive, JobNotFound
from jobs.store import Store


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
        raise JobNotFound(f"There is no job {job_id}.")


def purge_expired(store: Store, *, most: int = 500) -> int:
    """Remove final jobs whose time to live is over, and tombstones that nothing needs.

    Returns:
        How many jobs went.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    return int(store.run("purge_expired", store.keys("expiry"), most=most).values[0])
