"""Renders the job object and its parts."""

import math
from datetime import datetime
from typing import Annotated, Any, Final, NotRequired, cast

from pydantic import Field

from callboard.api.answer_types import (
    Address,
    JobId,
    JobStatus,
    Labels,
    Percent,
    Positive,
    Priority,
    Timestamp,
    TypedDict,
    Whole,
)
from callboard.api.files.result_files import with_addresses
from callboard.api.jobs.links import JobLinksObject, job_links
from callboard.api.problems.job_errors import JOB_ERRORS
from callboard.api.times import optional_time, timestamp
from callboard.api.urls import Urls
from callboard.jobs.estimates import UNKNOWN, Estimate
from callboard.jobs.record import Record
from callboard.jobs.submission import AfterPolicy
from callboard.jobs.value_slots import slot_shown

_UNKNOWN_END: Final = "The job failed."


class ProgressObject(TypedDict):
    """Progress of a run; unknown values are null."""

    percent: Percent | None
    step: Annotated[str | None, Field(description="The current step.")]
    current: Annotated[int | None, Field(description="Units done.")]
    total: Annotated[int | None, Field(description="Units in all.")]
    eta_seconds: Annotated[Whole | None, Field(description="Estimated seconds until the run ends.")]


class QueuePlaceObject(TypedDict):
    """What a job waits for before it starts."""

    position: Annotated[Positive | None, Field(description="Position in the queue; 1 is next.")]
    blocked_on: Annotated[
        str | None,
        Field(description="The slot that has no free place; `per:…`: for this tenant or value."),
    ]
    paused: Annotated[
        bool | None,
        Field(description="Whether the job's operation is paused; null if unknown."),
    ]
    estimated_start_seconds: Whole | None
    waiting_for: Annotated[
        list[JobId],
        Field(description="The jobs that must end before this one is queued, at most 20."),
    ]


class RunErrorObject(TypedDict):
    """Why the latest attempt failed."""

    type: Annotated[Address, Field(description="The type of failure; the URL explains it.")]
    title: str
    detail: str
    attempt: Whole
    retryable: bool
    traceback: NotRequired[Annotated[str, Field(description="For operators only.")]]


class JobReferenceObject(TypedDict):
    """Id and URL of another job."""

    id: JobId
    status: JobStatus
    href: Address


class JobObject(TypedDict):
    """One run of an operation."""

    id: JobId
    operation: str
    status: JobStatus
    created_at: Timestamp
    scheduled_for: Timestamp | None
    started_at: Timestamp | None
    finished_at: Timestamp | None
    expires_at: Timestamp | None
    attempt: Annotated[
        Whole, Field(description="The number of the latest attempt, 0 before the first.")
    ]
    max_attempts: Positive
    priority: Priority
    progress: ProgressObject
    queue: QueuePlaceObject | None
    result: Annotated[Any, Field(description="The result, unless it is too large to include.")]
    error: RunErrorObject | None
    labels: Labels
    batch_id: str | None
    retry_of: Annotated[JobId | None, Field(description="The job that this one retries.")]
    after: Annotated[list[JobId], Field(description="The jobs that must end before it starts.")]
    after_policy: Annotated[
        AfterPolicy, Field(description="Whether the jobs in `after` have to succeed.")
    ]
    request_id: Annotated[
        str | None, Field(description="Id of the request that submitted the job.")
    ]
    links: JobLinksObject


def job_object(
    record: Record,
    urls: Urls,
    *,
    now: datetime,
    for_operator: bool = False,
    estimate: Estimate = UNKNOWN,
    paused: bool | None = None,
) -> JobObject:
    """Render a job.

    Args:
        record: the job.
        urls: absolute addresses.
        now: the current time, for estimates.
        for_operator: whether to show tracebacks.
        estimate: its place in the queue.
        paused: whether its operation is paused; None if unknown.
    """
    return {
        "id": record.id,
        "operation": record.operation,
        "status": record.status,
        "created_at": timestamp(record.created_at),
        "scheduled_for": optional_time(record.scheduled_for),
        "started_at": optional_time(record.started_at),
        "finished_at": optional_time(record.finished_at),
        "expires_at": optional_time(record.expires_at),
        "attempt": record.attempt,
        "max_attempts": record.max_attempts,
        "priority": record.priority,
        "progress": progress_object(record, now),
        "queue": queue_object(record, estimate, paused=paused),
        "result": _result(record, urls),
        "error": job_error(record, urls, for_operator=for_operator),
        "labels": dict(record.labels),
        "batch_id": record.batch_id,
        "retry_of": record.retry_of,
        "after": list(record.after),
        "after_policy": record.after_policy or "succeeded",
        "request_id": record.request_id,
        "links": job_links(record.id, urls, archived=bool(record.result_files)),
    }


def _result(record: Record, urls: Urls) -> Any:
    if record.has_result and record.result_files:
        return with_addresses(record.result, record.result_files, urls)
    return record.result if record.has_result else None


def queue_object(
    record: Record, estimate: Estimate, *, paused: bool | None
) -> QueuePlaceObject | None:
    """Render what a job waits for; null unless it is queued or waits for other jobs."""
    if record.status != "queued" and not record.depending:
        return None
    start_s = estimate.start_s
    return {
        "position": estimate.position,
        "blocked_on": None if record.blocked_on is None else slot_shown(record.blocked_on),
        "paused": paused,
        "estimated_start_seconds": None if start_s is None else math.ceil(start_s),
        "waiting_for": list(record.waiting_for),
    }


def progress_object(record: Record, now: datetime) -> ProgressObject:
    """Render a job's progress."""
    return {
        "percent": record.progress.percent,
        "step": record.progress.step,
        "current": record.progress.current,
        "total": record.progress.total,
        "eta_seconds": eta_seconds(record, now),
    }


def job_error(record: Record, urls: Urls, *, for_operator: bool = False) -> RunErrorObject | None:
    """Render the error of the latest failed attempt, or None."""
    error = record.error
    if error is None or record.has_result:
        return None
    name = str(error.get("type", "failure"))
    title = JOB_ERRORS[name].title if name in JOB_ERRORS else _UNKNOWN_END
    detail = error.get("detail")
    if detail is None and "by" in error:
        detail = f"Job {error['by']} took its place."
    shown: RunErrorObject = {
        "type": urls.problem(name),
        "title": title,
        "detail": detail or title,
        "attempt": error.get("attempt", record.attempt),
        "retryable": bool(error.get("retryable", False)),
    }
    if for_operator and "traceback" in error:
        shown["traceback"] = error["traceback"]
    return shown


def job_reference(job_id: str, status: str, urls: Urls) -> JobReferenceObject:
    """Render a reference to another job."""
    return {"id": job_id, "status": cast("JobStatus", status), "href": urls.job(job_id)}


def eta_seconds(record: Record, now: datetime) -> int | None:
    """Estimate a running job's remaining time from its progress; None if unknown."""
    percent = record.progress.percent
    if record.status != "running" or record.started_at is None or not percent:
        return None
    elapsed = max(0.0, (now - record.started_at).total_seconds())
    return round(elapsed * (100 - percent) / percent)
