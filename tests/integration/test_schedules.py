"""Schedules: each tick creates one job, whichever housekeeper submits it, after any fault."""

import multiprocessing
import signal
import threading
from datetime import timedelta

import pytest
from redis import Redis

from callboard.actors.maintenance.scheduler import MAX_AT_ONCE
from callboard.jobs.errors import (
    StoreUnavailable,
)
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.ids import is_job_id
from callboard.jobs.purge import purge
from callboard.jobs.read import read, read_submissions
from callboard.jobs.registry import Registry
from callboard.jobs.schedules.records import put_schedule
from callboard.jobs.schedules.schedule import Schedule, job_id_of
from callboard.jobs.store import Store
from callboard.jobs.workers import heartbeat_worker
from tests.job_system import JobSystem
from tests.logs import capture_logs
from tests.servers import RedisServer
from tests.ticks import MINUTELY, NAME, Ticks, scheduler, set_next

MINUTE = timedelta(minutes=1)
SUCCESS = encode_result(1, max_bytes=100)


@pytest.fixture
def ticks(job_system: JobSystem) -> Ticks:
    return Ticks(job_system)


def test_a_tick_creates_one_job_with_the_schedules_content(ticks: Ticks) -> None:
    ticks.put(params={"day": "x"}, priority=7, labels={"a": "b"}, tenant="lab")
    first = ticks.read().next_at
    ticks.housekeeper.tick()
    early = ticks.jobs("lab")
    ticks.pass_time(minutes=1)

    ticks.housekeeper.tick()
    ticks.housekeeper.tick()

    (job_id,) = ticks.jobs("lab")
    made = read_submissions(ticks.store, [job_id])[job_id].submission
    assert early == []
    assert job_id == job_id_of("test", NAME, first)
    assert (made.operation, made.params, made.priority) == ("report", {"day": "x"}, 7)
    assert made.labels == {"a": "b", "schedule": NAME}
    assert (ticks.last.at, ticks.last.outcome, ticks.last.job_id) == (first, "submitted", job_id)
    assert ticks.read().next_at == first + MINUTE


def test_a_ticks_job_is_published_by_the_relay(ticks: Ticks) -> None:
    ticks.put()
    ticks.pass_time(minutes=1)
    ticks.housekeeper.tick()

    ticks.pass_time(seconds=2)
    ticks.store.run("relay_outbox", ticks.store.keys("outbox"), most=10, again_ms=5000)

    assert ticks.job_system.take_woken() == ticks.jobs()


def test_tick_ids_are_valid_and_sort_by_time_and_differ_for_each_tick(ticks: Ticks) -> None:
    now = ticks.now
    ids = [job_id_of("test", NAME, now + n * MINUTE) for n in range(3)]
    others = [job_id_of("other", NAME, now), job_id_of("test", "other", now)]

    assert ids == sorted(ids)
    assert len({*ids, *others}) == 5
    assert all(is_job_id(each) for each in [*ids, *others])


def test_each_tick_creates_one_job_however_many_housekeepers_race(ticks: Ticks) -> None:
    ticks.put()
    crowd = [scheduler(ticks.store) for _ in range(4)]

    for _ in range(5):
        ticks.pass_time(minutes=1)
        together = threading.Barrier(len(crowd))

        def take(each: int, together: threading.Barrier = together) -> None:
            together.wait()
            crowd[each].tick()

        threads = [threading.Thread(target=take, args=(n,)) for n in range(len(crowd))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(ticks.times()) == len(set(ticks.times())) == 5


def test_of_the_missed_ticks_only_the_latest_creates_a_job(ticks: Ticks) -> None:
    ticks.put()
    ticks.pass_time(days=365, seconds=10)
    crowd = [scheduler(ticks.store) for _ in range(3)]
    latest = ticks.now.replace(second=0)

    threads = [threading.Thread(target=each.tick) for each in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ticks.times() == [latest]
    assert ticks.read().next_at == latest + MINUTE


def test_a_housekeeper_that_sees_a_later_missed_tick_creates_no_second_job(ticks: Ticks) -> None:
    ticks.put()
    ticks.pass_time(minutes=10, seconds=1)
    seen = ticks.read()
    ticks.housekeeper.tick()
    ticks.pass_time(seconds=30)

    # Like a housekeeper that continues half a minute after its read.
    scheduler(ticks.store)._take(seen, ticks.now + MINUTE)

    assert len(ticks.times()) == 1


@pytest.mark.parametrize(("late", "jobs"), [(59, 1), (61, 0)])
def test_a_skipping_schedule_ignores_ticks_older_than_a_minute(
    ticks: Ticks, late: int, jobs: int
) -> None:
    ticks.put("0 * * * *", missed="skip")
    tick = ticks.read().next_at
    ticks.job_system.set_clock(int(tick.timestamp() + late) * 1000)

    ticks.housekeeper.tick()

    assert len(ticks.jobs()) == jobs
    assert ticks.last.outcome == ("submitted" if jobs else "skipped")
    assert ticks.read().next_at == tick + timedelta(hours=1)


def test_a_submitted_tick_is_not_repeated_before_the_advance_even_if_its_job_is_purged(
    ticks: Ticks,
) -> None:
    ticks.put()
    before = ticks.read()
    ticks.pass_time(minutes=1)
    ticks.housekeeper.tick()
    (job_id,) = ticks.jobs()
    claimed = ticks.job_system.claim(job_id)
    assert claimed.fence is not None
    finish(ticks.store, claimed.fence, SUCCESS)
    purge(ticks.store, job_id)

    # As if the first housekeeper had died before it advanced the schedule.
    set_next(ticks.store, NAME, before.next_at)
    ticks.housekeeper.tick()

    assert ticks.jobs() == []
    assert (ticks.last.outcome, ticks.last.job_id) == ("submitted", job_id)
    assert ticks.read().next_at == before.next_at + MINUTE


def test_a_lost_reply_to_an_advance_is_harmless(ticks: Ticks) -> None:
    ticks.put()
    ticks.pass_time(minutes=1)
    seen = ticks.read()

    for _ in range(2):
        ticks.housekeeper._take(seen, ticks.now)

    assert len(ticks.jobs()) == 1
    assert ticks.read().next_at == seen.next_at + MINUTE


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({"params": {"month": 1}}, "invalid-parameters"),
        ({"operation": "single", "params": {"name": "a"}}, "duplicate"),
        ({"operation": "narrow"}, "full"),
    ],
)
def test_a_refused_tick_is_recorded_and_the_next_one_is_normal(
    ticks: Ticks, said: dict[str, object], outcome: str
) -> None:
    ticks.put(**said)
    if outcome in ("duplicate", "full"):
        ticks.pass_time(minutes=1)
        ticks.housekeeper.tick()
    there = ticks.jobs()
    tick = ticks.read().next_at
    ticks.pass_time(minutes=1)

    ticks.housekeeper.tick()
    refused = ticks.last
    ticks.put()
    ticks.pass_time(minutes=1)
    ticks.housekeeper.tick()

    assert (refused.at, refused.outcome) == (tick, outcome)
    assert refused.detail
    assert refused.job_id == (there[0] if outcome == "duplicate" else None)
    assert len(ticks.jobs()) == len(there) + 1
    assert (ticks.last.outcome, ticks.last.detail) == ("submitted", None)


def test_a_tick_waits_for_a_worker_that_knows_its_operation(ticks: Ticks) -> None:
    ticks.put(missed="skip")
    older = scheduler(ticks.store, registry=Registry([]))
    heartbeat_worker(ticks.store, "newer", {}, operations=["report"])
    tick = ticks.read().next_at
    ticks.pass_time(minutes=1)

    for _ in range(3):
        older.tick()
    waiting = ticks.read()
    ticks.housekeeper.help_out()
    at_once = ticks.jobs()
    ticks.pass_time(seconds=5)
    ticks.housekeeper.help_out()

    assert (waiting.next_at, waiting.last, at_once) == (tick, None, [])
    assert len(ticks.jobs()) == 1
    assert (ticks.last.at, ticks.last.outcome) == (tick, "submitted")


def test_a_tick_is_refused_once_no_worker_has_known_its_operation_for_ten_minutes(
    ticks: Ticks,
) -> None:
    ticks.put(operation="nothing")
    ticks.pass_time(minutes=11)
    housekeeper = scheduler(ticks.store)

    ticks.housekeeper.tick()
    early = ticks.read().last
    ticks.pass_time(minutes=1)
    housekeeper.tick()

    assert early is None
    assert (ticks.last.outcome, ticks.jobs()) == ("unknown-operation", [])
    assert ticks.read().next_at > ticks.now


def test_waiting_ticks_do_not_block_others(ticks: Ticks) -> None:
    unknown = Schedule(cron=MINUTELY, operation="nothing")
    for number in range(MAX_AT_ONCE + 5):
        put_schedule(ticks.store, f"a{number}", unknown, source="api")
    ticks.put()
    ticks.pass_time(minutes=1)

    ticks.housekeeper.tick()
    ticks.housekeeper.tick()

    assert len(ticks.jobs()) == 1


def test_an_outcome_with_a_job_replaces_a_refusal(ticks: Ticks) -> None:
    ticks.put()
    ticks.pass_time(minutes=1)
    seen = ticks.read()

    scheduler(ticks.store, registry=Registry([]))._take(seen, ticks.now)
    refused = ticks.last.outcome
    ticks.housekeeper._take(seen, ticks.now)
    scheduler(ticks.store, registry=Registry([]))._take(seen, ticks.now)

    assert refused == "unknown-operation"
    assert ticks.last.outcome == "submitted"


def test_a_failing_schedule_does_not_block_the_ticks_of_others(ticks: Ticks) -> None:
    put_schedule(
        ticks.store,
        "broken",
        Schedule(cron=MINUTELY, operation="report"),
        source="api",
    )
    ticks.store.redis.hset(ticks.store.keys("schedule", "broken"), "timezone", "Mars/Olympus")
    ticks.put()
    ticks.pass_time(minutes=1)

    for _ in range(2):
        ticks.housekeeper.tick()

    assert len(ticks.jobs()) == 1


def test_many_failing_schedules_do_not_block_the_ticks_of_others(ticks: Ticks) -> None:
    broken = Schedule(cron=MINUTELY, operation="report")
    for number in range(MAX_AT_ONCE):
        put_schedule(ticks.store, f"broken-{number}", broken, source="api")
        key = ticks.store.keys("schedule", f"broken-{number}")
        ticks.store.redis.hset(key, "timezone", "Mars/Olympus")
    ticks.pass_time(minutes=1)
    ticks.put()
    ticks.pass_time(minutes=1)

    with capture_logs():
        for _ in range(2):
            ticks.housekeeper.tick()

    assert len(ticks.jobs()) == 1


def test_while_redis_refuses_jobs_ticks_are_postponed_and_none_is_lost(redis: Redis) -> None:
    ticks = Ticks(JobSystem(redis))
    ticks.put()
    ticks.pass_time(minutes=1)

    redis.config_set("min-replicas-to-write", 1)
    try:
        ticks.housekeeper.tick()
        with pytest.raises(StoreUnavailable):
            ticks.put()
    finally:
        redis.config_set("min-replicas-to-write", 0)
    none = ticks.jobs()
    ticks.housekeeper.tick()

    assert none == []
    assert len(ticks.jobs()) == 1


def test_a_housekeeper_killed_between_submit_and_advance_creates_one_job(
    redis: Redis, redis_server: RedisServer
) -> None:
    ticks = Ticks(JobSystem(redis))
    ticks.put()
    tick = ticks.read().next_at
    ticks.pass_time(minutes=1)

    doomed = multiprocessing.get_context("spawn").Process(target=_die, args=(redis_server.url,))
    doomed.start()
    doomed.join(30)
    made, last = ticks.jobs(), ticks.read().last
    ticks.housekeeper.tick()

    assert doomed.exitcode == -signal.SIGKILL
    assert (len(made), last) == (1, None)
    assert ticks.jobs() == made
    assert (ticks.last.at, ticks.read().next_at) == (tick, tick + MINUTE)


def test_after_a_restart_of_redis_the_next_tick_is_unchanged(
    redis: Redis, redis_server: RedisServer
) -> None:
    ticks = Ticks(JobSystem(redis))
    ticks.put()
    ticks.pass_time(minutes=1)
    ticks.housekeeper.tick()
    made = ticks.jobs()

    redis_server.stop()
    ticks.housekeeper.tick()
    redis_server.start()
    ticks.housekeeper.tick()
    ticks.pass_time(minutes=1)
    ticks.housekeeper.tick()

    assert len(ticks.jobs()) == 2
    assert set(made) < set(ticks.jobs())
    assert read(ticks.store, made[0], tenant="default").labels == {"schedule": NAME}


def _die(url: str) -> None:
    store = Store(Redis.from_url(url, protocol=2), "test", testing=True)
    scheduler(store, faults=["between-submit-and-advance"]).tick()
