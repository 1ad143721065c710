"""submit: decide on a submission and record it."""

import json
from dataclasses import dataclass

from jobs.encoding import encode
from jobs.errors import CapacityExceeded, DuplicateJob, IdempotencyMismatch
from jobs.store import Store
from jobs.submission import Submission


@dataclass(frozen=True)
class Accepted:
    """The submission was recorded; its message is the caller's to publish.

    Attributes:
        submission: as accepted, with its time of creation.
        replayed: the Idempotency-Key had made a job before, and it is that one.
        wakeup: the number to confirm once the message is out; 0 when none is due.
    """

    job_id: str
    submission: Submission
    replayed: bool
    wakeup: int
    now_ms: int


def submit(
    store: Store, submission: Submission, *, max_active: int, max_active_operation: int
) -> Accepted:
    """Decide on one submission in one step.

    Of many equal unique submissions at the same moment exactly one is accepted. Nothing is
    written unless it is accepted, and repeating it after a lost reply is accepted again.

    Args:
        store: where to.
        submission: what was asked for; its parameters are valid.
        max_active: how many active jobs the server takes.
        max_active_operation: how many of these may be of this operation.

    Raises:
        DuplicateJob: an active job has the same fingerprint.
        IdempotencyMismatch: the Idempotency-Key belongs to another payload.
        CapacityExceeded: there are too many active jobs.
        StoreUnavailable: Redis does not answer; the job may or may not be recorded.
    """
    answer = store.run(
        "submit_job",
        store.keys("job", submission.job_id),
        woken_elsewhere=submission.job_id,
        job_id=submission.job_id,
        fields=json.dumps(submission.fields()),
        text=json.dumps(submission.text()),
        params=encode(dict(submission.params))[0],
        on_conflict=submission.on_conflict,
        run_at_ms=submission.scheduled_ms or 0,
        max_active=max_active,
        max_active_operation=max_active_operation,
    )
    match answer.word:
        case "duplicate":
            raise DuplicateJob(*answer.values)
        case "mismatch":
            raise IdempotencyMismatch("This Idempotency-Key was used with another payload.")
        case "full":
            raise CapacityExceeded(*answer.values)
    job_id, now_ms = answer.values
    return Accepted(
        job_id=job_id,
        submission=submission.created(int(now_ms)),
        replayed=answer.word == "replayed",
        wakeup=1 if submission.job_id in answer.woken else 0,
        now_ms=int(now_ms),
    )
