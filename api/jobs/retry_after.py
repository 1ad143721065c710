"""When to ask for a job again."""

import math
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from callboard.api.jobs.render import eta_seconds
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.estimates import Duration, read_duration
from callboard.jobs.record import Record
from callboard.jobs.store import Store

MIN_S: Final = 1
MAX_S: Final = 30
_FRESH_S: Final = 5.0
_SHARE_OF_AGE: Final = 0.2


class Durations:
    """What past runs of each operation took, asked of Redis once in five seconds at most.

    Estimates are not worth an error: while Redis is away nothing is known.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Duration | None]] = {}
        self._away_until = -math.inf

    def mean_ms(self, operation: str) -> int | None:
        """Give the mean duration of an operation's runs, or None before the first."""
        known = self.of(operation)
        return None if known is None else known.mean_ms

    def of(self, operation: str) -> Duration | None:
        """Give how long an operation's runs take, or None before the first."""
        now = self._clock()
        until, known = self._known.get(operation, (-math.inf, None))
        if now < max(until, self._away_until):
            return known
        try:
            known = read_duration(self._store, operation)
        except StoreUnavailable:
            self._away_until = now + _FRESH_S
            return known
        with self._lock:
            self._known[operation] = (now + _FRESH_S, known)
        return known


def retry_after_s(
    record: Record, known: Duration | None, now: datetime, start_s: float | None = None
) -> int:
    """Choose when a client should ask again: about when the job may be finished.

    A job that takes longer than those before, or than anybody knows, is asked for after a fifth
    of its age, so that the intervals grow with it.

    Args:
        record: a job that is not final.
        known: what past runs took.
        now: the time.
        start_s: in how many seconds it may start, if it is queued and anybody can tell.

    Returns:
        Whole seconds, from 1 to 30.
    """
    age = (now - (record.started_at or record.created_at)).total_seconds()
    guess = age * _SHARE_OF_AGE
    soonest = None if known is None else known.soonest_ms / 1000
    match record.status:
        case "scheduled" if record.scheduled_for is not None:
            seconds = (record.scheduled_for - now).total_seconds() + (soonest or 0)
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
