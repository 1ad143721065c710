"""promote: queue the scheduled jobs whose time has come."""

from callboard.jobs.store import Store


def promote(store: Store, *, most: int = 500) -> int:
    """Queue due jobs, each once.

    Returns:
        How many were due; as many as `most` means that there may be more.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    return int(store.run("promote_due", store.keys("due"), most=most).values[0])
