"""Durations of past runs, and positions of queued jobs."""

import pytest

from callboard.jobs.cancel import cancel
from callboard.jobs.estimates import (
    NOWHERE,
    Duration,
    QueuePosition,
    read_duration,
    read_queue_position,
)
from callboard.jobs.finish import RunOutcome, encode_result, finish
from callboard.jobs.limit import limit
from callboard.jobs.reconcile import reconcile
from tests.job_system import JobSystem

SUCCESS = encode_result(1, max_bytes=100)
FAILURE = RunOutcome(error={"type": "failure", "detail": "no"})


def run(job_system: JobSystem, milliseconds: int, outcome: RunOutcome = SUCCESS) -> None:
    fence = job_system.running()
    job_system.pass_time(milliseconds)
    finish(job_system.store, fence, outcome)


def test_the_duration_of_runs_is_a_moving_mean_with_its_spread(job_system: JobSystem) -> None:
    run(job_system, 1000)
    first = read_duration(job_system.store, "free")
    run(job_system, 6000)
    second = read_duration(job_system.store, "free")
    run(job_system, 2000)

    assert first == Duration(1000, 0)
    assert second == Duration(2000, 1000)
    assert read_duration(job_system.store, "free") == Duration(2000, 800)


def test_a_failed_run_does_not_change_the_mean_duration(job_system: JobSystem) -> None:
    run(job_system, 1000, FAILURE)

    assert read_duration(job_system.store, "free") is None


def test_a_job_that_waits_for_a_worker_has_a_position_by_rank(job_system: JobSystem) -> None:
    job_system.running()
    first, urgent = job_system.submitted(), job_system.submitted(priority=9)

    assert read_queue_position(job_system.store, urgent) == QueuePosition(1, running=1)
    assert read_queue_position(job_system.store, first) == QueuePosition(2, running=1)


@pytest.mark.parametrize(("places", "counted"), [(None, 1), (0, 0)])
def test_a_blocked_job_has_a_position_at_the_slot_that_it_lacks(
    job_system: JobSystem, places: int | None, counted: int
) -> None:
    job_system.running("single")
    blocked = [job_system.submitted("single") for _ in range(2)]
    for job_id in blocked:
        job_system.claim(job_id)
    limit(job_system.store, {"operation:single": places}, source="pause")

    found = [read_queue_position(job_system.store, job_id) for job_id in blocked]

    assert found == [QueuePosition(1, limit=counted), QueuePosition(2, limit=counted)]


def test_a_job_that_is_not_queued_has_no_position(job_system: JobSystem) -> None:
    running, later = (
        job_system.running().job_id,
        job_system.submitted(scheduled_ms=job_system.now_ms + 1000),
    )
    cancelled = job_system.submitted()
    cancel(job_system.store, cancelled)

    found = [
        read_queue_position(job_system.store, job_id)
        for job_id in (running, later, cancelled, "nobody")
    ]

    assert found == [NOWHERE] * 4


def test_a_job_whose_record_was_lost_leaves_the_queue(job_system: JobSystem) -> None:
    lost, kept = job_system.submitted(), job_system.submitted()
    job_system.redis.delete(job_system.store.keys("job", lost))

    before = read_queue_position(job_system.store, kept)
    job_system.pass_time(61_000)
    reconcile(job_system.store, job_system.broker.ready)
    after = read_queue_position(job_system.store, kept)
    job_system.lose(lost)

    assert (before.position, after.position) == (2, 1)
