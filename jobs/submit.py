"""submit: decide on a submission and record it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from callboard.jobs.clock import moment
from callboard.jobs.encoding import encode
from callboard.jobs.errors import (
    CapacityExceeded,
    DependencyMissing,
    DuplicateJob,
    FileMissing,
    IdempotencyMismatch,
    RateExceeded,
    Refused,
)
from callboard.jobs.operation_limits import OperationLimits
from callboard.jobs.rate_quota import Charge, Quota
from callboard.jobs.record import Progress, Record
from callboard.jobs.statuses import FINAL, Status
from callboard.jobs.store import Store
from callboard.jobs.submission import Submission

_UNKNOWN: Final[tuple[Any, ...]] = (None,) * 4
"""Where a job stands that is not new."""


@dataclass(frozen=True)
class Accepted:
    """The submission was recorded; its message is the caller's to publish.

    Attributes:
        submission: as accepted, with its time of creation.
        replayed: the Idempotency-Key had made a job before, and it is that one.
        wakeup: the number to confirm once the message is out; 0 when none is due.
        quota: what is left of the quota of requests, if there is one.
        submission_quota: the same of the operation's quota of submissions.
        position: of a new job among those that wait for a worker, from 1; None when unknown.
        running: how many jobs ran when it came.
        blocked_on: the slot at which a new job waits, if any; its position is then the one there.
        limit: how many places that slot has.
        state: of a new job that names others to wait for; None for one that names none.
    """

    job_id: str
    submission: Submission
    replayed: bool
    wakeup: int
    now_ms: int
    quota: Quota | None = None
    submission_quota: Quota | None = None
    position: int | None = None
    running: int = 0
    blocked_on: str | None = None
    limit: int | None = None
    state: "DependentState | None" = None

    def record(self) -> Record:
        """Return the record that Redis has of a new job, without reading it."""
        submission, state = self.submission, self.state
        due = submission.scheduled_ms
        later = due is not None and due > self.now_ms
        status = state.status if state else "scheduled" if later else "queued"
        ended_at = moment(self.now_ms) if status in FINAL else None
        return Record(
            id=self.job_id,
            operation=submission.operation,
            tenant=submission.tenant,
            queue=submission.queue,
            status=status,
            version=state.version if state else 1,
            priority=submission.priority,
            attempt=0,
            failures=0,
            crashes=0,
            max_attempts=submission.max_retries + 1,
            created_at=moment(self.now_ms),
            scheduled_for=None if due is None else moment(due),
            started_at=None,
            finished_at=ended_at,
            expires_at=ended_at and ended_at + submission.result_ttl,
            progress=Progress(percent=None, step=None, current=None, total=None),
            blocked_on=self.blocked_on,
            labels=submission.labels,
            error=state.error if state else None,
            result=None,
            result_bytes=None,
            batch_id=submission.batch_id,
            retry_of=submission.retry_of,
            request_id=submission.request_id,
            worker=None,
            after=submission.after,
            after_policy=submission.after_policy,
            depending=bool(state and state.waiting_for),
            waiting_for=state.waiting_for if state else (),
        )


@dataclass(frozen=True)
class DependentState:
    """How a job was when it was submitted with `after`.

    Attributes:
        waiting_for: the first of the jobs that have not ended.
        error: why it ended at once, if it did.
    """

    status: Status
    version: int
    waiting_for: tuple[str, ...]
    error: Mapping[str, Any] | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `submit_job` adds."""
        state = json.loads(text)
        error = state.get("error")
        return cls(
            status=state["status"],
            version=int(state["version"]),
            waiting_for=tuple(state["waiting_for"]),
            error=json.loads(error) if error else None,
        )


def submit(
    store: Store,
    submission: Submission,
    *,
    max_active: int,
    limits: OperationLimits,
    charge: Charge | None = None,
) -> Accepted:
    """Decide on one submission in one step.

    Of many equal unique submissions at the same moment exactly one is accepted. Nothing but its
    count is written unless it is accepted, and repeating it after a lost reply is accepted again.
    A repeat, of this kind or by its Idempotency-Key, is not counted and never beyond a rate. Only
    an accepted submission uses the operation's quota.

    Args:
        store: the store.
        submission: what was asked for; its parameters are valid.
        max_active: the largest number of active jobs on the server.
        limits: those of its operation.
        charge: the quota of requests that it uses; None for no rate.

    Raises:
        DuplicateJob: an active job has the same fingerprint.
        IdempotencyMismatch: the Idempotency-Key belongs to another payload.
        RateExceeded: a quota is used up for now.
        FileMissing: a file of it is not there, or another tenant's.
        DependencyMissing: so is a job that it is to wait for.
        CapacityExceeded: there are too many active jobs.
        StoreUnavailable: Redis does not answer; the job may or may not be recorded.
    """
    fields, text = submission.to_record()
    answer = store.run(
        "submit_job",
        store.keys("job", submission.job_id),
        woken_elsewhere=(submission.job_id,),
        job_id=submission.job_id,
        fields=json.dumps(fields),
        text=json.dumps(text),
        params=encode(dict(submission.params))[0],
        on_conflict=submission.on_conflict,
        run_at_ms=submission.scheduled_ms or 0,
        max_active=max_active,
        operation_limits=json.dumps(limits.to_argument()),
        limits=json.dumps(submission.limits_said()),
        payer=charge.tenant if charge else "",
        rate_requests=charge.rate.requests if charge else 0,
        rate_window_ms=charge.window_ms if charge else 0,
    )
    left, reset_ms, own_left, own_reset_ms, *values = answer.values
    quota = charge.quota(left, reset_ms) if charge else None
    own_quota = limits.charge.quota(own_left, own_reset_ms) if limits.charge else None
    violated = own_quota if values == ["submissions"] else quota
    if (refused := refusal(answer.word, values, violated)) is not None:
        refused.quota, refused.submission_quota = quota, own_quota
        raise refused
    job_id, now_ms, *new = values
    position, number, state, slot, *_ = (*new, *_UNKNOWN)
    return Accepted(
        job_id=job_id,
        submission=submission.created(int(now_ms)),
        replayed=answer.word == "replayed",
        wakeup=1 if submission.job_id in answer.woken else 0,
        now_ms=int(now_ms),
        quota=quota,
        submission_quota=own_quota,
        position=position,
        running=0 if slot else int(number or 0),
        blocked_on=slot,
        limit=number if slot else None,
        state=DependentState.parse(state) if state else None,
    )


def refusal(word: str, values: Sequence[str], violated: Quota | None) -> Refused | None:
    """Return the error that says why a submission was refused; None when it was not.

    Args:
        word: as the script answers.
        values: what it adds, after what is left of the quotas.
        violated: the quota that allows no more, if it is limited.
    """
    refused: Refused | None = None
    match word:
        case "duplicate":
            refused = DuplicateJob(*values)
        case "mismatch":
            refused = IdempotencyMismatch("This Idempotency-Key was used with another payload.")
        case "full":
            refused = CapacityExceeded(*values)
        case "file_missing":
            refused = FileMissing(*values)
        case "dependency_missing":
            refused = DependencyMissing(values[0], int(values[1]))
        case "limited" if violated is not None:
            refused = RateExceeded(violated)
    return refused
