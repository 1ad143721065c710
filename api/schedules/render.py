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
from callboard.api.timestamps import timestamp
from callboard.api.urls import Urls
from callboard.jobs.schedules.schedule import NAME_PATTERN, Missed
from callboard.jobs.schedules.stored import Source, StoredSchedule, Tick, TickOutcome


class ScheduleTickObject(TypedDict):
    """What became of a schedule's latest tick."""

    at: Annotated[
        Timestamp,
        Field(description="The tick's own time; its job may have come a little later."),
    ]
    outcome: Annotated[
        TickOutcome,
        Field(description="`submitted` made a job; `skipped` was missed, and is not made up for."),
    ]
    detail: Annotated[str | None, Field(description="Why it made none.")]
    job: Annotated[
        JobReferenceObject | None,
        Field(
            description="Its job, or the one that it would have doubled; null also when that is "
            "gone."
        ),
    ]


class ScheduleLinksObject(TypedDict):
    """Addresses of a schedule."""

    self: Address


class _Declared(TypedDict):
    cron: Annotated[str, Field(description="Minute, hour, day of month, month and day of week.")]
    timezone: Annotated[str, Field(description="Of the IANA database.")]
    operation: str
    params: dict[str, Any]
    priority: Priority
    labels: Labels
    tenant: str
    missed: Missed


class ScheduleObject(_Declared):
    """A job that is made again and again."""

    name: Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
    paused: bool
    source: Annotated[
        Source,
        Field(description="One from the server's file can only be paused and resumed here."),
    ]
    next_at: Annotated[Timestamp | None, Field(description="Null while it is paused.")]
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
