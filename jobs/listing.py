"""list_jobs: find jobs, newest first, a page at a time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from callboard.jobs.read import read_many
from callboard.jobs.record import Record
from callboard.jobs.statuses import Status
from callboard.jobs.store import Store

CANDIDATES: Final = 1000
CALLS: Final = 5
_LATEST_MS: Final = 10**15


class Position(NamedTuple):
    """A place in a listing: behind this job, which need not be there any more."""

    created_ms: int
    job_id: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which jobs are listed; None is any.

    Attributes:
        labels: a job must have all of them.
        after_ms: only jobs that were created after this time.
        before_ms: only jobs that were created before this time.
    """

    status: Status | None = None
    operation: str | None = None
    batch_id: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    after_ms: int = -1
    before_ms: int = _LATEST_MS

    def facets(self) -> list[tuple[str, str]]:
        """Return the indexes that have exactly these jobs in common, as facet and value."""
        alone = {"status": self.status, "operation": self.operation, "batch": self.batch_id}
        chosen = [(facet, value) for facet, value in alone.items() if value is not None]
        return chosen + [("label", f"{name}={value}") for name, value in self.labels.items()]


@dataclass(frozen=True)
class Page:
    """Some jobs, newest first.

    Attributes:
        next: where the next page begins; None when there is none.
    """

    records: tuple[Record, ...]
    next: Position | None


@dataclass(frozen=True)
class _Step:
    """What one look at all tenants' indexes found.

    Attributes:
        until: nothing above it was missed; None at the end.
    """

    found: list[Position]
    until: Position | None


def list_jobs(
    store: Store,
    wanted: Wanted,
    *,
    tenants: Sequence[str],
    most: int,
    behind: Position | None = None,
    candidates: int = CANDIDATES,
) -> Page:
    """List the jobs of some tenants.

    A walk through all pages returns each job that exists and matches all the time exactly
    once, whatever else changes. A page may have fewer jobs than asked for, or none, and
    yet a next one: the search is bounded, not the listing.

    Args:
        store: the store.
        wanted: which ones.
        tenants: whose.
        most: how many.
        behind: where the page begins; None at the newest job.
        candidates: how many jobs one step reads; Redis serves no other client meanwhile.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    until = min(behind or Position(_LATEST_MS, ""), Position(wanted.before_ms, ""))
    found: list[Position] = []
    step = _Step([], until)
    calls = 0
    while step.until is not None and len(found) <= most and calls < CALLS:
        look = _Look(store, wanted, step.until, most + 1 - len(found), candidates)
        step = look.at_all(tenants)
        found += step.found
        calls += len(tenants)
    following = found[most - 1] if len(found) > most else step.until
    records = read_many(store, [position.job_id for position in found[:most]])
    # Nothing that is asked for changes but the status.
    still = [each for each in records if each and wanted.status in (None, each.status)]
    return Page(tuple(still), following)


def count_jobs(store: Store, wanted: Wanted, *, tenant: str, most: int) -> int:
    """Count a tenant's jobs, as a listing would find them.

    Args:
        store: where they are.
        wanted: which ones.
        tenant: whose.
        most: where counting ends.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    count = 0
    step = _Step([], Position(wanted.before_ms, ""))
    while step.until is not None and count < most:
        step = _Look(store, wanted, step.until, min(CANDIDATES, most - count), CANDIDATES).at_all(
            [tenant]
        )
        count += len(step.found)
    return count


def oldest_active(store: Store, operation: str | None) -> Record | None:
    """Return the job that has been active for longest, of an operation or of all; None for none.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    keys = store.keys
    line = keys("active") if operation is None else keys("active_operation", operation)
    (found,) = store.pipeline(("ZRANGE", line, 0, 0))
    return next(iter(read_many(store, [job_id.decode() for job_id in found])), None)


def list_tenants(store: Store) -> list[str]:
    """Return every tenant that has ever submitted a job, by name.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (names,) = store.pipeline(("SMEMBERS", store.keys("tenants")))
    return sorted(name.decode() for name in names)


@dataclass(frozen=True)
class _Look:
    store: Store
    wanted: Wanted
    behind: Position
    most: int
    candidates: int

    def at_all(self, tenants: Sequence[str]) -> _Step:
        """Look at each tenant's jobs; what lies below where any look ended is left for the next."""
        steps = [self._at(tenant) for tenant in tenants]
        until = max((step.until for step in steps if step.until is not None), default=None)
        found = sorted((position for step in steps for position in step.found), reverse=True)
        return _Step([each for each in found if until is None or each >= until], until)

    def _at(self, tenant: str) -> _Step:
        answer = self.store.run(
            "list_jobs",
            self.store.keys("index", tenant),
            tenant=tenant,
            facets=json.dumps(self.wanted.facets()),
            after_ms=self.wanted.after_ms,
            before_ms=self.behind.created_ms,
            before_id=self.behind.job_id,
            most=self.most,
            candidates=self.candidates,
        )
        flat, seen_id, seen_ms = answer.values
        found = [
            Position(int(float(created_ms)), job_id)
            for job_id, created_ms in zip(flat[::2], flat[1::2], strict=True)
        ]
        until = Position(int(float(seen_ms)), seen_id) if answer.word == "more" else None
        return _Step(found, until)
