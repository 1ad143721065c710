"""Schedules in Redis: put, read, paused and removed."""

import json
from datetime import datetime
from typing import Final

from callboard.jobs.errors import ScheduleFromFile, ScheduleNotFound, TooManySchedules
from callboard.jobs.record import pairs
from callboard.jobs.schedules.advance import due_schedules, next_tick
from callboard.jobs.schedules.schedule import Schedule
from callboard.jobs.schedules.stored import Source, StoredSchedule, in_ms
from callboard.jobs.store import Store

MAX_SCHEDULES: Final = 1000


def put_schedule(
    store: Store,
    name: str,
    schedule: Schedule,
    *,
    source: Source,
    paused: bool | None = None,
    most: int = MAX_SCHEDULES,
) -> bool:
    """Create a schedule or replace it; the next tick stays unless the times are others.

    Repeating it changes nothing. A file's schedule takes the place of one of the API.

    Args:
        store: the store.
        name: what it is called.
        schedule: what it says; valid.
        source: who says so.
        paused: whether its ticks come; None leaves that as it is.
        most: how many schedules there may be.

    Returns:
        Whether it is new.

    Raises:
        ScheduleFromFile: the API would replace a file's.
        TooManySchedules: there are as many as there may be.
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run(
        "put_schedule",
        store.keys("schedule", name),
        schedule_name=name,
        fields=json.dumps(schedule.fields()),
        source=source,
        paused="" if paused is None else str(int(paused)),
        next_ms=in_ms(next_tick(schedule, _now(store))),
        most=most,
    )
    if answer.word == "owned":
        raise ScheduleFromFile(f"The schedule {name!r} is defined in the schedules file.")
    if answer.word == "full":
        raise TooManySchedules(f"There are already {most} schedules.")
    return answer.word == "created"


def pause_schedule(store: Store, name: str, *, paused: bool) -> None:
    """Stop a schedule's ticks or let them come again, from now on; repeating it is safe.

    Raises:
        ScheduleNotFound: there is none of this name.
        StoreUnavailable: Redis does not answer.
    """
    word = "stale"
    while word == "stale":
        known = read_schedule(store, name)
        word = store.run(
            "pause_schedule",
            store.keys("schedule", name),
            schedule_name=name,
            revision=known.revision,
            paused=str(int(paused)),
            next_ms=in_ms(next_tick(known.schedule, _now(store))),
        ).word
    if word == "missing":
        raise _not_found(name)


def remove_schedule(store: Store, name: str, *, source: Source) -> None:
    """Make no more jobs of a schedule; those that there are stay.

    Raises:
        ScheduleFromFile: it is another source's.
        ScheduleNotFound: there is none of this name.
        StoreUnavailable: Redis does not answer.
    """
    key = store.keys("schedule", name)
    word = store.run("remove_schedule", key, schedule_name=name, source=source).word
    if word == "owned":
        where = "is defined in the schedules file" if source == "api" else "came from the API"
        raise ScheduleFromFile(f"The schedule {name!r} {where}.")
    if word == "missing":
        raise _not_found(name)


def read_schedule(store: Store, name: str) -> StoredSchedule:
    """Read one.

    Raises:
        ScheduleNotFound: there is none of this name.
        StoreUnavailable: Redis does not answer.
    """
    (flat,) = store.pipeline(("HGETALL", store.keys("schedule", name)))
    if not flat:
        raise _not_found(name)
    return StoredSchedule.parse(name, pairs(flat))


def list_schedules(store: Store) -> list[StoredSchedule]:
    """Read all, by name.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (members,) = store.pipeline(("ZRANGE", store.keys("schedules"), 0, -1))
    names = sorted(member.decode() for member in members)
    if not names:
        return []
    found = store.pipeline(*(("HGETALL", store.keys("schedule", name)) for name in names))
    named = zip(names, found, strict=True)
    return [StoredSchedule.parse(name, pairs(flat)) for name, flat in named if flat]


def _now(store: Store) -> datetime:
    now, _ = due_schedules(store, most=0)
    return now


def _not_found(name: str) -> ScheduleNotFound:
    return ScheduleNotFound(f"No schedule has the name {name!r}.")
