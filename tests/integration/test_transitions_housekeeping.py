"""The housekeeper relays, reconciles, promotes and purges."""

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
from tests.job_system import JobSystem

SUCCESS = encode_result(1, max_bytes=100)
MINUTE_MS = 60_000


def test_an_unpublished_submission_is_relayed_until_it_is_confirmed(
    job_system: JobSystem,
) -> None:
    job_id = job_system.submitted()
    job_system.broker.messages.clear()
    silent = job_system.new_submission()
    job_system.submit(silent, publish=False)
    job_system.pass_time(1000)

    relay_outbox(job_system.store)
    first = job_system.take_woken()
    job_system.pass_time(5000)
    relay_outbox(job_system.store)
    job_system.publish()
    relay_outbox(job_system.store)

    assert first == [silent.job_id]
    assert [m.submission.job_id for m in job_system.broker.messages] == [silent.job_id]
    assert job_id != silent.job_id
    assert job_system.woken == []


def test_a_confirm_of_an_older_message_does_not_remove_a_newer_wake_up(
    job_system: JobSystem,
) -> None:
    fence = job_system.running()
    from_before = (fence.job_id, int(job_system.record(fence.job_id)["wakeup"]))
    release(job_system.store, fence)

    confirm(job_system.store, [from_before])

    assert fence.job_id in look(job_system.store).members("outbox")


def test_a_job_whose_message_was_lost_is_woken_after_a_minute(job_system: JobSystem) -> None:
    job_id = job_system.submitted()
    job_system.broker.messages.clear()

    early = reconcile(job_system.store, job_system.broker.ready)
    job_system.pass_time(MINUTE_MS)
    late = reconcile(job_system.store, job_system.broker.ready)

    assert (early, late) == (0, 1)
    assert job_system.woken == [job_id]


def test_a_long_backlog_is_not_a_loss(job_system: JobSystem) -> None:
    for _ in range(3):
        job_system.submitted()
    job_system.pass_time(MINUTE_MS)

    woken = reconcile(job_system.store, job_system.broker.ready)

    assert woken == 0


def test_a_queue_that_cannot_be_counted_is_left_alone(job_system: JobSystem) -> None:
    job_system.submitted()
    job_system.broker.messages.clear()
    job_system.pass_time(MINUTE_MS)

    assert reconcile(job_system.store, lambda _queue: None) == 0


def test_a_due_job_is_queued_once_however_many_housekeepers_run(job_system: JobSystem) -> None:
    job_id = job_system.submitted(scheduled_ms=job_system.now_ms + 1000)
    job_system.pass_time(1000)

    counts = [promote(job_system.store) for _ in range(2)]

    assert counts == [1, 0]
    assert job_system.woken == [job_id]


def test_a_final_job_is_purged_after_its_time_to_live_and_leaves_nothing(
    job_system: JobSystem,
) -> None:
    fence = job_system.running(
        fingerprint="same", labels={"project": "x"}, result_ttl=timedelta(hours=1)
    )
    finish(job_system.store, fence, SUCCESS)
    job_system.pass_time(59 * MINUTE_MS)
    early = purge_expired(job_system.store)
    job_system.pass_time(MINUTE_MS)

    late = purge_expired(job_system.store)

    assert (early, late) == (0, 1)
    named = [key for key in job_system.redis.keys("*") if fence.job_id.encode() in key]
    listed = [key for key in job_system.redis.keys("*:index:*") if job_system.redis.zcard(key)]
    assert named == listed == []


def test_a_purged_job_is_gone_and_an_unknown_one_is_not_found(job_system: JobSystem) -> None:
    fence = job_system.running()
    finish(job_system.store, fence, SUCCESS)

    purge(job_system.store, fence.job_id)

    with pytest.raises(JobGone):
        read(job_system.store, fence.job_id, tenant="default")
    with pytest.raises(JobNotFound):
        purge(job_system.store, fence.job_id)


def test_an_active_job_is_not_purged(job_system: JobSystem) -> None:
    fence = job_system.running()

    with pytest.raises(JobActive):
        purge(job_system.store, fence.job_id)

    assert job_system.status(fence.job_id) == "running"


def test_another_tenants_job_is_not_found(job_system: JobSystem) -> None:
    job_id = job_system.submitted(tenant="lab")

    with pytest.raises(JobNotFound):
        read(job_system.store, job_id, tenant="other")


def test_a_job_of_an_unknown_operation_is_snoozed_and_then_fails(job_system: JobSystem) -> None:
    job_id = job_system.submitted()

    first = snooze(job_system.store, job_id, delay=timedelta(seconds=5))
    job_system.pass_time(PATIENCE // timedelta(milliseconds=1) + 1)
    last = snooze(job_system.store, job_id, delay=timedelta(seconds=5))

    assert (first, last) == ("snoozed", "failed")


def test_a_job_of_an_operation_that_a_worker_knows_never_fails_as_unknown(
    job_system: JobSystem,
) -> None:
    job_id = job_system.submitted("single")
    job_system.pass_time(PATIENCE // timedelta(milliseconds=1) + 1)
    heartbeat_worker(job_system.store, "worker", {"host": "here"}, operations=["single"])

    assert snooze(job_system.store, job_id, delay=timedelta(seconds=5)) == "snoozed"


def test_the_time_limit_for_an_unknown_operation_starts_at_submission(
    job_system: JobSystem,
) -> None:
    job_id = job_system.submitted(scheduled_ms=job_system.now_ms - 24 * 60 * MINUTE_MS)

    assert snooze(job_system.store, job_id, delay=timedelta(seconds=5)) == "snoozed"


def test_a_snoozed_job_is_published_after_the_delay_and_not_before(
    job_system: JobSystem,
) -> None:
    job_id = job_system.submitted()
    snooze(job_system.store, job_id, delay=timedelta(seconds=5))

    job_system.pass_time(4999)
    relay_outbox(job_system.store)
    early = job_system.take_woken()
    job_system.pass_time(1)
    relay_outbox(job_system.store)

    assert (early, job_system.woken) == ([], [job_id])
