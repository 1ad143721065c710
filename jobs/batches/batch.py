"""batch: many submissions as one, and their common progress."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from callboard.jobs.clock import milliseconds, moment
from callboard.jobs.errors import BatchNotFound
from callboard.jobs.statuses import FINAL, STATUSES
from callboard.jobs.store import Store

PATIENCE: Final = timedelta(seconds=60)
"""The time after which a batch with an interrupted submission is closed."""

_MAX_AT_ONCE: Final = 100


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A batch and its progress.

    Attributes:
        total: the number of items submitted.
        counts: its jobs by status, and also `refused`, the items that created no job,
            and `removed`, the jobs that no longer exist.
        sealed: whether every item is decided on, or the batch was closed.
    """

    id: str
    tenant: str
    total: int
    counts: Mapping[str, int]
    sealed: bool
    created_at: datetime
    ended_at: datetime | None
    expires_at: datetime | None

    @property
    def status(self) -> Literal["submitting", "active", "completed"]:
        """The status of the batch."""
        if self.ended_at is not None:
            return "completed"
        return "active" if self.sealed else "submitting"

    @property
    def percent(self) -> float:
        """Return how many of its jobs have ended."""
        ended = sum(self.counts[name] for name in (*FINAL, "removed"))
        jobs = self.total - self.counts["refused"]
        return round(100 * ended / jobs, 1) if jobs else 100.0


def read_batch(store: Store, batch_id: str, *, tenant: str, others: bool = False) -> Batch:
    """Read a batch at one moment.

    Args:
        store: the store.
        batch_id: the batch's id.
        tenant: whose; another tenant's batch is not found.
        others: find other tenants' batches as well.

    Raises:
        BatchNotFound: no batch that this tenant may see has this id.
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run("read_batch", store.keys("batch", batch_id), batch_id=batch_id)
    if answer.word == "missing":
        raise BatchNotFound(f"No batch has the id {batch_id}.")
    flat, decided, counts = answer.values
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    if fields["tenant"] != tenant and not others:
        raise BatchNotFound(f"No batch has the id {batch_id}.")
    return _batch(batch_id, fields, decided, dict(zip(STATUSES, counts, strict=True)))


def cancel_batch(store: Store, batch_id: str) -> None:
    """Cancel the rest of a batch; repeating it is always safe.

    No item is accepted from its first step on. Afterwards each job has ended, or its
    worker was told to stop it.

    Raises:
        BatchNotFound: there is no such batch.
        StoreUnavailable: Redis does not answer; some jobs may be cancelled.
    """
    word = "more"
    while word == "more":
        word = store.run(
            "cancel_batch",
            store.keys("batch", batch_id),
            batch_id=batch_id,
            most=_MAX_AT_ONCE,
        ).word
    if word == "missing":
        raise BatchNotFound(f"No batch has the id {batch_id}.")


def seal_batches(store: Store, *, patience: timedelta = PATIENCE) -> int:
    """Close batches with an interrupted submission, so that they can complete.

    Returns:
        Their number.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run(
        "seal_batches",
        store.keys("unsealed"),
        patience_ms=milliseconds(patience),
        most=_MAX_AT_ONCE,
    )
    return int(answer.values[0])


def _batch(batch_id: str, fields: Mapping[str, str], decided: int, jobs: dict[str, int]) -> Batch:
    removed = int(fields.get("removed", 0))
    made = sum(jobs.values()) + removed
    sealed = "sealed" in fields
    # A batch that was recovered with its jobs, after Redis had lost it, has no total.
    total = max(int(fields["total"]), made)
    refused = max(0, (total if sealed else decided) - made)
    return Batch(
        id=batch_id,
        tenant=fields["tenant"],
        total=total,
        counts={**jobs, "refused": refused, "removed": removed},
        sealed=sealed,
        created_at=moment(fields["created_ms"]),
        ended_at=_moment(fields, "ended_ms"),
        expires_at=_moment(fields, "expires_ms"),
    )


def _moment(fields: Mapping[str, str], name: str) -> datetime | None:
    return moment(fields[name]) if name in fields else None
