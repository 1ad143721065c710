"""submit_batch: decide on the items of a batch, some at a time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from callboard.jobs.batches.item_outcome import ItemOutcome, read_outcome
from callboard.jobs.encoding import encode
from callboard.jobs.operation_limits import OperationLimits
from callboard.jobs.pauses import with_pauses
from callboard.jobs.rate_quota import Charge, Quota
from callboard.jobs.store import Store
from callboard.jobs.submission import Submission

MAX_ITEMS: Final = 1000
MAX_NAMED: Final = 10_000
"""How many jobs the items of a batch may name in `after`, all together."""
STEP: Final = 100
"""How many items one step decides on; Redis serves no other client meanwhile."""


@dataclass(frozen=True, kw_only=True)
class NewBatch:
    """A batch to submit.

    Attributes:
        id: a UUIDv7, created by the submitter.
        total: the number of its items.
        idempotency: digest and fingerprint, as a `Submission` has them; none without a key.
        callback: where its completion is sent; None for nowhere.
    """

    id: str
    tenant: str
    total: int
    idempotency: Mapping[str, str] = field(default_factory=dict)
    callback: Mapping[str, Any] | None = None
    request_id: str | None = None
    traceparent: str | None = None

    def fields(self) -> dict[str, str]:
        """Return what is kept of it, all text."""
        values = {
            "tenant": self.tenant,
            "total": str(self.total),
            "callback": json.dumps(dict(self.callback)) if self.callback else None,
            "request_id": self.request_id,
            "traceparent": self.traceparent,
            **self.idempotency,
        }
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True)
class Step:
    """Some items of a batch to decide on.

    Attributes:
        first: the index of the first of these items in the batch, from 0.
        items: submissions, each with the limits of its operation; or what is kept of an item that
            can be none.
    """

    first: int
    items: Sequence[tuple[Submission, OperationLimits] | str]

    def submissions(self) -> dict[str, Submission]:
        """Return the submissions by the id of the job that each may become."""
        found = [item[0] for item in self.items if not isinstance(item, str)]
        return {submission.job_id: submission for submission in found}


@dataclass(frozen=True)
class Decided:
    """The decision on a step.

    Attributes:
        word: stored; closed, the batch takes nothing more; replayed, the key made the batch
            `batch_id` before; mismatch, of another payload; limited, the rate takes no item and
            no batch was made; missing, the batch is gone.
        outcomes: of these items, whoever submitted them; empty unless stored.
        woken: the jobs that this step created and whose messages are due.
        now_ms: when, by the clock of Redis.
    """

    word: Literal["stored", "replayed", "mismatch", "limited", "closed", "missing"]
    batch_id: str
    outcomes: tuple[ItemOutcome, ...]
    woken: tuple[str, ...]
    now_ms: int
    quota: Quota | None


def submit_step(
    store: Store, batch: NewBatch, step: Step, *, max_active: int, charge: Charge | None
) -> Decided:
    """Decide on some items of a batch in one step; the first step creates the batch.

    Each item is decided on once, whichever process repeats or continues a step, and
    all of them get the same answer. Items are decided on in order, like single submissions:
    of equal unique items the first is accepted.

    Args:
        store: the store.
        batch: what the items belong to.
        step: the items, whose parameters are valid.
        max_active: the largest number of active jobs on the server.
        charge: the quota of requests that each item uses; None for no rate.

    Raises:
        StoreUnavailable: Redis does not answer; the step may or may not be decided.
    """
    submissions = step.submissions()
    answer = store.run(
        "submit_batch",
        store.keys("batch", batch.id),
        woken_elsewhere=submissions,
        batch_id=batch.id,
        first=step.first,
        fields=json.dumps(batch.fields()),
        items=f"[{','.join(with_pauses(json.dumps(_item(item)) for item in step.items))}]",
        max_active=max_active,
        payer=charge.tenant if charge else "",
        rate_requests=charge.rate.requests if charge else 0,
        rate_window_ms=charge.window_ms if charge else 0,
        params=list(with_pauses(_params(item) for item in step.items)),
    )
    left, reset_ms, *values = answer.values
    stored = answer.word == "stored"
    return Decided(
        word=answer.word,  # type: ignore[arg-type]
        batch_id=values[0] if answer.word in ("replayed", "mismatch") else batch.id,
        outcomes=tuple(map(read_outcome, values[0])) if stored else (),
        woken=tuple(job_id for job_id in answer.woken if job_id in submissions),
        now_ms=int(values[1]) if stored else 0,
        quota=charge.quota(left, reset_ms) if charge else None,
    )


def resolve_after(submission: Submission, outcomes: Sequence[ItemOutcome]) -> Submission:
    """Put the ids of jobs in place of `#3` in what an accepted item waits for.

    Args:
        submission: of the item.
        outcomes: of the items before it.
    """
    if not any(each.startswith("#") for each in submission.after):
        return submission
    after = (_job_of(each, outcomes) for each in submission.after)
    return replace(submission, after=tuple(after))


def _job_of(named: str, outcomes: Sequence[ItemOutcome]) -> str:
    if not named.startswith("#"):
        return named
    job = outcomes[int(named[1:])].job
    assert job is not None  # or the item that names it were not accepted
    return job[0]


def read_outcomes(store: Store, batch_id: str) -> list[ItemOutcome]:
    """Return the outcomes of a batch's items so far, in order; none if it is gone.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (kept,) = store.pipeline(("LRANGE", store.keys("batch_items", batch_id), 0, -1))
    return [read_outcome(text.decode()) for text in kept]


def _item(item: tuple[Submission, OperationLimits] | str) -> dict[str, Any]:
    if isinstance(item, str):
        return {"outcome": item}
    submission, limits = item
    fields, text = submission.to_record()
    return {
        "job_id": submission.job_id,
        "fields": fields,
        "text": text,
        "on_conflict": submission.on_conflict,
        "run_at_ms": submission.scheduled_ms or 0,
        "operation_limits": limits.to_argument(),
        "limits": submission.limits_said(),
    }


def _params(item: tuple[Submission, OperationLimits] | str) -> bytes:
    return b"" if isinstance(item, str) else encode(dict(item[0].params))[0]
