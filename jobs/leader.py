"""lead: agree on which process does the maintenance."""

from datetime import timedelta
from typing import Final

from callboard.jobs.clock import milliseconds
from callboard.jobs.store import Store

MAX_LEAD: Final = timedelta(seconds=10)
"""No process leads for longer at a time."""


def lead(store: Store, name: str, *, lasts: timedelta) -> bool:
    """Become or stay the leader for a while, unless another process is.

    Two leaders at once are possible and harmless: the lock only saves work. One that should end
    soon but lasts, since the clock of Redis was set back, is ignored.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    key = store.keys("leader")
    lasts_ms = milliseconds(lasts)
    taken, leader, left_ms = store.pipeline(
        ("SET", key, name, "NX", "PX", lasts_ms), ("GET", key), ("PTTL", key)
    )
    if taken:
        return True
    if leader != name.encode() and left_ms < milliseconds(MAX_LEAD):
        return False
    store.pipeline(("SET", key, name, "PX", lasts_ms))
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
