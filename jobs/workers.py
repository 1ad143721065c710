"""The workers that say that they live, with what they said."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from callboard.jobs.greet import fleet
from callboard.jobs.store import Store
from callboard.jobs.submission import moment


@dataclass(frozen=True, kw_only=True)
class Worker:
    """One worker process as it was when it last said hello.

    Attributes:
        id: new with each start of the process.
        version: of Callboard; empty when it did not say.
        threads: how many jobs it runs at a time.
        stuck_threads: how many of them run a function that was told to stop, and goes on.
        dead_threads: how many of them have ended, and run nothing any more.
        running: ids of the jobs that it ran.
        homes: by operation, the queue of its jobs.
        since: since when it has been saying hello.
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
    last_hello_at: datetime | None
    homes: Mapping[str, str] = field(default_factory=dict)


def list_workers(store: Store) -> list[Worker]:
    """Give every worker that said hello within 30 s, by host and process.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    found = (_worker(name, said) for name, said in fleet(store).items())
    return sorted(found, key=lambda each: (each.host, each.pid, each.id))


def known_at(store: Store, operation: str) -> datetime | None:
    """Say when a worker that knows an operation last said hello; None if none ever did.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (heard_ms,) = store.pipeline(("ZSCORE", store.keys("operations"), operation))
    return None if heard_ms is None else moment(heard_ms)


def _worker(name: str, said: Mapping[str, str]) -> Worker:
    return Worker(
        id=name,
        host=said.get("host", ""),
        pid=int(said.get("pid", 0)),
        version=said.get("version", ""),
        queues=_words(said.get("queues", "")),
        operations=_words(said.get("operations", "")),
        threads=int(said.get("threads", 0)),
        stuck_threads=int(said.get("stuck_threads", 0)),
        dead_threads=int(said.get("dead_threads", 0)),
        running=_words(said.get("running", "")),
        since=_moment(said.get("since_ms")),
        last_hello_at=_moment(said.get("hello_ms")),
        homes=json.loads(said.get("homes", "{}")),
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _moment(milliseconds: str | None) -> datetime | None:
    return None if milliseconds is None else moment(milliseconds)
