"""Moves jobs from queues without consumers to the current queues of their operations."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from callboard.jobs.store import Store
from callboard.jobs.workers import Worker, list_workers

_MAX_AT_ONCE: Final = 500
_AGAIN_S: Final = 60.0
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def unconsumed_queues(store: Store, workers: Sequence[Worker]) -> dict[str, int]:
    """Count the jobs that wait in each queue from which none of these workers consumes.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (names,) = store.pipeline(("SMEMBERS", store.keys("queues")))
    consumed = {queue for worker in workers for queue in worker.queues}
    unconsumed = sorted({name.decode() for name in names} - consumed)
    sizes = store.pipeline(*(("ZCARD", store.keys("queued", name)) for name in unconsumed))
    return {name: size for name, size in zip(unconsumed, sizes, strict=True) if size}


class Moving:
    """The maintenance task that moves the jobs of operations that now have another queue.

    If such a queue remains because its operations are unknown, all active jobs are checked
    once a minute.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._seen: tuple[frozenset[str], Mapping[str, str]] | None = None
        self._again_at = 0.0

    def move(self) -> int:
        """Move jobs, and return how many.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        workers = list_workers(self._store)
        (names,) = self._store.pipeline(("SMEMBERS", self._store.keys("queues")))
        consumed = {queue for worker in workers for queue in worker.queues}
        unconsumed = frozenset(name.decode() for name in names) - consumed
        homes = {name: queue for name, queue in _homes(workers).items() if queue in consumed}
        if not unconsumed or not homes:
            return 0
        now = self._clock()
        if self._seen == (unconsumed, homes) and now < self._again_at:
            return 0
        self._seen, self._again_at = (unconsumed, homes), now + _AGAIN_S
        moved = sum(self._move(name, queue, consumed) for name, queue in homes.items())
        for queue in unconsumed:
            self._store.run("forget_queue", self._store.keys("queues"), queue=queue)
        return moved

    def _move(self, operation: str, queue: str, consumed: set[str]) -> int:
        moved: int = 0
        begin = 0
        while True:
            count, begin = self._store.run(
                "move_jobs",
                self._store.keys("active_operation", operation),
                queue=queue,
                consumed=json.dumps(sorted(consumed)),
                begin=begin,
                most=_MAX_AT_ONCE,
            ).values
            moved += count
            if not begin:
                return moved


def _homes(workers: Sequence[Worker]) -> dict[str, str]:
    """Return the queue of each operation, according to the worker that started last."""
    by_start = sorted(workers, key=lambda each: each.since or _LONG_AGO)
    return {name: queue for worker in by_start for name, queue in worker.homes.items()}
