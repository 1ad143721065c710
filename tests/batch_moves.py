"""The actions of a web process that submits batches."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from callboard.jobs.batches.batch import Batch, read_batch
from callboard.jobs.batches.item_outcome import ItemOutcome
from callboard.jobs.batches.submit import Decided, NewBatch, Step, resolve_after, submit_step
from callboard.jobs.operation_limits import CapacityGroup, OperationLimits
from callboard.jobs.publisher import Wakeup
from callboard.jobs.rate_quota import Charge, submissions_policy
from callboard.jobs.relay import confirm
from callboard.jobs.submission import Submission
from tests.job_system import JobSystem

CALLBACK = {
    "url": "https://hooks.example/done",
    "events": ["batch.completed"],
    "base": "https://jobs.example",
}


def new_batch(job_system: JobSystem, total: int, **chosen: Any) -> NewBatch:
    """Create the id of a batch."""
    return NewBatch(id=job_system.new_submission().job_id, tenant="default", total=total, **chosen)


def decide(  # noqa: PLR0913 — what a step depends on
    job_system: JobSystem,
    batch: NewBatch,
    items: Sequence[Submission | str],
    *,
    first: int = 0,
    most: tuple[int, int] = (1000, 1000),
    charge: Charge | None = None,
    own_charge: Charge | None = None,
    group: CapacityGroup | None = None,
    before: Sequence[ItemOutcome] = (),
) -> Decided:
    """Submit one step and publish its jobs; `before` has the outcomes of earlier items.

    `own_charge` applies to the items of one operation, which its policy names.
    """

    def limits(item: Submission) -> OperationLimits:
        named = own_charge and own_charge.policy == submissions_policy(item.operation)
        groups = (group,) if group and item.operation in group.operations else ()
        return OperationLimits(most[1], own_charge if named else None, groups)

    parsed = [each if isinstance(each, str) else (_of(batch, each), limits(each)) for each in items]
    step = Step(first, parsed)
    decided = submit_step(job_system.store, batch, step, max_active=most[0], charge=charge)
    made = step.submissions()
    wakeups = [
        Wakeup(
            resolve_after(made[job_id], [*before, *decided.outcomes]).created(decided.now_ms),
            1,
            bool(made[job_id].value_limits),
            decided.now_ms,
        )
        for job_id in decided.woken
    ]
    if wakeups and all(job_system.broker.publish(wakeups)):
        confirm(job_system.store, [(job_id, 1) for job_id in decided.woken])
    return decided


def submitted(
    job_system: JobSystem, count: int, operation: str = "free", **chosen: Any
) -> list[str]:
    """Submit a batch of equal jobs that must all be accepted; return its id and theirs."""
    batch = new_batch(job_system, count)
    items = [job_system.new_submission(operation, **chosen) for _ in range(count)]
    words = words_of(decide(job_system, batch, items))
    assert words == ["accepted"] * count
    return [batch.id, *(each.job_id for each in items)]


def words_of(decided: Decided) -> list[str]:
    """Return the outcome of each item as a word."""
    return [outcome.word for outcome in decided.outcomes]


def read(job_system: JobSystem, batch_id: str) -> Batch:
    """Read a batch as its tenant."""
    return read_batch(job_system.store, batch_id, tenant="default")


def counts(job_system: JobSystem, batch_id: str) -> dict[str, int]:
    """Return the number of jobs in each status that has any."""
    return {name: count for name, count in read(job_system, batch_id).counts.items() if count}


def _of(batch: NewBatch, submission: Submission) -> Submission:
    return replace(submission, batch_id=batch.id)
