"""Submits batches step by step, so that others do not wait for the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from callboard.jobs.batches import item_outcome
from callboard.jobs.batches.item_outcome import Errors, ItemOutcome
from callboard.jobs.batches.submit import (
    STEP,
    Decided,
    NewBatch,
    Step,
    read_outcomes,
    resolve_after,
    submit_step,
)
from callboard.jobs.errors import (
    BatchClosed,
    BatchGone,
    IdempotencyMismatch,
    InvalidParameters,
    OperationFault,
    RateExceeded,
    Refused,
    UnknownOperation,
)
from callboard.jobs.operation import Check, Operation
from callboard.jobs.operation_limits import OperationLimits
from callboard.jobs.pauses import with_pauses
from callboard.jobs.publisher import Wakeup
from callboard.jobs.rate_quota import Charge, Quota
from callboard.jobs.submission import Submission
from callboard.jobs.submission_service import SubmissionService

MAX_NAMED_PER_STEP: Final = 1_000
"""How many jobs the items of one step name to wait for, unless a single item names more."""


@dataclass(frozen=True)
class Item:
    """One item of a batch, not validated yet.

    Attributes:
        chosen: fields of `Submission` that the caller chose.
        malformed: what is wrong with it, if it is not a submission: pairs of a JSON Pointer into
            the item and a sentence.
        large: whether it takes long to validate.
    """

    operation: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    chosen: Mapping[str, Any] = field(default_factory=dict)
    malformed: Errors = ()
    large: bool = False


@dataclass(frozen=True)
class SubmittedBatch:
    """A batch, and the outcomes of its items in order.

    Attributes:
        replayed: whether the Idempotency-Key had created this batch before.
        quota: what is left of the quota, if there is one.
    """

    id: str
    outcomes: Sequence[ItemOutcome]
    replayed: bool
    quota: Quota | None


class BatchSubmissionService:
    """Validates, records and publishes batches, by what `submissions` does for one submission."""

    def __init__(self, submissions: SubmissionService, check: Check = Operation.validated) -> None:
        self._submissions = submissions
        self._check = check

    def submit(
        self,
        batch: NewBatch,
        items: Sequence[Item],
        *,
        charge: Charge | None = None,
        payer: str | None = None,
    ) -> SubmittedBatch:
        """Record the jobs of a batch and publish their messages, some at a time.

        With an Idempotency-Key, a repeat continues a batch that a process left behind, and any
        number of concurrent repeats create one batch and each job once. Without one, a batch that
        a process left behind is closed after `callboard.jobs.batches.batch.PATIENCE`.

        Args:
            batch: what they belong to.
            items: as many as its total.
            charge: the quota of requests that each item uses; None for a caller without a rate.
            payer: the tenant whose quotas of submissions accepted items use; None if they use none.

        Raises:
            IdempotencyMismatch: the key belongs to another payload.
            RateExceeded: not even one item is within the rate.
            BatchGone: the key created a batch that is gone.
            StoreUnavailable: Redis does not answer; a part of it may be recorded.
        """
        known: list[ItemOutcome] = []
        replayed, quota = False, None
        while len(known) < len(items):
            first = len(known)
            step = Step(
                first, self._prepared(batch, items[first : end_of_step(items, first)], payer)
            )
            decided = submit_step(
                self._submissions.store,
                batch,
                step,
                max_active=self._submissions.max_active,
                charge=charge,
            )
            quota = decided.quota
            self._submissions.faults.reach("between-record-and-publish")
            match decided.word:
                case "mismatch" | "limited":
                    raise _refused(decided)
                case "replayed":
                    batch, replayed = replace(batch, id=decided.batch_id), True
                    known = read_outcomes(self._submissions.store, batch.id)
                case "closed":
                    known += [_CLOSED] * (len(items) - first)
                case "stored":
                    known += decided.outcomes
                    self._publish(step, decided, known)
            if len(known) == first:
                raise BatchGone(f"Batch {batch.id} is gone.")
        return SubmittedBatch(batch.id, known, replayed, quota)

    def _prepared(
        self, batch: NewBatch, items: Sequence[Item], payer: str | None
    ) -> list[tuple[Submission, OperationLimits] | str]:
        return list(with_pauses(self._prepare(batch, item, payer) for item in items))

    def _prepare(
        self, batch: NewBatch, item: Item, payer: str | None
    ) -> tuple[Submission, OperationLimits] | str:
        if item.malformed:
            return item_outcome.malformed(item.malformed)
        try:
            operation = self._submissions.registry.get(item.operation)
            chosen = {**item.chosen, "tenant": batch.tenant, "batch_id": batch.id}
            submission = self._submissions.prepare(
                operation,
                item.params,
                check=self._check if item.large else Operation.validated,
                **chosen,
            )
        except UnknownOperation as error:
            return item_outcome.unknown(error.name)
        except InvalidParameters as error:
            return item_outcome.misfit(error)
        except OperationFault as error:
            return item_outcome.fault(error)
        return submission, self._submissions.limits_of(operation, payer)

    def _publish(self, step: Step, decided: Decided, known: Sequence[ItemOutcome]) -> None:
        """Publish the messages of a step in one flush; the outbox keeps what is not confirmed."""
        submissions = step.submissions()
        wakeups = [
            Wakeup(
                resolve_after(submissions[job_id], known).created(decided.now_ms),
                1,
                reserved=bool(submissions[job_id].value_limits),
                published_ms=decided.now_ms,
            )
            for job_id in decided.woken
        ]
        if not wakeups:
            return
        confirmed = self._submissions.publisher.publish(wakeups)
        for job_id, done in zip(decided.woken, confirmed, strict=True):
            if done:
                self._submissions.relay.acknowledge(job_id, 1)


def end_of_step(items: Sequence[Item], first: int) -> int:
    """Return the first item of the next step: Redis serves no other client during a step.

    A step has at most `STEP` items, and if it has several, these name at most
    `MAX_NAMED_PER_STEP` jobs to wait for.
    """
    end, named = first, 0
    for item in items[first : first + STEP]:
        named += len(item.chosen.get("after", ()))
        if end > first and named > MAX_NAMED_PER_STEP:
            break
        end += 1
    return end


def _refused(decided: Decided) -> Refused:
    error: Refused = IdempotencyMismatch("This Idempotency-Key was used with another payload.")
    if decided.word == "limited" and decided.quota is not None:
        error = RateExceeded(decided.quota)
    error.quota = decided.quota
    return error


_CLOSED: Final = ItemOutcome("closed", refused=BatchClosed())
