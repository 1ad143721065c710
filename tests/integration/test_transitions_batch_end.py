"""Batches complete once, can be cancelled, and are removed with their last job."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from callboard.jobs.batches import item_outcome
from callboard.jobs.batches.batch import cancel_batch, read_batch, seal_batches
from callboard.jobs.cancel import cancel
from callboard.jobs.errors import BatchNotFound
from callboard.jobs.finish import RunOutcome, encode_result, finish
from callboard.jobs.listing import Wanted, list_jobs
from callboard.jobs.purge import purge, purge_expired
from callboard.jobs.reap import reap
from callboard.jobs.release import release
from callboard.jobs.retry import retry
from tests.batch_moves import CALLBACK, counts, decide, new_batch, read, submitted
from tests.delivery_moves import done, take
from tests.job_system import LEASE, JobSystem

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
SUCCESS = encode_result(1, max_bytes=100)
FAILURE = RunOutcome(error={"type": "failure", "detail": "no"})


def _finish(job_system: JobSystem, job_id: str) -> None:
    fence = job_system.claim(job_id).fence
    assert fence is not None
    finish(job_system.store, fence, SUCCESS)


def _fail(job_system: JobSystem, job_id: str) -> None:
    fence = job_system.claim(job_id).fence
    assert fence is not None
    finish(job_system.store, fence, FAILURE)


def _cancel(job_system: JobSystem, job_id: str) -> None:
    cancel(job_system.store, job_id)


def _stop(job_system: JobSystem, job_id: str) -> None:
    fence = job_system.claim(job_id).fence
    assert fence is not None
    cancel(job_system.store, job_id)
    release(job_system.store, fence)


def _stop_at_retry(job_system: JobSystem, job_id: str) -> None:
    fence = job_system.claim(job_id).fence
    assert fence is not None
    cancel(job_system.store, job_id)
    retry(job_system.store, fence, delay=timedelta(seconds=1), error={"type": "failure"})


def _lose_the_worker(job_system: JobSystem, job_id: str) -> None:
    for _ in range(3):
        job_system.claim(job_id)
        for _ in range(4):
            job_system.pass_time(7000)
            reap(job_system.store, lease=LEASE)


def _supersede(job_system: JobSystem, job_id: str) -> None:
    del job_id
    job_system.submitted(fingerprint="same", on_conflict="replace")


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (_finish, "succeeded"),
        (_fail, "failed"),
        (_cancel, "cancelled"),
        (_stop, "cancelled"),
        (_stop_at_retry, "cancelled"),
        (_lose_the_worker, "failed"),
        (_supersede, "cancelled"),
    ],
)
def test_the_end_of_its_last_job_completes_a_batch_exactly_once(
    job_system: JobSystem, end: Callable[[JobSystem, str], None], status: str
) -> None:
    batch = new_batch(job_system, 2, callback=CALLBACK)
    first, last = job_system.new_submission(), job_system.new_submission(fingerprint="same")
    decide(job_system, batch, [first, last])
    _finish(job_system, first.job_id)
    before = take(job_system)

    end(job_system, last.job_id)

    assert not before
    assert job_system.status(last.job_id) == status
    after = read(job_system, batch.id)
    assert (after.status, after.percent) == ("completed", 100.0)
    (delivery,) = take(job_system)
    assert (delivery.type, delivery.owner) == ("batch.completed", batch.id)
    assert done(job_system, delivery) == "delivered"
    assert not take(job_system)


def test_a_batch_sealed_twice_completes_once(job_system: JobSystem) -> None:
    batch_id, job_id = submitted(job_system, 1)
    _finish(job_system, job_id)
    ended_at = read(job_system, batch_id).ended_at
    job_system.redis.zadd(job_system.store.keys("unsealed"), {batch_id: 0})
    job_system.pass_time(MINUTE_MS)

    seal_batches(job_system.store)

    assert read(job_system, batch_id).ended_at == ended_at


def test_a_batch_of_refused_items_completes_at_once_and_expires_after_a_day(
    job_system: JobSystem,
) -> None:
    batch = new_batch(job_system, 1, callback=CALLBACK)

    decide(job_system, batch, [item_outcome.unknown("nowhere")])

    after = read(job_system, batch.id)
    assert (after.status, after.percent) == ("completed", 100.0)
    assert after.expires_at is not None
    assert len(take(job_system)) == 1
    assert job_system.redis.pttl(job_system.store.keys("batch", batch.id)) > 23 * HOUR_MS
    assert job_system.redis.pttl(job_system.store.keys("batch_items", batch.id)) > 23 * HOUR_MS


def test_a_batch_that_redis_lost_is_revived_by_its_jobs(
    job_system: JobSystem,
) -> None:
    kept = job_system.keep()
    batch = new_batch(job_system, 2)
    items = [job_system.new_submission(), job_system.new_submission()]
    decide(job_system, batch, items)
    messages = list(job_system.broker.messages)
    job_system.go_back(kept)

    words = [job_system.recover(message) for message in messages]

    assert words == ["recovered", "recovered"]
    assert read(job_system, batch.id).status == "submitting"
    job_system.pass_time(61_000)
    seal_batches(job_system.store)
    assert (read(job_system, batch.id).status, read(job_system, batch.id).total) == ("active", 2)
    for item in items:
        _finish(job_system, item.job_id)
    assert counts(job_system, batch.id) == {"succeeded": 2}
    assert read(job_system, batch.id).status == "completed"


def test_a_completed_batch_completes_again_with_a_recovered_job_and_sends_one_event(
    job_system: JobSystem,
) -> None:
    batch = new_batch(job_system, 2, callback=CALLBACK)
    first, second = job_system.new_submission(), job_system.new_submission()
    decide(job_system, batch, [first])
    kept = job_system.keep()
    decide(job_system, batch, [second], first=1)
    message = job_system.broker.messages[-1]
    job_system.go_back(kept)
    _finish(job_system, first.job_id)
    job_system.pass_time(61_000)
    seal_batches(job_system.store)
    (delivery,) = take(job_system)
    done(job_system, delivery)

    word = job_system.recover(message)
    between = read(job_system, batch.id).status
    job_system.pass_time(61_000)
    seal_batches(job_system.store)
    _finish(job_system, second.job_id)

    assert (word, between) == ("recovered", "submitting")
    assert read(job_system, batch.id).status == "completed"
    assert counts(job_system, batch.id) == {"succeeded": 2}
    assert not take(job_system)


def test_a_cancel_ends_waiting_jobs_and_asks_running_ones_to_stop(job_system: JobSystem) -> None:
    batch_id, *job_ids = submitted(job_system, 5)
    later = [job_system.new_submission(scheduled_ms=job_system.now_ms + HOUR_MS) for _ in range(2)]
    other = new_batch(job_system, 2)
    decide(job_system, other, later)
    running = job_system.claim(job_ids[0]).fence
    assert running is not None
    _finish(job_system, job_ids[1])

    cancel_batch(job_system.store, batch_id)
    cancel_batch(job_system.store, batch_id)
    cancel_batch(job_system.store, other.id)

    assert counts(job_system, batch_id) == {"cancelling": 1, "cancelled": 3, "succeeded": 1}
    assert counts(job_system, other.id) == {"cancelled": 2}
    assert (read(job_system, batch_id).status, read(job_system, other.id).status) == (
        "active",
        "completed",
    )
    finish(job_system.store, running, SUCCESS)
    assert counts(job_system, batch_id) == {"cancelled": 4, "succeeded": 1}
    assert read(job_system, batch_id).status == "completed"


def test_a_cancel_of_many_steps_reaches_each_job_once(
    job_system: JobSystem,
) -> None:
    batch_id, *job_ids = submitted(job_system, 250, "single")
    job_system.claim(job_ids[0])

    cancel_batch(job_system.store, batch_id)

    assert counts(job_system, batch_id) == {"cancelling": 1, "cancelled": 249}


def test_no_item_is_accepted_after_a_cancel(job_system: JobSystem) -> None:
    batch = new_batch(job_system, 4)
    decide(job_system, batch, [job_system.new_submission(), job_system.new_submission()])

    cancel_batch(job_system.store, batch.id)
    late = decide(
        job_system, batch, [job_system.new_submission(), job_system.new_submission()], first=2
    )

    assert (late.word, late.outcomes) == ("closed", ())
    assert counts(job_system, batch.id) == {"cancelled": 2, "refused": 2}
    assert read(job_system, batch.id).status == "completed"


def test_a_batch_is_removed_with_its_last_job_and_leaves_nothing(job_system: JobSystem) -> None:
    batch_id, first, second, third = submitted(job_system, 3, result_ttl=timedelta(hours=1))
    for job_id in (first, second):
        _finish(job_system, job_id)
    job_system.pass_time(MINUTE_MS)
    _finish(job_system, third)
    purge(job_system.store, first)
    early = counts(job_system, batch_id)
    expires_at = read(job_system, batch_id).expires_at
    job_system.pass_time(HOUR_MS - MINUTE_MS)
    purge_expired(job_system.store)
    between = counts(job_system, batch_id)

    job_system.pass_time(MINUTE_MS)
    purge_expired(job_system.store)

    assert early == {"succeeded": 2, "removed": 1}
    assert between == {"succeeded": 1, "removed": 2}
    assert expires_at is not None
    assert expires_at.timestamp() * 1000 == job_system.now_ms
    with pytest.raises(BatchNotFound):
        read(job_system, batch_id)
    (names,) = job_system.store.pipeline(("KEYS", "*"))
    assert not [name for name in names if batch_id.encode() in name]


def test_a_batch_stays_until_its_event_is_rendered(job_system: JobSystem) -> None:
    batch = new_batch(job_system, 1, callback=CALLBACK)
    item = job_system.new_submission()
    decide(job_system, batch, [item])
    _finish(job_system, item.job_id)

    purge(job_system.store, item.job_id)

    assert read(job_system, batch.id).counts["removed"] == 1
    assert len(take(job_system)) == 1
    assert job_system.redis.pttl(job_system.store.keys("batch", batch.id)) > 6 * 24 * HOUR_MS


def test_a_batchs_jobs_are_listed_and_other_tenants_do_not_find_it(
    job_system: JobSystem,
) -> None:
    batch_id, *job_ids = submitted(job_system, 3)
    job_system.submitted()

    page = list_jobs(job_system.store, Wanted(batch_id=batch_id), tenants=["default"], most=10)

    assert {record.id for record in page.records} == set(job_ids)
    assert {record.batch_id for record in page.records} == {batch_id}
    with pytest.raises(BatchNotFound):
        read_batch(job_system.store, batch_id, tenant="other")
    assert read_batch(job_system.store, batch_id, tenant="other", others=True).id == batch_id
