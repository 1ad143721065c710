"""Housekeepers that submit the ticks of schedules, with a clock that a test controls."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from callboard import operation
from callboard.actors.maintenance.scheduler import Scheduler
from callboard.jobs.clock import moment
from callboard.jobs.fault_points import FaultPoints
from callboard.jobs.publisher import Wakeup
from callboard.jobs.registry import Registry
from callboard.jobs.relay import Relay
from callboard.jobs.schedules.records import put_schedule, read_schedule
from callboard.jobs.schedules.schedule import Schedule
from callboard.jobs.schedules.stored import Source, StoredSchedule, Tick
from callboard.jobs.store import Store
from callboard.jobs.submission_service import SubmissionService
from tests.job_system import JobSystem

NAME = "report"
MINUTELY = "* * * * *"


@operation
def report(day: str = "today") -> str:
    """Write a report."""
    return day


@operation(unique=True)
def single(name: str) -> str:
    """Run one job at a time for each name."""
    return name


@operation(max_active=1)
def narrow() -> None:
    """Run one job at a time."""


KNOWN = Registry([report, single, narrow])


class Nowhere:
    """A publisher that must not be used: a housekeeper never waits for RabbitMQ."""

    def publish(self, wakeups: Sequence[Wakeup]) -> Sequence[bool]:
        raise AssertionError(f"somebody waits for {wakeups}")

    def ready(self, queue: str) -> int | None:
        raise AssertionError(queue)


def scheduler(store: Store, *, registry: Registry = KNOWN, faults: Sequence[str] = ()) -> Scheduler:
    """Create the scheduler of one housekeeper."""
    publisher = Nowhere()
    submissions = SubmissionService(
        store, publisher, Relay(store, publisher), registry, 100, FaultPoints(faults)
    )
    return Scheduler(store, submissions, namespace="test")


class Ticks:
    """One schedule, one housekeeper, and the time."""

    def __init__(self, job_system: JobSystem) -> None:
        self.job_system = job_system
        self.store = job_system.store
        self.housekeeper = scheduler(job_system.store)

    @property
    def now(self) -> datetime:
        return moment(self.job_system.now_ms)

    def put(
        self,
        cron: str = MINUTELY,
        *,
        source: Source = "api",
        paused: bool | None = None,
        **more: Any,
    ) -> None:
        declared = {"cron": cron, "operation": "report", **more}
        put_schedule(
            self.store, NAME, Schedule.model_validate(declared), source=source, paused=paused
        )

    def read(self) -> StoredSchedule:
        return read_schedule(self.store, NAME)

    @property
    def last(self) -> Tick:
        last = self.read().last
        assert last is not None
        return last

    def pass_time(self, **more: float) -> None:
        self.job_system.pass_time(timedelta(**more) // timedelta(milliseconds=1))

    def jobs(self, tenant: str = "default") -> list[str]:
        """Return the ids of all jobs, oldest first."""
        (members,) = self.store.pipeline(("ZRANGE", self.store.keys("index", tenant), 0, -1))
        return [member.decode() for member in members]

    def times(self) -> list[datetime]:
        """Return the ticks of all jobs, from their ids."""
        return sorted(time_of(job_id) for job_id in self.jobs())


def time_of(job_id: str) -> datetime:
    """Read the time in a UUIDv7."""
    return datetime.fromtimestamp(int(job_id.replace("-", "")[:12], 16) / 1000, UTC)


def set_next(store: Store, name: str, tick: datetime) -> None:
    """Move a schedule's next tick."""
    tick_ms = round(tick.timestamp() * 1000)
    store.redis.hset(store.keys("schedule", name), "next_ms", tick_ms)
    store.redis.zadd(store.keys("schedules"), {name: tick_ms})


def take_now(store: Store, submissions: SubmissionService, name: str) -> None:
    """Let a housekeeper find that a schedule's next tick is due."""
    set_next(store, name, datetime.now(UTC).replace(microsecond=0, second=0))
    Scheduler(store, submissions, namespace="test").tick()
