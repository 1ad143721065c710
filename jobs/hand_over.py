"""hand_over: give idle places to parked jobs."""

from callboard.jobs.store import Store


def hand_over(store: Store, *, most: int = 200) -> int:
    """Give places that are free while jobs wait, and take back reservations nobody claimed.

    Every script that frees a place does so itself; this is what heals a lost wake-up.

    Returns:
        How many reservations lapsed.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    return int(store.run("hand_over_places", store.keys("waited"), most=most).values[0])
