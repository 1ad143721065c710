"""Callbacks: dispatchers share what is due, and none is lost, doubled or held up by another."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from callboard.actors.maintenance.housekeeper import Housekeeper
from callboard.jobs.callbacks.deliver import Attempted, keep_body
from callboard.jobs.callbacks.deliveries import list_deliveries, resend
from callboard.jobs.errors import DeliveryNotFound, DeliveryPending
from callboard.jobs.files.storage import Storage
from callboard.jobs.finish import finish
from callboard.jobs.log import read_log
from callboard.jobs.purge import purge, purge_expired
from tests.delivery_moves import DOWN, OK, SUCCESS, callback, done, ended, take
from tests.ticks import Nowhere, scheduler
from tests.world import World

HOUR_MS = 3_600_000


# Who delivers what.


def test_a_due_delivery_is_one_couriers_until_its_lease_ends(world: World) -> None:
    ended(world)
    (first,) = take(world)

    early = take(world)
    world.pass_time(60_000)
    (second,) = take(world)

    assert early == []
    assert (second.id, first.attempts, second.attempts) == (first.id, 1, 2)
    assert done(world, first) == "stale"
    assert done(world, second) == "delivered"


def test_a_host_gets_only_so_many_attempts_at_a_time(world: World) -> None:
    for _ in range(4):
        ended(world)
    ended(world, callback=callback("other.example"))

    taken = take(world, per_host=2)
    more = take(world, per_host=2)
    busy = next(each for each in taken if each.host == "hooks.example")
    done(world, busy)
    last = take(world, per_host=2)

    assert sorted(each.host for each in taken) == ["hooks.example"] * 2 + ["other.example"]
    assert more == []
    assert [each.host for each in last] == ["hooks.example"]


def test_a_thousand_due_ones_of_a_busy_host_hold_up_no_other(redis: Redis) -> None:
    world = World(redis)
    pipe = world.redis.pipeline(transaction=False)
    template = ended(world)
    record = world.store.keys("delivery", f"msg_{template.replace('-', '')}_succeeded")
    for number in range(1000):  # copies, since a thousand jobs would take long
        world.redis.copy(record, copy := f"{record[:-10]}{number:010d}")
        pipe.zadd(world.store.keys("deliveries", "hooks.example"), {copy.split("}:")[1][9:]: 1})
    pipe.execute()
    ended(world, callback=callback("other.example"))
    take(world, most=1, per_host=1)

    found = take(world, most=4, per_host=1)

    assert [each.host for each in found] == ["other.example"]


def test_many_busy_hosts_are_passed_over_and_the_next_claim_goes_on(redis: Redis) -> None:
    world = World(redis)
    hosts = world.store.keys("delivery_hosts")
    for number in range(130):
        world.redis.zadd(hosts, {f"busy-{number}": number})
        world.redis.zadd(
            world.store.keys("delivering", f"busy-{number}"), {"x": world.now_ms + 1000}
        )
        world.redis.zadd(world.store.keys("deliveries", f"busy-{number}"), {"y": number})
    ended(world)

    found = [take(world, per_host=1) for _ in range(2)]

    assert [len(each) for each in found] == [0, 1]


# How an attempt ends.


def test_an_attempt_that_failed_is_made_again_by_the_schedule_until_that_is_used_up(
    world: World,
) -> None:
    job_id = ended(world)
    words, waits = [], []
    for _ in range(3):
        (delivery,) = take(world)
        words.append(done(world, delivery, DOWN))
        (shown,) = list_deliveries(world.store, "job", job_id)
        if shown.next_at is not None:
            wait = round(shown.next_at.timestamp() * 1000) - world.now_ms
            waits.append(wait)
            world.pass_time(wait - 1)
            assert take(world) == []
            world.pass_time(1)

    assert (words, waits) == (["again", "again", "failed"], [5000, 300_000])
    assert (shown.status, shown.attempts) == ("failed", 3)
    assert shown.last is not None
    assert (shown.last.code, shown.last.problem) == (503, DOWN.problem)


def test_an_outcome_is_recorded_once_and_answers_the_same_when_repeated(world: World) -> None:
    job_id = ended(world)
    (delivery,) = take(world)

    words = [done(world, delivery, DOWN) for _ in range(2)]

    assert words == ["again", "again"]
    assert read_log(world.store, job_id, after=0, most=9).total == 1
    assert world.redis.hgetall(world.store.keys("delivery_counts")) == {b"again": b"1"}


def test_what_can_never_be_delivered_is_not_tried_again(world: World) -> None:
    ended(world)
    (delivery,) = take(world)

    assert done(world, delivery, Attempted(problem="it is gone", retryable=False)) == "failed"
    assert take(world) == []


def test_a_receiver_that_says_410_gets_no_more_of_that_job(world: World) -> None:
    everything = callback(events=["job.running", "job.succeeded"])
    fence, other = world.running(callback=everything), world.running(callback=everything)
    (first, second) = take(world)
    assert done(world, first, Attempted(code=410)) == "stopped"
    done(world, second)

    for each in (fence, other):
        finish(world.store, each, SUCCESS)

    assert [each.owner for each in take(world)] == [other.job_id]
    shown = list_deliveries(world.store, "job", fence.job_id)
    assert [each.status for each in shown] == ["stopped", "stopped"]


def test_a_410_stops_what_waits_already(world: World) -> None:
    fence = world.running(callback=callback(events=["job.running", "job.succeeded"]))
    done(world, take(world)[0], DOWN)
    finish(world.store, fence, SUCCESS)
    (ends,) = take(world)

    done(world, ends, Attempted(code=410))

    shown = list_deliveries(world.store, "job", fence.job_id)
    assert [each.status for each in shown] == ["stopped", "stopped"]
    world.pass_time(60_000)
    assert take(world) == []


def test_the_jobs_log_tells_of_each_attempt_and_no_address(world: World) -> None:
    job_id = ended(world)
    (delivery,) = take(world)
    done(world, delivery, DOWN)
    world.pass_time(5000)
    (delivery,) = take(world)
    done(world, delivery)

    lines = read_log(world.store, job_id, after=0, most=9).lines

    whole = "Callback job.succeeded to hooks.example, attempt"
    assert [each.text for each in lines] == [
        f"{whole} 1: answered 503 after 0 ms, the receiver is overloaded; next attempt in 5 s",
        f"{whole} 2: answered 204 after 12 ms; delivered",
    ]
    assert lines[1].at.timestamp() * 1000 == world.now_ms


def test_a_delivery_says_the_same_each_time(world: World) -> None:
    body = json.dumps({"a": "é"}, ensure_ascii=False).encode()
    ended(world)
    (first,) = take(world)
    kept = keep_body(world.store, first, body)
    done(world, first, DOWN)
    late = keep_body(world.store, first, b"other")
    world.pass_time(5000)

    (again,) = take(world)

    assert (first.body, again.body) == (None, body)
    assert (kept, late) == ("kept", "stale")


def test_an_ended_delivery_goes_after_a_week_and_a_pending_one_never(world: World) -> None:
    ended(world)
    (delivery,) = take(world)
    record = world.store.keys("delivery", delivery.id)
    pending = world.redis.pttl(record)

    done(world, delivery)

    assert pending == -1
    assert 6 < world.redis.pttl(record) / 86_400_000 <= 7


# Sending again.


def test_a_pending_delivery_can_be_sent_at_once_and_from_the_start(world: World) -> None:
    job_id = ended(world)
    (first,) = take(world)
    done(world, first, DOWN)

    shown = resend(world.store, job_id, first.id)

    (again,) = take(world)
    assert (shown.status, shown.attempts) == ("pending", 0)
    assert shown.next_at is not None
    assert shown.next_at.timestamp() * 1000 == world.now_ms
    assert (again.id, again.attempts) == (first.id, 1)


@pytest.mark.parametrize("end", [OK, Attempted(code=410), Attempted(retryable=False)])
def test_an_ended_delivery_is_sent_again_with_the_same_id(world: World, end: Attempted) -> None:
    job_id = ended(world)
    (first,) = take(world)
    keep_body(world.store, first, b"{}")
    done(world, first, end)

    resend(world.store, job_id, first.id)
    (again,) = take(world)

    assert world.redis.pttl(world.store.keys("delivery", first.id)) == -1
    assert (again.id, again.attempts) == (first.id, 1)
    assert again.body == (None if end is OK else b"{}")
    assert done(world, again) == "delivered"


def test_nothing_is_sent_again_while_an_attempt_is_under_way(world: World) -> None:
    job_id = ended(world)
    (delivery,) = take(world)

    with pytest.raises(DeliveryPending):
        resend(world.store, job_id, delivery.id)

    world.pass_time(60_000)
    resend(world.store, job_id, delivery.id)
    assert done(world, delivery) == "stale"


def test_a_delivery_of_another_job_is_not_sent_again(world: World) -> None:
    ended(world)
    other = world.submitted()
    (delivery,) = take(world)

    for owner, delivery_id in ((other, delivery.id), (other, "msg_none")):
        with pytest.raises(DeliveryNotFound):
            resend(world.store, owner, delivery_id)


# When the job goes.


def test_a_purge_on_purpose_drops_what_is_pending_or_under_way(world: World) -> None:
    asked = callback(events=["job.running", "job.succeeded"])
    job_id = ended(world, callback=asked)
    (delivery,) = take(world, most=1)

    purge(world.store, job_id)

    assert done(world, delivery) == "stale"
    assert keep_body(world.store, delivery, b"{}") == "stale"
    assert take(world) == []
    assert not world.redis.keys("*deliver*")


def test_the_housekeeper_waits_until_what_a_callback_says_is_kept(world: World) -> None:
    job_id = ended(world, result_ttl=timedelta(hours=1))
    counts = []
    world.pass_time(HOUR_MS)
    counts.append(purge_expired(world.store))
    (delivery,) = take(world)
    keep_body(world.store, delivery, b"{}")
    world.pass_time(HOUR_MS - 1)
    counts.append(purge_expired(world.store))
    world.pass_time(1)

    counts.append(purge_expired(world.store))

    assert counts == [0, 0, 1]
    assert world.status(job_id) == "missing"
    (again,) = take(world)
    assert again.body == b"{}"
    assert done(world, again) == "delivered"


def test_the_housekeeper_does_not_wait_for_ever(world: World) -> None:
    ended(world, result_ttl=timedelta(hours=1))
    patience = timedelta(hours=3)
    counts = []
    for _ in range(3):
        world.pass_time(HOUR_MS)
        counts.append(purge_expired(world.store, callback_patience=patience))

    assert counts == [0, 0, 1]
    assert take(world) == []
    assert not world.redis.keys("*deliver*")


def test_the_housekeeper_waits_for_as_long_as_callbacks_are_tried(
    world: World, tmp_path: Path
) -> None:
    job_id = ended(world, result_ttl=timedelta(hours=1))
    housekeeper = Housekeeper(
        world.store,
        Nowhere(),
        name="worker-1",
        lease=timedelta(seconds=20),
        storage=Storage(str(tmp_path)),
        scheduler=scheduler(world.store),
        put_back=lambda queue, _body: pytest.fail(f"nothing was kept for {queue}"),
        callback_retries=[timedelta(days=3), timedelta(days=3)],
    )

    world.pass_time(5 * 24 * HOUR_MS)
    housekeeper.tick()

    assert world.status(job_id) == "succeeded"
    assert [each.owner for each in take(world)] == [job_id]


def test_a_jobs_end_takes_its_ended_deliveries_along(world: World) -> None:
    job_id = ended(world, result_ttl=timedelta(hours=1))
    (delivery,) = take(world)
    done(world, delivery)
    world.pass_time(HOUR_MS)

    assert purge_expired(world.store) == 1
    assert list_deliveries(world.store, "job", job_id) == []
    assert world.redis.keys("*delivery:*") == []


def test_a_full_redis_ends_jobs_and_delivers(redis: Redis) -> None:
    world = World(redis)
    fence, waiting = world.running(callback=callback()), world.running(callback=callback())
    finish(world.store, waiting, SUCCESS)
    redis.config_set("maxmemory", 1000)
    try:
        assert finish(world.store, fence, SUCCESS) == "finished"
        found = take(world)
        for delivery in found:
            assert keep_body(world.store, delivery, b"{}") == "kept"
        words = [done(world, each, end) for each, end in zip(found, (DOWN, OK), strict=True)]
        purged = purge(world.store, waiting.job_id)
    finally:
        redis.config_set("maxmemory", 0)

    assert sorted(each.owner for each in found) == sorted([fence.job_id, waiting.job_id])
    assert words == ["again", "delivered"]
    assert purged is None
