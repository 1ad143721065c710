"""The schedule object."""

from typing import Annotated, Any, cast

from pydantic import Field

from callboard.api.answer_types import (
    Address,
    Labels,
    Next,
    Priority,
    Timestamp,
    TypedDict,
)
from callboard.api.jobs.render import JobReferenceObject
from callboard.api.times import timestamp
from callboard.api.urls import Urls
from callboard.jobs.schedules.schedule import NAME_PATTERN, Missed
from callboard.jobs.schedules.stored import Source, StoredSchedule, Tick, TickOutcome


class ScheduleTickObject(TypedDict):
    """The outcome of a schedule's latest tick."""

    at: Annotated[
        Timestamp,
        Field(description="The scheduled time; the job may have been created slightly later."),
    ]
    outcome: Annotated[
        TickOutcome,
        Field(
            description="`submitted`: a job was created. `skipped`: the tick was missed, "
            "and its job is not created later."
        ),
    ]
    detail: Annotated[str | None, Field(description="Why no job was created.")]
    job: Annotated[
        JobReferenceObject | None,
        Field(
            description="The job created, or the active job that it would have duplicated; "
            "null if there is none or it was removed."
        ),
    ]


class ScheduleLinksObject(TypedDict):
    """URLs of a schedule."""

    self: Address


class _Declared(TypedDict):
    cron: Annotated[str, Field(description="Minute, hour, day of month, month and day of week.")]
    timezone: Annotated[str, Field(description="A time zone of the IANA database.")]
    operation: str
    params: dict[str, Any]
    priority: Priority
    labels: Labels
    tenant: str
    missed: Missed


class ScheduleObject(_Declared):
    """Creates a job at each tick of a cron expression."""

    name: Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
    paused: bool
    source: Annotated[
        Source,
        Field(
            description="A schedule from the server's file can only be paused and resumed "
            "over HTTP."
        ),
    ]
    next_at: Annotated[
        Timestamp | None, Field(description="The time of the next tick; null while paused.")
    ]
    last: ScheduleTickObject | None
    links: ScheduleLinksObject


class SchedulePageObject(TypedDict):
    """All schedules, by name."""

    items: list[ScheduleObject]
    next: Next


def schedule_object(
    stored: StoredSchedule, jobs: dict[str, JobReferenceObject], urls: Urls
) -> ScheduleObject:
    """Render a schedule.

    Args:
        stored: as it is.
        jobs: references to the jobs of latest ticks that are still there, by id.
        urls: absolute addresses.
    """
    return {
        "name": stored.name,
        **cast("_Declared", stored.schedule.model_dump()),
        "paused": stored.paused,
        "source": stored.source,
        "next_at": None if stored.paused else timestamp(stored.next_at),
        "last": None if stored.last is None else tick_object(stored.last, jobs),
        "links": {"self": urls.schedule(stored.name)},
    }


def tick_object(tick: Tick, jobs: dict[str, JobReferenceObject]) -> ScheduleTickObject:
    """Render what became of a tick."""
    return {
        "at": timestamp(tick.at),
        "outcome": tick.outcome,
        "detail": tick.detail,
        "job": jobs.get(tick.job_id or ""),
    }
