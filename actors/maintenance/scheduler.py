"""The scheduler: submits the jobs of schedules, one for each tick."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from callboard.jobs.errors import (
    CallboardError,
    CapacityExceeded,
    DuplicateJob,
    InvalidParameters,
    StoreUnavailable,
    UnknownOperation,
)
from callboard.jobs.publisher import Wakeup
from callboard.jobs.schedules.advance import advance, due_schedules, next_tick
from callboard.jobs.schedules.schedule import LABEL, job_id_of
from callboard.jobs.schedules.stored import StoredSchedule, Tick, TickOutcome
from callboard.jobs.snooze import PATIENCE
from callboard.jobs.store import Store
from callboard.jobs.submission_service import SubmissionService
from callboard.jobs.workers import known_at
from callboard.telemetry.limited_warnings import LimitedWarnings
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

LATE: Final = timedelta(seconds=60)
MAX_AT_ONCE: Final = 50
MAX_SECONDS: Final = 1.0
REST_SECONDS: Final = 60.0
WAIT_SECONDS: Final = 5.0
LEFT_TO_LEADER: Final = timedelta(seconds=2)
_MAX_DETAIL_LENGTH: Final = 500

log = get_logger(__name__)


class LeftToRelay:
    """A publisher that does not wait for RabbitMQ: the relay's thread publishes soon."""

    def __init__(self, submissions: SubmissionService) -> None:
        self._relay = submissions.relay

    def publish(self, wakeups: Sequence[Wakeup]) -> Sequence[bool]:
        """Pass the jobs to the relay, which also removes what is confirmed."""
        self._relay.wake([wakeup.submission.job_id for wakeup in wakeups])
        return [False] * len(wakeups)

    def ready(self, queue: str) -> int | None:  # noqa: ARG002 — never called
        """Return None: the number is unknown."""
        return None


class Scheduler:
    """Submits the jobs of due ticks.

    Several processes may do it at once: the id of a tick's job is derived from the tick, so that it
    is one job, however often it is submitted (ADR 29).

    Args:
        namespace: the store's namespace.
    """

    def __init__(self, store: Store, submissions: SubmissionService, *, namespace: str) -> None:
        self._store = store
        self._submissions = replace(submissions, publisher=LeftToRelay(submissions))
        self._namespace = namespace
        self._faults = submissions.faults
        self._resting: dict[str, float] = {}
        self._warnings = LimitedWarnings(log, interval_s=REST_SECONDS)

    def tick(self) -> None:
        """Process due ticks; those that Redis does not accept now are processed later."""
        end = time.monotonic() + MAX_SECONDS
        try:
            # Postponed ones are due as well, and come first.
            self._resting = {name: at for name, at in self._resting.items() if at > end}
            most = MAX_AT_ONCE + len(self._resting)
            now, due = due_schedules(self._store, most=most)
            for stored in due:
                if self._knows(stored) or not self._waits_for_another(stored, now):
                    self._try(stored, now)
                if time.monotonic() > end:
                    break
        except StoreUnavailable as error:
            # Other tasks may still work, such as those that free memory.
            log.debug(LogEvent.TICKS_POSTPONED, reason=str(error))

    def help_out(self) -> None:
        """Process overdue ticks of operations that this process has, although it does not lead.

        The leader may be of an older version, or run other operations.
        """
        try:
            now, due = due_schedules(self._store, most=MAX_AT_ONCE)
            for stored in due:
                if now - stored.next_at > LEFT_TO_LEADER and self._knows(stored):
                    self._try(stored, now)
        except StoreUnavailable as error:
            log.debug(LogEvent.TICKS_POSTPONED, reason=str(error))

    def _knows(self, stored: StoredSchedule) -> bool:
        return stored.schedule.operation in self._submissions.registry

    def _waits_for_another(self, stored: StoredSchedule, now: datetime) -> bool:
        """Leave a tick to a worker that has its operation, for up to ten minutes."""
        name = stored.name
        if name in self._resting:
            return True
        operation = stored.schedule.operation
        since = max(stored.next_at, known_at(self._store, operation) or stored.next_at)
        if now - since > PATIENCE:
            return False
        self._resting[name] = time.monotonic() + WAIT_SECONDS
        self._warnings.warn(LogEvent.TICK_POSTPONED, name, schedule=name, operation=operation)
        return True

    def _try(self, stored: StoredSchedule, now: datetime) -> None:
        if stored.name in self._resting:
            return
        try:
            self._take(stored, now)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception(LogEvent.TICK_FAILED, schedule=stored.name)
            self._resting[stored.name] = time.monotonic() + REST_SECONDS

    def _take(self, stored: StoredSchedule, now: datetime) -> None:
        schedule = stored.schedule
        latest = schedule.times.latest(stored.next_at, now)
        if latest > stored.next_at:
            # Which missed tick is processed is decided first: another process, a moment
            # later, may see one more.
            if not advance(self._store, stored, latest):
                return
            stored = replace(stored, next_at=latest)
        if schedule.missed == "skip" and now - latest > LATE:
            taken = Tick(at=latest, outcome="skipped")
        else:
            taken = self._submit(stored)
            self._faults.reach("between-submit-and-advance")
        advance(self._store, stored, next_tick(schedule, latest), last=taken)
        write = log.info if taken.outcome in ("submitted", "skipped") else log.warning
        write(
            LogEvent.TICK_PROCESSED,
            schedule=stored.name,
            outcome=taken.outcome,
            job=taken.job_id,
        )

    def _submit(self, stored: StoredSchedule) -> Tick:
        schedule, at = stored.schedule, stored.next_at
        chosen: dict[str, Any] = {
            "job_id": job_id_of(self._namespace, stored.name, at),
            "tenant": schedule.tenant,
            "priority": schedule.priority,
            "labels": {**schedule.labels, LABEL: stored.name},
        }
        try:
            accepted = self._submissions.submit(schedule.operation, schedule.params, **chosen)
        except StoreUnavailable:
            raise
        except DuplicateJob as error:
            return Tick(at=at, outcome="duplicate", job_id=error.job_id, detail=str(error))
        except CallboardError as error:
            return Tick(at=at, outcome=_outcome(error), detail=str(error)[:_MAX_DETAIL_LENGTH])
        return Tick(at=at, outcome="submitted", job_id=accepted.job_id)


def _outcome(error: CallboardError) -> TickOutcome:
    match error:
        case CapacityExceeded():
            return "full"
        case InvalidParameters():
            return "invalid-parameters"
        case UnknownOperation():
            return "unknown-operation"
    return "refused"
