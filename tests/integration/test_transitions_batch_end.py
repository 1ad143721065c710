"""Batches end once, however that comes, can be cancelled, and go with the last of their jobs."""

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
from tests.world import LEASE, World

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
SUCCESS = encode_result(1, max_bytes=100)
FAILURE = RunOutcome(error={"type": "failure", "detail": "no"})


def _finish(world: World, job_id: str) -> None:
    fence = world.claim(job_id).fence
    assert fence is not None
    finish(world.store, fence, SUCCESS)


def _fail(world: World, job_id: str) -> None:
    fence = world.claim(job_id).fence
    assert fence is not None
    finish(world.store, fence, FAILURE)


def _cancel(world: World, job_id: str) -> None:
    cancel(world.store, job_id)


def _stop(world: World, job_id: str) -> None:
    fence = world.claim(job_id).fence
    assert fence is not None
    cancel(world.store, job_id)
    release(world.store, fence)


def _stop_at_retry(world: World, job_id: str) -> None:
    fence = world.claim(job_id).fence
    assert fence is not None
    cancel(world.store, job_id)
    retry(world.store, fence, delay=timedelta(seconds=1), error={"type": "failure"})


def _lose_the_worker(world: World, job_id: str) -> None:
    for _ in range(3):
        world.claim(job_id)
        for _ in range(4):
            world.pass_time(7000)
            reap(world.store, lease=LEASE)


def _supersede(world: World, job_id: str) -> None:
    del job_id
    world.submitted(fingerprint="same", on_conflict="replace")


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
def test_the_last_end_of_a_job_completes_its_batch_once_however_it_comes(
    world: World, end: Callable[[World, str], None], status: str
) -> None:
    batch = new_batch(world, 2, callback=CALLBACK)
    first, last = world.new_submission(), world.new_submission(fingerprint="same")
    decide(world, batch, [first, last])
    _finish(world, first.job_id)
    before = take(world)

    end(world, last.job_id)

    assert not before
    assert world.status(last.job_id) == status
    after = read(world, batch.id)
    assert (after.status, after.percent) == ("completed", 100.0)
    (delivery,) = take(world)
    assert (delivery.type, delivery.owner) == ("batch.completed", batch.id)
    assert done(world, delivery) == "delivered"
    assert not take(world)


def test_a_batch_that_is_sealed_again_does_not_end_again(world: World) -> None:
    batch_id, job_id = submitted(world, 1)
    _finish(world, job_id)
    ended_at = read(world, batch_id).ended_at
    world.redis.zadd(world.store.keys("unsealed"), {batch_id: 0})
    world.pass_time(MINUTE_MS)

    seal_batches(world.store)

    assert read(world, batch_id).ended_at == ended_at


def test_a_batch_of_nothing_but_refused_items_completes_at_once_and_goes_after_a_day(
    world: World,
) -> None:
    batch = new_batch(world, 1, callback=CALLBACK)

    decide(world, batch, [item_outcome.unknown("nowhere")])

    after = read(world, batch.id)
    assert (after.status, after.percent) == ("completed", 100.0)
    assert after.expires_at is not None
    assert len(take(world)) == 1
    assert world.redis.pttl(world.store.keys("batch", batch.id)) > 23 * HOUR_MS
    assert world.redis.pttl(world.store.keys("batch_items", batch.id)) > 23 * HOUR_MS


def test_redis_loses_the_end_of_a_submission_and_its_jobs_bring_the_batch_back(
    world: World,
) -> None:
    kept = world.keep()
    batch = new_batch(world, 2)
    items = [world.new_submission(), world.new_submission()]
    decide(world, batch, items)
    messages = list(world.broker.messages)
    world.go_back(kept)

    words = [world.recover(message) for message in messages]

    assert words == ["recovered", "recovered"]
    assert read(world, batch.id).status == "submitting"
    world.pass_time(61_000)
    seal_batches(world.store)
    assert (read(world, batch.id).status, read(world, batch.id).total) == ("active", 2)
    for item in items:
        _finish(world, item.job_id)
    assert counts(world, batch.id) == {"succeeded": 2}
    assert read(world, batch.id).status == "completed"


def test_a_batch_that_had_ended_without_a_lost_job_ends_again_with_it_and_tells_it_once(
    world: World,
) -> None:
    batch = new_batch(world, 2, callback=CALLBACK)
    first, second = world.new_submission(), world.new_submission()
    decide(world, batch, [first])
    kept = world.keep()
    decide(world, batch, [second], first=1)
    message = world.broker.messages[-1]
    world.go_back(kept)
    _finish(world, first.job_id)
    world.pass_time(61_000)
    seal_batches(world.store)
    (delivery,) = take(world)
    done(world, delivery)

    word = world.recover(message)
    between = read(world, batch.id).status
    world.pass_time(61_000)
    seal_batches(world.store)
    _finish(world, second.job_id)

    assert (word, between) == ("recovered", "submitting")
    assert read(world, batch.id).status == "completed"
    assert counts(world, batch.id) == {"succeeded": 2}
    assert not take(world)


def test_a_cancel_ends_what_waits_and_asks_what_runs_to_stop(world: World) -> None:
    batch_id, *job_ids = submitted(world, 5)
    later = [world.new_submission(scheduled_ms=world.now_ms + HOUR_MS) for _ in range(2)]
    other = new_batch(world, 2)
    decide(world, other, later)
    running = world.claim(job_ids[0]).fence
    assert running is not None
    _finish(world, job_ids[1])

    cancel_batch(world.store, batch_id)
    cancel_batch(world.store, batch_id)
    cancel_batch(world.store, other.id)

    assert counts(world, batch_id) == {"cancelling": 1, "cancelled": 3, "succeeded": 1}
    assert counts(world, other.id) == {"cancelled": 2}
    assert (read(world, batch_id).status, read(world, other.id).status) == ("active", "completed")
    finish(world.store, running, SUCCESS)
    assert counts(world, batch_id) == {"cancelled": 4, "succeeded": 1}
    assert read(world, batch_id).status == "completed"


def test_a_cancel_takes_more_jobs_than_one_step_and_each_of_them_once(world: World) -> None:
    batch_id, *job_ids = submitted(world, 250, "single")
    world.claim(job_ids[0])

    cancel_batch(world.store, batch_id)

    assert counts(world, batch_id) == {"cancelling": 1, "cancelled": 249}


def test_no_item_is_taken_after_a_cancel_whoever_still_submits(world: World) -> None:
    batch = new_batch(world, 4)
    decide(world, batch, [world.new_submission(), world.new_submission()])

    cancel_batch(world.store, batch.id)
    late = decide(world, batch, [world.new_submission(), world.new_submission()], first=2)

    assert (late.word, late.outcomes) == ("closed", ())
    assert counts(world, batch.id) == {"cancelled": 2, "refused": 2}
    assert read(world, batch.id).status == "completed"


def test_a_batch_goes_with_the_last_of_its_jobs_and_leaves_nothing(world: World) -> None:
    batch_id, first, second, third = submitted(world, 3, result_ttl=timedelta(hours=1))
    for job_id in (first, second):
        _finish(world, job_id)
    world.pass_time(MINUTE_MS)
    _finish(world, third)
    purge(world.store, first)
    early = counts(world, batch_id)
    expires_at = read(world, batch_id).expires_at
    world.pass_time(HOUR_MS - MINUTE_MS)
    purge_expired(world.store)
    between = counts(world, batch_id)

    world.pass_time(MINUTE_MS)
    purge_expired(world.store)

    assert early == {"succeeded": 2, "removed": 1}
    assert between == {"succeeded": 1, "removed": 2}
    assert expires_at is not None
    assert expires_at.timestamp() * 1000 == world.now_ms
    with pytest.raises(BatchNotFound):
        read(world, batch_id)
    (names,) = world.store.pipeline(("KEYS", "*"))
    assert not [name for name in names if batch_id.encode() in name]


def test_a_batch_whose_end_is_not_written_down_yet_stays_for_that(world: World) -> None:
    batch = new_batch(world, 1, callback=CALLBACK)
    item = world.new_submission()
    decide(world, batch, [item])
    _finish(world, item.job_id)

    purge(world.store, item.job_id)

    assert read(world, batch.id).counts["removed"] == 1
    assert len(take(world)) == 1
    assert world.redis.pttl(world.store.keys("batch", batch.id)) > 6 * 24 * HOUR_MS


def test_jobs_of_a_batch_are_listed_by_it_and_other_tenants_do_not_find_it(world: World) -> None:
    batch_id, *job_ids = submitted(world, 3)
    world.submitted()

    page = list_jobs(world.store, Wanted(batch_id=batch_id), tenants=["default"], most=10)

    assert {record.id for record in page.records} == set(job_ids)
    assert {record.batch_id for record in page.records} == {batch_id}
    with pytest.raises(BatchNotFound):
        read_batch(world.store, batch_id, tenant="other")
    assert read_batch(world.store, batch_id, tenant="other", others=True).id == batch_id
