"""The housekeeper: what is lost is found, what is due comes, what is over goes."""

from datetime import timedelta

import pytest

from callboard.jobs.errors import JobActive, JobGone, JobNotFound
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.promote import promote
from callboard.jobs.purge import purge, purge_expired
from callboard.jobs.read import read
from callboard.jobs.reconcile import reconcile
from callboard.jobs.relay import confirm, relay_outbox
from callboard.jobs.release import release
from callboard.jobs.snooze import PATIENCE, snooze
from callboard.jobs.workers import heartbeat_worker
from tests.invariants import look
from tests.world import World

SUCCESS = encode_result(1, max_bytes=100)
MINUTE_MS = 60_000


def test_a_submission_that_nobody_published_is_relayed_until_it_is_confirmed(
    world: World,
) -> None:
    job_id = world.submitted()
    world.broker.messages.clear()
    silent = world.new_submission()
    world.submit(silent, publish=False)
    world.pass_time(1000)

    relay_outbox(world.store)
    first = world.take_woken()
    world.pass_time(5000)
    relay_outbox(world.store)
    world.publish()
    relay_outbox(world.store)

    assert first == [silent.job_id]
    assert [m.submission.job_id for m in world.broker.messages] == [silent.job_id]
    assert job_id != silent.job_id
    assert world.woken == []


def test_a_confirm_of_an_older_message_does_not_remove_a_newer_wake_up(world: World) -> None:
    fence = world.running()
    from_before = (fence.job_id, int(world.record(fence.job_id)["wakeup"]))
    release(world.store, fence)

    confirm(world.store, [from_before])

    assert fence.job_id in look(world.store).members("outbox")


def test_a_job_whose_message_was_lost_is_woken_after_a_minute(world: World) -> None:
    job_id = world.submitted()
    world.broker.messages.clear()

    early = reconcile(world.store, world.broker.ready)
    world.pass_time(MINUTE_MS)
    late = reconcile(world.store, world.broker.ready)

    assert (early, late) == (0, 1)
    assert world.woken == [job_id]


def test_a_long_backlog_is_not_a_loss(world: World) -> None:
    for _ in range(3):
        world.submitted()
    world.pass_time(MINUTE_MS)

    woken = reconcile(world.store, world.broker.ready)

    assert woken == 0


def test_a_queue_that_nobody_can_count_is_left_alone(world: World) -> None:
    world.submitted()
    world.broker.messages.clear()
    world.pass_time(MINUTE_MS)

    assert reconcile(world.store, lambda _queue: None) == 0


def test_a_due_job_is_queued_once_however_many_housekeepers_run(world: World) -> None:
    job_id = world.submitted(scheduled_ms=world.now_ms + 1000)
    world.pass_time(1000)

    counts = [promote(world.store) for _ in range(2)]

    assert counts == [1, 0]
    assert world.woken == [job_id]


def test_a_final_job_goes_when_its_time_is_over_and_nothing_of_it_stays(world: World) -> None:
    fence = world.running(
        fingerprint="same", labels={"project": "x"}, result_ttl=timedelta(hours=1)
    )
    finish(world.store, fence, SUCCESS)
    world.pass_time(59 * MINUTE_MS)
    early = purge_expired(world.store)
    world.pass_time(MINUTE_MS)

    late = purge_expired(world.store)

    assert (early, late) == (0, 1)
    named = [key for key in world.redis.keys("*") if fence.job_id.encode() in key]
    listed = [key for key in world.redis.keys("*:index:*") if world.redis.zcard(key)]
    assert named == listed == []


def test_a_purged_job_is_gone_and_one_that_never_was_is_not_found(world: World) -> None:
    fence = world.running()
    finish(world.store, fence, SUCCESS)

    purge(world.store, fence.job_id)

    with pytest.raises(JobGone):
        read(world.store, fence.job_id, tenant="default")
    with pytest.raises(JobNotFound):
        purge(world.store, fence.job_id)


def test_an_active_job_is_not_purged(world: World) -> None:
    fence = world.running()

    with pytest.raises(JobActive):
        purge(world.store, fence.job_id)

    assert world.status(fence.job_id) == "running"


def test_another_tenants_job_is_not_found(world: World) -> None:
    job_id = world.submitted(tenant="lab")

    with pytest.raises(JobNotFound):
        read(world.store, job_id, tenant="other")


def test_a_job_of_an_unknown_operation_is_put_off_and_then_fails(world: World) -> None:
    job_id = world.submitted()

    first = snooze(world.store, job_id, delay=timedelta(seconds=5))
    world.pass_time(PATIENCE // timedelta(milliseconds=1) + 1)
    last = snooze(world.store, job_id, delay=timedelta(seconds=5))

    assert (first, last) == ("snoozed", "failed")


def test_a_job_of_an_operation_that_some_worker_knows_never_fails_for_that(world: World) -> None:
    job_id = world.submitted("single")
    world.pass_time(PATIENCE // timedelta(milliseconds=1) + 1)
    heartbeat_worker(world.store, "worker", {"host": "here"}, operations=["single"])

    assert snooze(world.store, job_id, delay=timedelta(seconds=5)) == "snoozed"


def test_patience_with_an_unknown_operation_begins_when_the_job_was_submitted(
    world: World,
) -> None:
    job_id = world.submitted(scheduled_ms=world.now_ms - 24 * 60 * MINUTE_MS)

    assert snooze(world.store, job_id, delay=timedelta(seconds=5)) == "snoozed"


def test_a_job_that_is_put_off_is_published_after_the_delay_and_not_before(world: World) -> None:
    job_id = world.submitted()
    snooze(world.store, job_id, delay=timedelta(seconds=5))

    world.pass_time(4999)
    relay_outbox(world.store)
    early = world.take_woken()
    world.pass_time(1)
    relay_outbox(world.store)

    assert (early, world.woken) == ([], [job_id])
