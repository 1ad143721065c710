"""advance: take schedules from one tick to the next."""

import json
from datetime import UTC, datetime
from typing import Final

from callboard.jobs.clock import moment
from callboard.jobs.schedules.schedule import Schedule
from callboard.jobs.schedules.stored import StoredSchedule, Tick, in_ms
from callboard.jobs.store import Store

_END: Final = datetime(9999, 12, 31, tzinfo=UTC)


def due_schedules(store: Store, *, most: int) -> tuple[datetime, list[StoredSchedule]]:
    """Read the time, and the schedules whose next tick has come, the longest overdue first.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    now_ms, found = store.run("due_schedules", store.keys("schedules"), most=most).values
    due = [
        StoredSchedule.parse(name, dict(zip(flat[::2], flat[1::2], strict=True)))
        for name, flat in found
        if flat
    ]
    return moment(now_ms), due


def advance(
    store: Store, stored: StoredSchedule, to: datetime, *, last: Tick | None = None
) -> bool:
    """Advance a schedule from the tick that it had when read, unless another process did.

    Args:
        store: the store.
        stored: as it was read.
        to: a later tick.
        last: what became of a tick; it is kept in any case, unless a later one's is.

    Returns:
        Whether it was this caller; of many one reads that.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run(
        "advance_schedule",
        store.keys("schedule", stored.name),
        schedule_name=stored.name,
        revision=stored.revision,
        tick_ms=in_ms(stored.next_at),
        next_ms=in_ms(to),
        last=json.dumps({} if last is None else last.fields()),
    )
    return answer.word == "advanced"


def next_tick(schedule: Schedule, after: datetime) -> datetime:
    """Return the first tick after a moment; one that never comes is at the end of all days."""
    return schedule.times.next_after(after) or _END
