"""Schedules that are replaced, paused, resumed and removed, by hand and by a file."""

import threading
from datetime import timedelta

import pytest

from callboard.jobs.errors import (
    ScheduleFromFile,
    ScheduleNotFound,
    TooManySchedules,
)
from callboard.jobs.schedules.file import apply_schedules
from callboard.jobs.schedules.records import (
    list_schedules,
    pause_schedule,
    put_schedule,
    remove_schedule,
)
from callboard.jobs.schedules.schedule import Schedule
from tests.job_system import JobSystem
from tests.ticks import MINUTELY, NAME, Ticks

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ticks(job_system: JobSystem) -> Ticks:
    return Ticks(job_system)


@pytest.mark.parametrize("source", ["api", "file"])
def test_ticks_during_a_pause_are_skipped_for_good(ticks: Ticks, source: str) -> None:
    ticks.put(source=source)
    pause_schedule(ticks.store, NAME, paused=True)
    ticks.pass_time(minutes=10)
    ticks.housekeeper.tick()

    pause_schedule(ticks.store, NAME, paused=False)
    pause_schedule(ticks.store, NAME, paused=False)
    ticks.housekeeper.tick()
    resumed = ticks.jobs()
    ticks.pass_time(minutes=1)
    ticks.housekeeper.tick()

    assert resumed == []
    assert len(ticks.jobs()) == 1


def test_a_replaced_schedule_stays_paused_and_keeps_its_tick_unless_its_times_change(
    ticks: Ticks,
) -> None:
    ticks.put("0 * * * *")
    first = ticks.read().next_at
    ticks.job_system.set_clock(round(first.timestamp() * 1000) + 5000)

    ticks.put("0 * * * *", params={"day": "other"})
    same = ticks.read().next_at
    ticks.put("0 * * * *", timezone="Asia/Kathmandu")
    moved = ticks.read().next_at
    pause_schedule(ticks.store, NAME, paused=True)
    ticks.put("5 * * * *")

    assert same == first
    assert moved == first + timedelta(minutes=15)
    assert ticks.read().paused
    ticks.put("5 * * * *", paused=False)
    assert ticks.read().next_at == first + timedelta(minutes=5)


def test_a_change_during_a_tick_does_not_double_it(ticks: Ticks) -> None:
    ticks.put(params={"day": "old"})
    ticks.pass_time(minutes=1)
    seen = ticks.read()

    ticks.put(params={"day": "new"})
    ticks.housekeeper._take(seen, ticks.now)
    ticks.housekeeper.tick()

    assert len(ticks.jobs()) == 1
    assert ticks.read().next_at == seen.next_at + MINUTE


def test_a_pause_during_a_tick_stays_in_effect(ticks: Ticks) -> None:
    ticks.put()
    ticks.pass_time(minutes=1)
    seen = ticks.read()

    pause_schedule(ticks.store, NAME, paused=True)
    ticks.housekeeper._take(seen, ticks.now)
    ticks.pass_time(minutes=2)
    ticks.housekeeper.tick()

    assert len(ticks.jobs()) == 1
    assert ticks.read().paused
    assert ticks.last.job_id == ticks.jobs()[0]


def test_a_resume_by_replacement_skips_the_ticks_of_the_pause(ticks: Ticks) -> None:
    ticks.put(paused=True)
    ticks.pass_time(minutes=10)

    ticks.put(paused=False)
    ticks.housekeeper.tick()

    assert ticks.jobs() == []
    assert ticks.read().next_at == ticks.now.replace(second=0) + MINUTE


def test_a_resume_that_read_another_cron_is_stale(ticks: Ticks) -> None:
    ticks.put("0 0 1 1 *", paused=True)
    seen = ticks.read()
    ticks.put("0 0 2 1 *")

    answer = ticks.store.run(
        "pause_schedule",
        ticks.store.keys("schedule", NAME),
        schedule_name=NAME,
        revision=seen.revision,
        paused="0",
        next_ms=round(seen.next_at.timestamp() * 1000),
    )

    assert answer.word == "stale"
    assert ticks.read().paused


def test_a_removed_schedule_creates_no_more_jobs(ticks: Ticks) -> None:
    ticks.put()
    ticks.pass_time(minutes=1)

    remove_schedule(ticks.store, NAME, source="api")
    ticks.housekeeper.tick()

    assert ticks.jobs() == list_schedules(ticks.store) == []
    with pytest.raises(ScheduleNotFound):
        remove_schedule(ticks.store, NAME, source="api")
    with pytest.raises(ScheduleNotFound):
        pause_schedule(ticks.store, NAME, paused=True)


def test_a_file_is_applied_once_by_many_processes_and_removed_entries_are_deleted(
    ticks: Ticks,
) -> None:
    declared = {
        NAME: Schedule(cron=MINUTELY, operation="report"),
        "other": Schedule(cron="0 0 * * *", operation="report"),
    }
    threads = [
        threading.Thread(target=apply_schedules, args=(ticks.store, declared)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tick = ticks.read().next_at
    pause_schedule(ticks.store, "other", paused=True)
    ticks.pass_time(minutes=1)
    apply_schedules(ticks.store, declared)
    put_schedule(ticks.store, "by-hand", declared[NAME], source="api")

    kept = {each.name: (each.source, each.paused) for each in list_schedules(ticks.store)}
    late = ticks.read().next_at
    apply_schedules(ticks.store, {"other": declared["other"]})

    assert kept == {
        "by-hand": ("api", False),
        "other": ("file", True),
        NAME: ("file", False),
    }
    assert late == tick
    assert [each.name for each in list_schedules(ticks.store)] == ["by-hand", "other"]


def test_a_files_schedule_replaces_one_of_the_api_and_belongs_to_the_file(ticks: Ticks) -> None:
    ticks.put("0 * * * *")

    ticks.put(source="file")

    assert (ticks.read().source, ticks.read().schedule.cron) == ("file", MINUTELY)
    with pytest.raises(ScheduleFromFile):
        ticks.put("1 * * * *")
    with pytest.raises(ScheduleFromFile):
        remove_schedule(ticks.store, NAME, source="api")
    assert ticks.read().schedule.cron == MINUTELY


def test_the_number_of_schedules_is_limited(ticks: Ticks) -> None:
    ticks.put()
    schedule = ticks.read().schedule

    with pytest.raises(TooManySchedules):
        put_schedule(ticks.store, "second", schedule, source="api", most=1)
    put_schedule(ticks.store, NAME, schedule, source="api", most=1)

    assert [each.name for each in list_schedules(ticks.store)] == [NAME]
