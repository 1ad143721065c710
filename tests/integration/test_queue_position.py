"""What past runs took, and where queued jobs stand."""

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
from tests.world import World

SUCCESS = encode_result(1, max_bytes=100)
FAILURE = RunOutcome(error={"type": "failure", "detail": "no"})


def run(world: World, milliseconds: int, outcome: RunOutcome = SUCCESS) -> None:
    fence = world.running()
    world.pass_time(milliseconds)
    finish(world.store, fence, outcome)


def test_the_duration_of_runs_is_a_moving_mean_with_its_spread(world: World) -> None:
    run(world, 1000)
    first = read_duration(world.store, "free")
    run(world, 6000)
    second = read_duration(world.store, "free")
    run(world, 2000)

    assert first == Duration(1000, 0)
    assert second == Duration(2000, 1000)
    assert read_duration(world.store, "free") == Duration(2000, 800)


def test_a_run_that_failed_teaches_nothing_about_those_that_succeed(world: World) -> None:
    run(world, 1000, FAILURE)

    assert read_duration(world.store, "free") is None


def test_a_job_that_waits_for_a_worker_stands_in_line_by_its_rank(world: World) -> None:
    world.running()
    first, urgent = world.submitted(), world.submitted(priority=9)

    assert read_queue_position(world.store, urgent) == QueuePosition(1, running=1)
    assert read_queue_position(world.store, first) == QueuePosition(2, running=1)


@pytest.mark.parametrize(("places", "counted"), [(None, 1), (0, 0)])
def test_a_blocked_job_stands_at_the_slot_that_it_lacks(
    world: World, places: int | None, counted: int
) -> None:
    world.running("single")
    blocked = [world.submitted("single") for _ in range(2)]
    for job_id in blocked:
        world.claim(job_id)
    limit(world.store, {"operation:single": places}, source="pause")

    found = [read_queue_position(world.store, job_id) for job_id in blocked]

    assert found == [QueuePosition(1, limit=counted), QueuePosition(2, limit=counted)]


def test_a_job_that_is_not_queued_stands_nowhere(world: World) -> None:
    running, later = world.running().job_id, world.submitted(scheduled_ms=world.now_ms + 1000)
    cancelled = world.submitted()
    cancel(world.store, cancelled)

    found = [
        read_queue_position(world.store, job_id) for job_id in (running, later, cancelled, "nobody")
    ]

    assert found == [NOWHERE] * 4


def test_a_job_whose_record_was_lost_leaves_the_line(world: World) -> None:
    lost, kept = world.submitted(), world.submitted()
    world.redis.delete(world.store.keys("job", lost))

    before = read_queue_position(world.store, kept)
    world.pass_time(61_000)
    reconcile(world.store, world.broker.ready)
    after = read_queue_position(world.store, kept)
    world.lose(lost)

    assert (before.position, after.position) == (2, 1)
