"""heartbeat_worker: record that a worker lives, what it knows and runs; and list those that do."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from callboard.jobs.clock import milliseconds, moment
from callboard.jobs.record import pairs
from callboard.jobs.store import Store

HEARTBEAT_LASTS: Final = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class Worker:
    """One worker process as it was at its last heartbeat.

    Attributes:
        id: new with each start of the process.
        version: of Callboard; empty when it did not say.
        threads: how many jobs it runs at a time.
        stuck_threads: how many of them run a function that was told to stop, and goes on.
        dead_threads: how many of them have ended, and run nothing any more.
        running: ids of the jobs that it ran.
        homes: by operation, the queue of its jobs.
        since: when it sent its first heartbeat.
    """

    id: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    operations: tuple[str, ...]
    threads: int
    stuck_threads: int
    dead_threads: int
    running: tuple[str, ...]
    since: datetime | None
    last_heartbeat_at: datetime | None
    homes: Mapping[str, str] = field(default_factory=dict)


def heartbeat_worker(
    store: Store, worker: str, fields: Mapping[str, str], *, operations: Sequence[str]
) -> bool:
    """Record that a worker lives, for another 30 s, with its fields: host, pid, threads and so on.

    Returns:
        Whether Redis did not know it: it is new, was silent for too long, or Redis lost its data.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run(
        "heartbeat_worker",
        store.keys("workers"),
        worker=worker,
        fields=json.dumps(dict(fields)),
        operations=json.dumps(list(operations)),
        lasts_ms=milliseconds(HEARTBEAT_LASTS),
    )
    return answer.word == "joined"


def remove_worker(store: Store, worker: str) -> None:
    """Remove a worker that stops, at once; repeating it is safe.

    Raises:
        StoreUnavailable: Redis does not answer; the worker is forgotten after 30 s.
    """
    store.run(
        "remove_worker",
        store.keys("workers"),
        worker=worker,
        lasts_ms=milliseconds(HEARTBEAT_LASTS),
    )


def worker_fields(store: Store) -> dict[str, dict[str, str]]:
    """Read what each worker with a recent heartbeat says of itself, by its id.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (names,) = store.pipeline(("ZRANGE", store.keys("workers"), 0, -1))
    workers = [name.decode() for name in names]
    if not workers:
        return {}
    replies = store.pipeline(*(("HGETALL", store.keys("worker", name)) for name in workers))
    return {name: pairs(fields) for name, fields in zip(workers, replies, strict=True) if fields}


def list_workers(store: Store) -> list[Worker]:
    """Return every worker with a heartbeat within 30 s, by host and process.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    found = (_worker(name, said) for name, said in worker_fields(store).items())
    return sorted(found, key=lambda each: (each.host, each.pid, each.id))


def known_at(store: Store, operation: str) -> datetime | None:
    """Return when a worker that knows an operation last sent a heartbeat; None if none ever did.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (heard_ms,) = store.pipeline(("ZSCORE", store.keys("operations"), operation))
    return None if heard_ms is None else moment(heard_ms)


def _worker(name: str, fields: Mapping[str, str]) -> Worker:
    return Worker(
        id=name,
        host=fields.get("host", ""),
        pid=int(fields.get("pid", 0)),
        version=fields.get("version", ""),
        queues=_words(fields.get("queues", "")),
        operations=_words(fields.get("operations", "")),
        threads=int(fields.get("threads", 0)),
        stuck_threads=int(fields.get("stuck_threads", 0)),
        dead_threads=int(fields.get("dead_threads", 0)),
        running=_words(fields.get("running", "")),
        since=_moment(fields.get("since_ms")),
        last_heartbeat_at=_moment(fields.get("heartbeat_ms")),
        homes=json.loads(fields.get("homes", "{}")),
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _moment(milliseconds: str | None) -> datetime | None:
    return None if milliseconds is None else moment(milliseconds)
