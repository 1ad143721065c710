"""Where queued jobs stand, and when they may start."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from api.retry_after import Durations
from jobs.errors import StoreUnavailable
from jobs.forecast import UNKNOWN, Estimate, Place, find_place, start_s
from jobs.record import Record
from jobs.store import Store
from jobs.submit import Accepted
from jobs.workers import list_workers

_FRESH_S: Final = 5.0


class Threads:
    """How many jobs can run at a time in the workers of each queue, asked every five seconds."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._until = -math.inf
        self._known: Counter[str] = Counter()

    def of(self, queue: str) -> int:
        """Count the threads that serve a queue; while Redis is away, as far as was known."""
        with self._lock:
            now = self._clock()
            outdated = now >= self._until
            if outdated:  # the others take what was known until this one has asked
                self._until = now + _FRESH_S
        if outdated:
            with suppress(StoreUnavailable):
                self._known = self._count()
        return self._known[queue]

    def _count(self) -> Counter[str]:
        counted: Counter[str] = Counter()
        for worker in list_workers(self._store):
            counted.update(dict.fromkeys(worker.queues, worker.threads))
        return counted


class Estimates:
    """Tells where queued jobs stand; no estimate is worth an error."""

    def __init__(self, store: Store, durations: Durations, threads: Threads) -> None:
        self._store = store
        self._threads = threads
        self.durations: Final = durations

    def of(self, record: Record) -> Estimate:
        """Estimate for a job as it is now, which takes a round trip if it is queued."""
        if record.status != "queued":
            return UNKNOWN
        try:
            place = find_place(self._store, record.id)
        except StoreUnavailable:
            return UNKNOWN
        return self._at(place, record.operation, record.queue)

    def of_new(self, accepted: Accepted) -> Estimate:
        """Estimate for a job that was accepted a moment ago, without asking for it."""
        place = Place(accepted.position, running=accepted.running)
        return self._at(place, accepted.submission.operation, accepted.submission.queue)

    def _at(self, place: Place, operation: str, queue: str) -> Estimate:
        known = self.durations.of(operation)
        if place.position is None:
            return UNKNOWN
        if known is None:
            return Estimate(place.position)
        return Estimate(
            place.position, start_s(place, known.mean_ms / 1000, self._threads.of(queue))
        )
