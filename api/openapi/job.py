"""The schema of a job, of any operation or of one."""

from typing import Any

from callboard.api.openapi.description import Schema, named
from callboard.api.openapi.shapes import JOB_ID, PRIORITY, TEXT, TIME, closed, nullable, said, whole


def job_schema(*, operation: str | None = None, result: Schema | None = None) -> Schema:
    """Give the schema of a job.

    Args:
        operation: whose job it is; None for any.
        result: the schema of its result, if one is known.
    """
    name: Schema = TEXT if operation is None else {"type": "string", "enum": [operation]}
    outcome = said(nullable(result) if result else {}, "The result, unless it is large.")
    properties: dict[str, Any] = {
        "id": JOB_ID,
        "operation": name,
        "status": named("JobStatus"),
        "created_at": TIME,
        "scheduled_for": nullable(TIME),
        "started_at": nullable(TIME),
        "finished_at": nullable(TIME),
        "expires_at": nullable(TIME),
        "attempt": said(whole(), "The number of the latest attempt, 0 before the first."),
        "max_attempts": whole(1),
        "priority": PRIORITY,
        "progress": named("Progress"),
        "queue": nullable(named("QueuePlace")),
        "result": outcome,
        "error": nullable(named("RunError")),
        "labels": named("Labels"),
        "batch_id": nullable(TEXT),
        "retry_of": said(nullable(JOB_ID), "The job that this one repeats."),
        "request_id": said(nullable(TEXT), "The request that submitted it."),
        "links": named("JobLinks"),
    }
    return closed("One run of an operation.", properties)
