"""Callbacks: dispatchers share due deliveries; none is lost, repeated or delayed by another."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from callboard.actors.maintenance.housekeeper import Housekeeper
from callboard.jobs.callbacks.deliver import keep_body
from callboard.jobs.callbacks.deliveries import list_deliveries, resend
from callboard.jobs.callbacks.retry_delay import Attempted
from callboard.jobs.errors import DeliveryNotFound, DeliveryPending
from callboard.jobs.files.storage import Storage
from callboard.jobs.finish import finish
from callboard.jobs.log import read_log
from callboard.jobs.purge import purge, purge_expired
from tests.delivery_moves import DOWN, OK, SUCCESS, callback, done, ended, take
from tests.job_system import JobSystem
from tests.ticks import Nowhere, scheduler

HOUR_MS = 3_600_000


# Claims of deliveries.


def test_a_due_delivery_belongs_to_one_dispatcher_until_its_lease_ends(
    job_system: JobSystem,
) -> None:
    ended(job_system)
    (first,) = take(job_system)

    early = take(job_system)
    job_system.pass_time(60_000)
    (second,) = take(job_system)

    assert early == []
    assert (second.id, first.attempts, second.attempts) == (first.id, 1, 2)
    assert done(job_system, first) == "stale"
    assert done(job_system, second) == "delivered"


def test_concurrent_attempts_to_one_host_are_limited(job_system: JobSystem) -> None:
    for _ in range(4):
        ended(job_system)
    ended(job_system, callback=callback("other.example"))

    taken = take(job_system, per_host=2)
    more = take(job_system, per_host=2)
    busy = next(each for each in taken if each.host == "hooks.example")
    done(job_system, busy)
    last = take(job_system, per_host=2)

    assert sorted(each.host for each in taken) == ["hooks.example"] * 2 + ["other.example"]
    assert more == []
    assert [each.host for each in last] == ["hooks.example"]


def test_a_thousand_due_deliveries_of_a_busy_host_delay_no_other_host(redis: Redis) -> None:
    job_system = JobSystem(redis)
    pipe = job_system.redis.pipeline(transaction=False)
    template = ended(job_system)
    record = job_system.store.keys("delivery", f"msg_{template.replace('-', '')}_succeeded")
    for number in range(1000):  # copies, since a thousand jobs would take long
        job_system.redis.copy(record, copy := f"{record[:-10]}{number:010d}")
        pipe.zadd(
            job_system.store.keys("deliveries", "hooks.example"), {copy.split("}:")[1][9:]: 1}
        )
    pipe.execute()
    ended(job_system, callback=callback("other.example"))
    take(job_system, most=1, per_host=1)

    found = take(job_system, most=4, per_host=1)

    assert [each.host for each in found] == ["other.example"]


def test_many_busy_hosts_are_skipped_and_the_next_claim_continues(redis: Redis) -> None:
    job_system = JobSystem(redis)
    hosts = job_system.store.keys("delivery_hosts")
    for number in range(130):
        job_system.redis.zadd(hosts, {f"busy-{number}": number})
        job_system.redis.zadd(
            job_system.store.keys("delivering", f"busy-{number}"), {"x": job_system.now_ms + 1000}
        )
        job_system.redis.zadd(job_system.store.keys("deliveries", f"busy-{number}"), {"y": number})
    ended(job_system)

    found = [take(job_system, per_host=1) for _ in range(2)]

    assert [len(each) for each in found] == [0, 1]


# Outcomes of attempts.


def test_a_failed_attempt_is_retried_until_the_schedule_is_exhausted(
    job_system: JobSystem,
) -> None:
    job_id = ended(job_system)
    words, waits = [], []
    for _ in range(3):
        (delivery,) = take(job_system)
        words.append(done(job_system, delivery, DOWN))
        (shown,) = list_deliveries(job_system.store, "job", job_id)
        if shown.next_at is not None:
            wait = round(shown.next_at.timestamp() * 1000) - job_system.now_ms
            waits.append(wait)
            job_system.pass_time(wait - 1)
            assert take(job_system) == []
            job_system.pass_time(1)

    assert (words, waits) == (["again", "again", "failed"], [5000, 300_000])
    assert (shown.status, shown.attempts) == ("failed", 3)
    assert shown.last is not None
    assert (shown.last.code, shown.last.problem) == (503, DOWN.problem)


def test_an_outcome_is_recorded_once_and_a_repeat_gets_the_same_answer(
    job_system: JobSystem,
) -> None:
    job_id = ended(job_system)
    (delivery,) = take(job_system)

    words = [done(job_system, delivery, DOWN) for _ in range(2)]

    assert words == ["again", "again"]
    assert read_log(job_system.store, job_id, after=0, most=9).total == 1
    assert job_system.redis.hgetall(job_system.store.keys("delivery_counts")) == {b"again": b"1"}


def test_an_undeliverable_event_is_not_retried(job_system: JobSystem) -> None:
    ended(job_system)
    (delivery,) = take(job_system)

    assert done(job_system, delivery, Attempted(problem="it is gone", retryable=False)) == "failed"
    assert take(job_system) == []


def test_a_receiver_that_answers_410_gets_no_more_of_that_job(job_system: JobSystem) -> None:
    everything = callback(events=["job.running", "job.succeeded"])
    fence, other = job_system.running(callback=everything), job_system.running(callback=everything)
    (first, second) = take(job_system)
    assert done(job_system, first, Attempted(code=410)) == "stopped"
    done(job_system, second)

    for each in (fence, other):
        finish(job_system.store, each, SUCCESS)

    assert [each.owner for each in take(job_system)] == [other.job_id]
    shown = list_deliveries(job_system.store, "job", fence.job_id)
    assert [each.status for each in shown] == ["stopped", "stopped"]


def test_a_410_stops_pending_deliveries(job_system: JobSystem) -> None:
    fence = job_system.running(callback=callback(events=["job.running", "job.succeeded"]))
    done(job_system, take(job_system)[0], DOWN)
    finish(job_system.store, fence, SUCCESS)
    (ends,) = take(job_system)

    done(job_system, ends, Attempted(code=410))

    shown = list_deliveries(job_system.store, "job", fence.job_id)
    assert [each.status for each in shown] == ["stopped", "stopped"]
    job_system.pass_time(60_000)
    assert take(job_system) == []


def test_the_jobs_log_has_each_attempt_and_no_url(job_system: JobSystem) -> None:
    job_id = ended(job_system)
    (delivery,) = take(job_system)
    done(job_system, delivery, DOWN)
    job_system.pass_time(5000)
    (delivery,) = take(job_system)
    done(job_system, delivery)

    lines = read_log(job_system.store, job_id, after=0, most=9).lines

    whole = "Callback job.succeeded to hooks.example, attempt"
    assert [each.text for each in lines] == [
        f"{whole} 1: answered 503 after 0 ms, the receiver is overloaded; next attempt in 5 s",
        f"{whole} 2: answered 204 after 12 ms; delivered",
    ]
    assert lines[1].at.timestamp() * 1000 == job_system.now_ms


def test_a_delivery_has_the_same_body_each_time(job_system: JobSystem) -> None:
    body = json.dumps({"a": "é"}, ensure_ascii=False).encode()
    ended(job_system)
    (first,) = take(job_system)
    kept = keep_body(job_system.store, first, body)
    done(job_system, first, DOWN)
    late = keep_body(job_system.store, first, b"other")
    job_system.pass_time(5000)

    (again,) = take(job_system)

    assert (first.body, again.body) == (None, body)
    assert (kept, late) == ("kept", "stale")


def test_an_ended_delivery_expires_after_a_week_and_a_pending_one_never(
    job_system: JobSystem,
) -> None:
    ended(job_system)
    (delivery,) = take(job_system)
    record = job_system.store.keys("delivery", delivery.id)
    pending = job_system.redis.pttl(record)

    done(job_system, delivery)

    assert pending == -1
    assert 6 < job_system.redis.pttl(record) / 86_400_000 <= 7


# Resending.


def test_a_pending_delivery_can_be_resent_at_once(job_system: JobSystem) -> None:
    job_id = ended(job_system)
    (first,) = take(job_system)
    done(job_system, first, DOWN)

    shown = resend(job_system.store, job_id, first.id)

    (again,) = take(job_system)
    assert (shown.status, shown.attempts) == ("pending", 0)
    assert shown.next_at is not None
    assert shown.next_at.timestamp() * 1000 == job_system.now_ms
    assert (again.id, again.attempts) == (first.id, 1)


@pytest.mark.parametrize("end", [OK, Attempted(code=410), Attempted(retryable=False)])
def test_an_ended_delivery_is_resent_with_the_same_id(
    job_system: JobSystem, end: Attempted
) -> None:
    job_id = ended(job_system)
    (first,) = take(job_system)
    keep_body(job_system.store, first, b"{}")
    done(job_system, first, end)

    resend(job_system.store, job_id, first.id)
    (again,) = take(job_system)

    assert job_system.redis.pttl(job_system.store.keys("delivery", first.id)) == -1
    assert (again.id, again.attempts) == (first.id, 1)
    assert again.body == (None if end is OK else b"{}")
    assert done(job_system, again) == "delivered"


def test_nothing_is_resent_while_an_attempt_is_in_progress(job_system: JobSystem) -> None:
    job_id = ended(job_system)
    (delivery,) = take(job_system)

    with pytest.raises(DeliveryPending):
        resend(job_system.store, job_id, delivery.id)

    job_system.pass_time(60_000)
    resend(job_system.store, job_id, delivery.id)
    assert done(job_system, delivery) == "stale"


def test_a_delivery_of_another_job_is_not_resent(job_system: JobSystem) -> None:
    ended(job_system)
    other = job_system.submitted()
    (delivery,) = take(job_system)

    for owner, delivery_id in ((other, delivery.id), (other, "msg_none")):
        with pytest.raises(DeliveryNotFound):
            resend(job_system.store, owner, delivery_id)


# Purges of the job.


def test_an_explicit_purge_removes_pending_and_leased_deliveries(job_system: JobSystem) -> None:
    asked = callback(events=["job.running", "job.succeeded"])
    job_id = ended(job_system, callback=asked)
    (delivery,) = take(job_system, most=1)

    purge(job_system.store, job_id)

    assert done(job_system, delivery) == "stale"
    assert keep_body(job_system.store, delivery, b"{}") == "stale"
    assert take(job_system) == []
    assert not job_system.redis.keys("*deliver*")


def test_the_housekeeper_keeps_a_job_until_its_callback_is_rendered(job_system: JobSystem) -> None:
    job_id = ended(job_system, result_ttl=timedelta(hours=1))
    counts = []
    job_system.pass_time(HOUR_MS)
    counts.append(purge_expired(job_system.store))
    (delivery,) = take(job_system)
    keep_body(job_system.store, delivery, b"{}")
    job_system.pass_time(HOUR_MS - 1)
    counts.append(purge_expired(job_system.store))
    job_system.pass_time(1)

    counts.append(purge_expired(job_system.store))

    assert counts == [0, 0, 1]
    assert job_system.status(job_id) == "missing"
    (again,) = take(job_system)
    assert again.body == b"{}"
    assert done(job_system, again) == "delivered"


def test_the_housekeeper_does_not_wait_forever(job_system: JobSystem) -> None:
    ended(job_system, result_ttl=timedelta(hours=1))
    patience = timedelta(hours=3)
    counts = []
    for _ in range(3):
        job_system.pass_time(HOUR_MS)
        counts.append(purge_expired(job_system.store, callback_patience=patience))

    assert counts == [0, 0, 1]
    assert take(job_system) == []
    assert not job_system.redis.keys("*deliver*")


def test_the_housekeeper_waits_as_long_as_callbacks_are_retried(
    job_system: JobSystem, tmp_path: Path
) -> None:
    job_id = ended(job_system, result_ttl=timedelta(hours=1))
    housekeeper = Housekeeper(
        job_system.store,
        Nowhere(),
        name="worker-1",
        lease=timedelta(seconds=20),
        storage=Storage(str(tmp_path)),
        scheduler=scheduler(job_system.store),
        put_back=lambda queue, _body: pytest.fail(f"nothing was kept for {queue}"),
        callback_retries=[timedelta(days=3), timedelta(days=3)],
    )

    job_system.pass_time(5 * 24 * HOUR_MS)
    housekeeper.tick()

    assert job_system.status(job_id) == "succeeded"
    assert [each.owner for each in take(job_system)] == [job_id]


def test_a_purge_removes_the_jobs_ended_deliveries(job_system: JobSystem) -> None:
    job_id = ended(job_system, result_ttl=timedelta(hours=1))
    (delivery,) = take(job_system)
    done(job_system, delivery)
    job_system.pass_time(HOUR_MS)

    assert purge_expired(job_system.store) == 1
    assert list_deliveries(job_system.store, "job", job_id) == []
    assert job_system.redis.keys("*delivery:*") == []


def test_a_full_redis_ends_jobs_and_delivers(redis: Redis) -> None:
    job_system = JobSystem(redis)
    fence, waiting = (
        job_system.running(callback=callback()),
        job_system.running(callback=callback()),
    )
    finish(job_system.store, waiting, SUCCESS)
    redis.config_set("maxmemory", 1000)
    try:
        assert finish(job_system.store, fence, SUCCESS) == "finished"
        found = take(job_system)
        for delivery in found:
            assert keep_body(job_system.store, delivery, b"{}") == "kept"
        words = [done(job_system, each, end) for each, end in zip(found, (DOWN, OK), strict=True)]
        purged = purge(job_system.store, waiting.job_id)
    finally:
        redis.config_set("maxmemory", 0)

    assert sorted(each.owner for each in found) == sorted([fence.job_id, waiting.job_id])
    assert words == ["again", "delivered"]
    assert purged is None
