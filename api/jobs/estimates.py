"""Estimates when queued jobs start, and when to poll a job again."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final, Generic, TypeVar

from callboard.api.jobs.render import eta_seconds
from callboard.jobs.clock import Clock
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.estimates import (
    UNKNOWN,
    Duration,
    Estimate,
    QueuePosition,
    read_duration,
    read_queue_position,
    start_s,
)
from callboard.jobs.limit import operation_slot, paused_slots
from callboard.jobs.listing import oldest_active
from callboard.jobs.record import Record
from callboard.jobs.store import Store
from callboard.jobs.submit import Accepted
from callboard.jobs.workers import list_workers

MIN_S: Final = 1
MAX_S: Final = 30
_FRESH_S: Final = 5.0
_PAUSES_FRESH_S: Final = 1.0
_ROOM_FRESH_S: Final = 1.0
_SHARE_OF_AGE: Final = 0.2

Key = TypeVar("Key")
Value = TypeVar("Value")


class Estimates:
    """Estimates places in queues and durations of runs; an estimate never fails a request.

    What is the same for many jobs is read from Redis once in a few seconds.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._durations = _Remembered(partial(read_duration, store), _FRESH_S, clock)
        self._threads = _Remembered(self._count_threads, _FRESH_S, clock)
        self._paused = _Remembered(self._read_paused, _PAUSES_FRESH_S, clock)
        self._rooms = _Remembered(self._read_room_s, _ROOM_FRESH_S, clock)
        self.clock: Final = Clock(store.now_ms)

    def of(self, record: Record) -> Estimate:
        """Estimate for a job, which takes a round trip if it is queued."""
        if record.status != "queued":
            return UNKNOWN
        try:
            place = read_queue_position(self._store, record.id)
        except StoreUnavailable:
            return UNKNOWN
        return self._at(place, record.operation, record.queue)

    def of_new(self, accepted: Accepted) -> Estimate:
        """Estimate for a newly accepted job, without a round trip."""
        if accepted.blocked_on is None:
            place = QueuePosition(accepted.position, running=accepted.running)
        else:
            place = QueuePosition(accepted.position, limit=accepted.limit)
        return self._at(place, accepted.submission.operation, accepted.submission.queue)

    def duration(self, operation: str) -> Duration | None:
        """Return how long an operation's runs take; None before the first, or if unknown."""
        return self._durations.get(operation)

    def threads(self, queue: str) -> int:
        """Count the jobs that the workers of a queue can run at a time, as far as known."""
        counted = self._threads.get(None)
        return 0 if counted is None else counted[queue]

    def paused(self, record: Record) -> bool | None:
        """Return whether the operation of a queued job is paused; None if unknown."""
        if record.status != "queued":
            return None
        paused = self._paused.get(None)
        return None if paused is None else operation_slot(record.operation) in paused

    def retry_after_s(
        self, record: Record, now: datetime | None = None, estimate: Estimate | None = None
    ) -> int:
        """Return when a client should poll a job that is not final: 1 to 30 seconds."""
        known = self.of(record) if estimate is None else estimate
        duration = self.duration(record.operation)
        return retry_after_s(record, duration, now or self.clock.now(), known.start_s)

    def until_room_s(self, scope: str, operations: Iterable[str]) -> int | None:
        """Return when the oldest of the jobs that use all capacity may have ended.

        Args:
            scope: `server`, `operation` or `group`.
            operations: the name of the operation, or of all of the group.

        Returns:
            Whole seconds, from 1 to 30; None if unknown.
        """
        if scope == "server":
            return self._rooms.get(None)
        known = (self._rooms.get(each) for each in operations)
        return min((each for each in known if each is not None), default=None)

    def _at(self, place: QueuePosition, operation: str, queue: str) -> Estimate:
        known = self.duration(operation)
        if place.position is None:
            return UNKNOWN
        if known is None:
            return Estimate(place.position)
        return Estimate(place.position, start_s(place, known.mean_ms / 1000, self.threads(queue)))

    def _count_threads(self, _all: None) -> Counter[str]:
        counted: Counter[str] = Counter()
        for worker in list_workers(self._store):
            counted.update(dict.fromkeys(worker.queues, worker.threads))
        return counted

    def _read_paused(self, _all: None) -> frozenset[str]:
        return paused_slots(self._store)

    def _read_room_s(self, operation: str | None) -> int | None:
        record = oldest_active(self._store, operation)
        return None if record is None else self.retry_after_s(record)


class _Remembered(Generic[Key, Value]):
    """Values from Redis by key; None while it is unavailable and no value is cached.

    One caller reads again once a value is too old. The others continue with the cached value, and
    so does that one while Redis is unavailable.
    """

    def __init__(
        self, ask: Callable[[Key], Value], fresh_s: float, clock: Callable[[], float]
    ) -> None:
        self._ask = ask
        self._fresh_s = fresh_s
        self._clock = clock
        self._known: dict[Key, tuple[float, Value]] = {}
        self._away_until = -math.inf

    def get(self, key: Key) -> Value | None:
        now = self._clock()
        until, known = self._known.get(key, (-math.inf, None))
        if now < max(until, self._away_until):
            return known
        until = now + self._fresh_s
        if known is not None:
            self._known[key] = until, known
        try:
            known = self._ask(key)
            self._known[key] = until, known
        except StoreUnavailable:
            self._away_until = until
        return known


def retry_after_s(
    record: Record, known: Duration | None, now: datetime, start_s: float | None = None
) -> int:
    """Return when a client should poll again: about when the job may be finished.

    A job that takes longer than earlier ones, or has none before it, should be polled after a fifth
    of its age, so that the intervals grow with its age.

    Args:
        record: a job that is not final.
        known: the durations of past runs.
        now: the current time.
        start_s: in how many seconds it may start, if it is queued and that is known.

    Returns:
        Whole seconds, from 1 to 30.
    """
    age = (now - (record.started_at or record.created_at)).total_seconds()
    guess = age * _SHARE_OF_AGE
    soonest = None if known is None else known.soonest_ms / 1000
    match record.status:
        case "scheduled" if record.scheduled_for is not None:
            seconds = (record.scheduled_for - now).total_seconds() + (soonest or 0)
            # Its time may have come while others for which it waits still run.
            seconds = max(seconds, guess) if record.depending else seconds
        case "queued" if soonest is not None:
            seconds = max(soonest, guess) if start_s is None else start_s + soonest
        case "running":
            eta = eta_seconds(record, now)
            left = eta if eta is not None else (0 if soonest is None else soonest - age)
            seconds = left if left > 0 else guess
        case "cancelling":
            seconds = MIN_S
        case _:
            seconds = guess
    return within_bounds(seconds)


def within_bounds(seconds: float) -> int:
    """Round up to whole seconds from 1 to 30."""
    return min(MAX_S, max(MIN_S, math.ceil(seconds)))
