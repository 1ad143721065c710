"""Where queued jobs stand, and when they may start."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from callboard.api.jobs.retry_after import Durations, retry_after_s
from callboard.jobs.clock import Clock
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.estimates import UNKNOWN, Estimate, QueuePosition, read_queue_position, start_s
from callboard.jobs.limit import operation_slot, paused_slots
from callboard.jobs.listing import oldest_active
from callboard.jobs.record import Record
from callboard.jobs.store import Store
from callboard.jobs.submit import Accepted
from callboard.jobs.workers import list_workers

_FRESH_S: Final = 5.0
_PAUSES_FRESH_S: Final = 1.0
_ROOM_FRESH_S: Final = 1.0


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


class Pauses:
    """Which operations are paused, asked once a second; no answer is worth an error."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._until = -math.inf
        self._known: frozenset[str] | None = None

    def of(self, operation: str) -> bool | None:
        """Say whether an operation is paused; None while Redis is away and nobody has asked."""
        now = self._clock()
        if now >= self._until:
            self._until = now + _PAUSES_FRESH_S
            with suppress(StoreUnavailable):
                self._known = paused_slots(self._store)
        return None if self._known is None else operation_slot(operation) in self._known


class Estimates:
    """Tells where queued jobs stand; no estimate is worth an error."""

    def __init__(self, store: Store, durations: Durations, threads: Threads) -> None:
        self._store = store
        self._threads = threads
        self._pauses = Pauses(store)
        self._rooms: dict[tuple[str, str], tuple[float, int]] = {}
        self.durations: Final = durations
        self.clock: Final = Clock(store)

    def of(self, record: Record) -> Estimate:
        """Estimate for a job as it is now, which takes a round trip if it is queued."""
        if record.status != "queued":
            return UNKNOWN
        try:
            place = read_queue_position(self._store, record.id)
        except StoreUnavailable:
            return UNKNOWN
        return self._at(place, record.operation, record.queue)

    def of_new(self, accepted: Accepted) -> Estimate:
        """Estimate for a job that was accepted a moment ago, without asking for it."""
        place = QueuePosition(accepted.position, running=accepted.running)
        return self._at(place, accepted.submission.operation, accepted.submission.queue)

    def paused(self, record: Record) -> bool | None:
        """Say whether the operation of a queued job is paused; None when nobody can tell."""
        return self._pauses.of(record.operation) if record.status == "queued" else None

    def until_room_s(self, scope: str, operation: str) -> int | None:
        """Say when the oldest job may have ended of those that take all the room there is.

        Args:
            scope: `server` or `operation`.
            operation: what was to be run.

        Returns:
            Whole seconds, from 1 to 30; None when nobody can tell.
        """
        now = time.monotonic()
        until, seconds = self._rooms.get((scope, operation), (-math.inf, 0))
        if now < until:
            return seconds
        try:
            record = oldest_active(self._store, operation if scope == "operation" else None)
        except StoreUnavailable:
            return None
        if record is None:
            return None
        known, start_s = self.durations.of(record.operation), self.of(record).start_s
        seconds = retry_after_s(record, known, self.clock.now(), start_s)
        self._rooms[scope, operation] = (now + _ROOM_FRESH_S, seconds)
        return seconds

    def _at(self, place: QueuePosition, operation: str, queue: str) -> Estimate:
        known = self.durations.of(operation)
        if place.position is None:
            return UNKNOWN
        if known is None:
            return Estimate(place.position)
        return Estimate(
            place.position, start_s(place, known.mean_ms / 1000, self._threads.of(queue))
        )
