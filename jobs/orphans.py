"""Messages without a record that only a newer version can read: kept in Redis, and put back.

Whoever held them would hold a place of its worker for as long as no newer one comes (ADR 43).
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, cast

from callboard.jobs.clock import milliseconds, moment
from callboard.jobs.recover import RECOVERY_WINDOW
from callboard.jobs.store import Store
from callboard.jobs.submission import FIRST_FORMAT
from callboard.jobs.workers import worker_fields

Word = Literal["kept", "dropped"]

MAX_KEPT: Final = 1000
LOOKED_AT_EVERY: Final = timedelta(seconds=5)
PUT_BACK_EVERY: Final = timedelta(minutes=1)
_MAX_AT_ONCE: Final = 50


@dataclass(frozen=True)
class Orphans:
    """How many messages are kept, and what became of others.

    Attributes:
        kept: those that wait for a newer worker.
        oldest_at: when the first of them was met.
        dropped: those that were given up since there is a Redis: too old, or too many.
        unreadable: those that are no messages of ours.
    """

    kept: int = 0
    oldest_at: datetime | None = None
    dropped: int = 0
    unreadable: int = 0


def keep_orphan(
    store: Store, body: bytes, *, job_id: str, operation: str, queue: str, made_as: int
) -> Word:
    """Keep a message, so that it can be acknowledged; repeating it is safe.

    Args:
        store: the store.
        body: the message as it came.
        job_id: its job.
        operation: what it runs.
        queue: as RabbitMQ knows it.
        made_as: its format.

    Raises:
        StoreUnavailable: Redis does not answer, or has no memory left.
    """
    fields = {"job": job_id, "operation": operation, "queue": queue, "format": str(made_as)}
    answer = store.run(
        "keep_orphan",
        store.keys("orphans"),
        orphan=hashlib.sha256(body).hexdigest(),
        fields=json.dumps(fields),
        body=body,
        delay_ms=milliseconds(LOOKED_AT_EVERY),
        window_ms=milliseconds(RECOVERY_WINDOW),
        most=MAX_KEPT,
    )
    return cast("Word", answer.word)


def put_back_orphans(store: Store, publish: Callable[[str, bytes], object]) -> int:
    """Publish again what a living worker can read by now.

    Args:
        store: the store.
        publish: takes a queue and the message; what it does not publish comes again.

    Returns:
        Their number.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (kept,) = store.pipeline(("ZCARD", store.keys("orphans")))
    if not kept:
        return 0
    formats = [int(said.get("format", FIRST_FORMAT)) for said in worker_fields(store).values()]
    (orphan_ids,) = store.run(
        "take_orphans",
        store.keys("orphans"),
        newest_format=max(formats, default=FIRST_FORMAT),
        most=_MAX_AT_ONCE,
        again_ms=milliseconds(PUT_BACK_EVERY),
        look_ms=milliseconds(LOOKED_AT_EVERY),
        window_ms=milliseconds(RECOVERY_WINDOW),
    ).values
    if not orphan_ids:
        return 0
    found = store.pipeline(
        *(("HMGET", store.keys("orphan", each), "queue", "body") for each in orphan_ids)
    )
    for queue, body in found:
        if body is not None:
            publish(queue.decode(), body)
    return len(orphan_ids)


def count_unreadable(store: Store) -> None:
    """Count a message that is none of ours.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    store.pipeline(("HINCRBY", store.keys("orphan_counts"), "unreadable", 1))


def read_orphans(store: Store) -> Orphans:
    """Return how many there are.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    names, counts = store.pipeline(
        ("ZRANGE", store.keys("orphans"), 0, -1),
        ("HMGET", store.keys("orphan_counts"), "dropped", "unreadable"),
    )
    dropped, unreadable = (int(count or 0) for count in counts)
    since = store.pipeline(
        *(("HGET", store.keys("orphan", name.decode()), "since_ms") for name in names)
    )
    oldest = min((int(each) for each in since if each is not None), default=None)
    at = None if oldest is None else moment(oldest)
    return Orphans(len(names), at, dropped, unreadable)
