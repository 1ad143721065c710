"""submit: decide on a submission and record it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from callboard.jobs.clock import moment
from callboard.jobs.encoding import encode
from callboard.jobs.errors import (
    CapacityExceeded,
    DuplicateJob,
    FileMissing,
    IdempotencyMismatch,
    RateExceeded,
    Refused,
)
from callboard.jobs.rate_quota import Charge, Quota
from callboard.jobs.record import Progress, Record
from callboard.jobs.store import Store
from callboard.jobs.submission import Submission


@dataclass(frozen=True)
class Accepted:
    """The submission was recorded; its message is the caller's to publish.

    Attributes:
        submission: as accepted, with its time of creation.
        replayed: the Idempotency-Key had made a job before, and it is that one.
        wakeup: the number to confirm once the message is out; 0 when none is due.
        quota: what is left of the quota, if there is one.
        position: of a new job among those that wait for a worker, from 1; None when unknown.
        running: how many jobs ran when it came.
    """

    job_id: str
    submission: Submission
    replayed: bool
    wakeup: int
    now_ms: int
    quota: Quota | None = None
    position: int | None = None
    running: int = 0

    def record(self) -> Record:
        """Return the record that Redis has of a new job, without reading it."""
        submission = self.submission
        due = submission.scheduled_ms
        return Record(
            id=self.job_id,
            operation=submission.operation,
            tenant=submission.tenant,
            queue=submission.queue,
            status="scheduled" if due is not None and due > self.now_ms else "queued",
            version=1,
            priority=submission.priority,
            attempt=0,
            failures=0,
            crashes=0,
            max_attempts=submission.max_retries + 1,
            created_at=moment(self.now_ms),
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


def submit(
    store: Store,
    submission: Submission,
    *,
    max_active: int,
    max_active_operation: int,
    charge: Charge | None = None,
) -> Accepted:
    """Decide on one submission in one step.

    Of many equal unique submissions at the same moment exactly one is accepted. Nothing but its
    count is written unless it is accepted, and repeating it after a lost reply is accepted again.
    A repeat, of this kind or by its Idempotency-Key, is not counted and never beyond a rate.

    Args:
        store: the store.
        submission: what was asked for; its parameters are valid.
        max_active: the largest number of active jobs on the server.
        max_active_operation: the largest number of active jobs of this operation.
        charge: the quota that it uses; None for no rate.

    Raises:
        DuplicateJob: an active job has the same fingerprint.
        IdempotencyMismatch: the Idempotency-Key belongs to another payload.
        RateExceeded: the quota is used up for now.
        FileMissing: a file of it is not there, or another tenant's.
        CapacityExceeded: there are too many active jobs.
        StoreUnavailable: Redis does not answer; the job may or may not be recorded.
    """
    answer = store.run(
        "submit_job",
        store.keys("job", submission.job_id),
        woken_elsewhere=(submission.job_id,),
        job_id=submission.job_id,
        fields=json.dumps(submission.fields()),
        text=json.dumps(submission.text()),
        params=encode(dict(submission.params))[0],
        on_conflict=submission.on_conflict,
        run_at_ms=submission.scheduled_ms or 0,
        max_active=max_active,
        max_active_operation=max_active_operation,
        payer=charge.tenant if charge else "",
        rate_requests=charge.rate.requests if charge else 0,
        rate_window_ms=charge.window_ms if charge else 0,
    )
    left, reset_ms, *values = answer.values
    quota = charge.quota(left, reset_ms) if charge else None
    if (refused := refusal(answer.word, values, quota)) is not None:
        refused.quota = quota
        raise refused
    job_id, now_ms, *line = values
    return Accepted(
        job_id=job_id,
        submission=submission.created(int(now_ms)),
        replayed=answer.word == "replayed",
        wakeup=1 if submission.job_id in answer.woken else 0,
        now_ms=int(now_ms),
        quota=quota,
        position=line[0] if line else None,
        running=int(line[1]) if line else 0,
    )


def refusal(word: str, values: Sequence[str], quota: Quota | None) -> Refused | None:
    """Return the error that says why a submission was refused; None when it was not.

    Args:
        word: as the script answers.
        values: what it adds, after what is left of the quota.
        quota: what is left of it.
    """
    match word:
        case "duplicate":
            return DuplicateJob(*values)
        case "mismatch":
            return IdempotencyMismatch("This Idempotency-Key was used with another payload.")
        case "full":
            return CapacityExceeded(*values)
        case "file_missing":
            return FileMissing(*values)
        case "limited" if quota is not None:
            return RateExceeded(quota)
    return None
