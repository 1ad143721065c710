"""The job object, and other data as clients see it."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from callboard.api.files.result_files import with_addresses
from callboard.api.problems.job_errors import JOB_ERRORS
from callboard.api.timestamps import optional_time, timestamp
from callboard.api.urls import Urls
from callboard.jobs.estimates import UNKNOWN, Estimate
from callboard.jobs.record import Progress, Record
from callboard.jobs.submission import moment
from callboard.jobs.submit import Accepted

_UNKNOWN_END: Final = "The job failed."


def job_object(
    record: Record,
    urls: Urls,
    *,
    now: datetime,
    for_operator: bool = False,
    estimate: Estimate = UNKNOWN,
    paused: bool | None = None,
) -> dict[str, Any]:
    """Render a job.

    Args:
        record: as it is.
        urls: absolute addresses.
        now: for what is estimated.
        for_operator: whether to show tracebacks.
        estimate: where it stands while it is queued.
        paused: whether its operation is paused; None when nobody can tell.
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
        "result": with_addresses(record.result, record.result_files, urls)
        if record.has_result
        else None,
        "error": job_error(record, urls, for_operator=for_operator),
        "labels": dict(record.labels),
        "batch_id": record.batch_id,
        "retry_of": record.retry_of,
        "request_id": record.request_id,
        "links": job_links(record.id, urls),
    }


def queue_object(
    record: Record, estimate: Estimate, *, paused: bool | None
) -> dict[str, Any] | None:
    """Render where a job stands; null for one that is not queued."""
    if record.status != "queued":
        return None
    start_s = estimate.start_s
    return {
        "position": estimate.position,
        "blocked_on": record.blocked_on,
        "paused": paused,
        "estimated_start_seconds": None if start_s is None else math.ceil(start_s),
    }


def progress_object(record: Record, now: datetime) -> dict[str, Any]:
    """Render how far a job is."""
    return {
        "percent": record.progress.percent,
        "step": record.progress.step,
        "current": record.progress.current,
        "total": record.progress.total,
        "eta_seconds": eta_seconds(record, now),
    }


def job_links(job_id: str, urls: Urls) -> dict[str, str]:
    """Give the addresses of what belongs to a job."""
    return {
        "self": urls.job(job_id),
        "result": urls.result(job_id),
        "events": urls.events(job_id),
        "log": urls.log(job_id),
        "cancel": urls.cancel(job_id),
        "retry": urls.retry(job_id),
        "callbacks": urls.job_callbacks(job_id),
    }


def job_error(record: Record, urls: Urls, *, for_operator: bool = False) -> dict[str, Any] | None:
    """Render what went wrong in the latest attempt that failed, or None."""
    error = record.error
    if error is None or record.has_result:
        return None
    name = str(error.get("type", "failure"))
    title = JOB_ERRORS[name].title if name in JOB_ERRORS else _UNKNOWN_END
    detail = error.get("detail")
    if detail is None and "by" in error:
        detail = f"Job {error['by']} took its place."
    shown = {
        "type": urls.problem(name),
        "title": title,
        "detail": detail or title,
        "attempt": error.get("attempt", record.attempt),
        "retryable": bool(error.get("retryable", False)),
    }
    if for_operator and "traceback" in error:
        shown["traceback"] = error["traceback"]
    return shown


def job_reference(job_id: str, status: str, urls: Urls) -> Mapping[str, str]:
    """Render where another job is found."""
    return {"id": job_id, "status": status, "href": urls.job(job_id)}


def accepted_record(accepted: Accepted) -> Record:
    """Give the record of a job that was accepted just now, without reading it."""
    submission = accepted.submission
    due = submission.scheduled_ms
    return Record(
        id=accepted.job_id,
        operation=submission.operation,
        tenant=submission.tenant,
        queue=submission.queue,
        status="scheduled" if due is not None and due > accepted.now_ms else "queued",
        version=1,
        priority=submission.priority,
        attempt=0,
        failures=0,
        crashes=0,
        max_attempts=submission.max_retries + 1,
        created_at=moment(accepted.now_ms),
        scheduled_for=None if due is None else moment(due),
        started_at=None,
        finished_at=None,
        expires_at=None,
        progress=Progress(percent=None, step=None, current=None, total=None),
        blocked_on=None,
        labels=submission.labels,
        error=None,
        result=None,
        result_bytes=None,
        batch_id=submission.batch_id,
        retry_of=submission.retry_of,
        request_id=submission.request_id,
        worker=None,
    )


def eta_seconds(record: Record, now: datetime) -> int | None:
    """Estimate how long a running job still takes, from its own progress; None when unknown."""
    percent = record.progress.percent
    if record.status != "running" or record.started_at is None or not percent:
        return None
    elapsed = max(0.0, (now - record.started_at).total_seconds())
    return round(elapsed * (100 - percent) / percent)
