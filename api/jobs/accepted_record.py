"""The record of a job that was accepted a moment ago, without reading it."""

from callboard.jobs.record import Progress, Record
from callboard.jobs.submission import moment
from callboard.jobs.submit import Accepted


def accepted_record(accepted: Accepted) -> Record:
    """Return the record that the store has of it."""
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
