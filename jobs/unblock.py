"""unblock_jobs: reserve idle places to blocked jobs."""

from callboard.jobs.store import Store


def unblock_jobs(store: Store, *, most: int = 200) -> int:
    """Reserve free places for waiting jobs, and return unclaimed reservations.

    Every script that frees a place does so itself; this is what heals a lost wake-up.

    Returns:
        How many reservations lapsed.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    return int(store.run("unblock_jobs", store.keys("waited"), most=most).values[0])
