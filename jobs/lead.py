"""lead: agree on which process does the housekeeping."""

from datetime import timedelta

from jobs.store import Store
from jobs.submission import milliseconds


def lead(store: Store, name: str, *, lasts: timedelta) -> bool:
    """Become or stay the leader for a while, unless another process is.

    Two leaders at once are possible and harmless: the lock only spares work.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    key = store.keys("leader")
    lasts_ms = milliseconds(lasts)
    taken, leader = store.pipeline(("SET", key, name, "NX", "PX", lasts_ms), ("GET", key))
    if taken or leader != name.encode():
        return bool(taken)
    store.pipeline(("PEXPIRE", key, lasts_ms))
    return True


def resign(store: Store, name: str) -> None:
    """Let another process lead at once, if this one does.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    key = store.keys("leader")
    (leader,) = store.pipeline(("GET", key))
    if leader == name.encode():
        store.pipeline(("DEL", key))
