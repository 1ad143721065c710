"""Checks what is stuck in Redis: jobs, slots, keys and sets that differ from the records."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final, NamedTuple

from callboard.jobs.consistency.check import ConsistencyCheck, ConsistencyResult
from callboard.jobs.consistency.faults import UNREPAIRABLE, Group
from callboard.jobs.store import Store
from callboard.ops.doctor.result import CheckResult, Level

MAX_STUCK: Final = 10_000


class _Meaning(NamedTuple):
    level: Level
    says: str


# What is in the sets and not in the records is meant by `or the reverse`.
_MEANINGS: Final[dict[Group, _Meaning]] = {
    "wakeup": _Meaning("problem", "Queued jobs without a message, or the reverse"),
    "lease": _Meaning("problem", "Running jobs without a lease, or the reverse"),
    "slot": _Meaning("problem", "Places held by jobs that are not running, or the reverse"),
    "waiting": _Meaning("problem", "Blocked jobs that wait for no slot, or the reverse"),
    "reservation": _Meaning("problem", "Reservations that never expire, or the reverse"),
    "schedule": _Meaning("problem", "Scheduled jobs without a due time, or the reverse"),
    "dependency": _Meaning("problem", "Jobs that wait for others that do not tell them"),
    "capacity": _Meaning("warning", "Jobs counted as active that are not, or the reverse"),
    "unique": _Meaning("warning", "Unique keys without an active job, or the reverse"),
    "conflict": _Meaning("warning", "Active jobs that share a unique key"),
    "queue": _Meaning("warning", "Jobs listed as queued that are not, or the reverse"),
    "turn": _Meaning("warning", "Jobs without their turn, or turns without a job"),
    "listing": _Meaning("warning", "Jobs in the wrong indexes, or the reverse"),
    "expiry": _Meaning("warning", "Final jobs that never expire, or the reverse"),
    "batch": _Meaning("warning", "Batches whose counts differ from their jobs"),
    "fragment": _Meaning("warning", "Fragments of records"),
    "delivery": _Meaning("warning", "Deliveries missing from their queue, or the reverse"),
}


def check_records(
    store: Store, *, lease: timedelta, most: int = MAX_STUCK, repair: bool = False
) -> Iterator[CheckResult]:
    """Compare all records with what follows from them; with `repair` put right what differs.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    found = ConsistencyCheck(store, lease, most, repair).run()
    for group in _MEANINGS:
        if group in found.groups:
            yield _result(found, group, repair=repair)
    if not found.groups:
        yield CheckResult(
            "stuck", "ok", f"Nothing is stuck among {found.walked.entries:,} entries and keys."
        )
    yield from _cut(found)


def _result(found: ConsistencyResult, group: Group, *, repair: bool) -> CheckResult:
    meaning, faults = _MEANINGS[group], found.groups[group]
    message = f"{meaning.says}: {faults.count:,}."
    if group in UNREPAIRABLE:
        remedy = "Compare both with callboard status, and cancel one."
        return CheckResult(f"stuck {group}", meaning.level, message, remedy, faults.examples)
    if repair:
        return CheckResult(f"stuck {group}", "note", message, "", faults.examples, repaired=True)
    remedy = "Run callboardctl doctor --repair."
    return CheckResult(f"stuck {group}", meaning.level, message, remedy, faults.examples)


def _cut(found: ConsistencyResult) -> Iterator[CheckResult]:
    cut = found.walked.cut
    if not cut:
        return
    parts = tuple(
        f"{name}: {seen:,} of {'more' if size is None else f'{size:,}'}"
        for name, (seen, size) in sorted(cut.items())
    )
    yield CheckResult(
        "stuck bound",
        "note",
        f"Not everything was checked: {len(parts)} sets or kinds of keys exceed the limit.",
        "Run callboardctl doctor --most with a larger number.",
        parts[:5],
    )
