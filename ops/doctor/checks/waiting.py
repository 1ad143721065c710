"""Checks what waits for an operator or another worker: pauses, ticks, messages."""

from collections.abc import Iterator, Mapping, Sequence

from callboard.jobs.orphans import Orphans
from callboard.ops.doctor.result import CheckResult


def check_paused(paused: Mapping[str, int]) -> Iterator[CheckResult]:
    """Report paused slots and how many jobs each holds back."""
    waiting = {slot.removeprefix("operation:"): n for slot, n in paused.items() if n}
    idle = [slot.removeprefix("operation:") for slot, n in paused.items() if not n]
    if waiting:
        yield CheckResult(
            "paused",
            "warning",
            f"{counted(waiting)} blocked by a pause.",
            "Run callboardctl resume <operation>.",
        )
    if idle:
        yield CheckResult("paused", "note", f"Paused, with no job waiting: {', '.join(idle)}.")


def check_late_schedules(late: Sequence[str]) -> Iterator[CheckResult]:
    """Report schedules whose tick is overdue."""
    if late:
        yield CheckResult(
            "schedules",
            "warning",
            f"{len(late)} schedule{'s have' if len(late) > 1 else ' has'} an overdue tick.",
            "Start workers that know their operations; a tick is refused after 10 minutes.",
            tuple(late[:3]),
        )


def check_orphans(orphans: Orphans) -> Iterator[CheckResult]:
    """Report messages that no worker could read."""
    if orphans.kept:
        since = (
            "" if orphans.oldest_at is None else f", the first since {orphans.oldest_at:%H:%M} UTC"
        )
        yield CheckResult(
            "messages of newer versions",
            "warning",
            f"{orphans.kept} without a record {'are' if orphans.kept > 1 else 'is'} kept{since}.",
            "A worker that can read them will process them; they are dropped after 24 hours.",
        )
    if orphans.dropped or orphans.unreadable:
        yield CheckResult(
            "messages",
            "note",
            f"{orphans.dropped} of newer versions were dropped; {orphans.unreadable} were not "
            "Callboard's.",
        )


def counted(jobs: Mapping[str, int]) -> str:
    """Return counts in words, such as `3 jobs (add, mul)`."""
    total = sum(jobs.values())
    names = ", ".join(sorted(jobs))
    return f"{total} job{'s' if total > 1 else ''} ({names})"
