"""Preempting: an attempt that ends with a worker that was told to stop is no crash."""

import pytest

from callboard.jobs.cancel import cancel
from callboard.jobs.fence import Fence
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.preempt import preempt
from callboard.jobs.reap import reap
from callboard.jobs.release import release
from tests.invariants import look
from tests.world import LEASE, World

SUCCESS = encode_result({"found": 7}, max_bytes=100)


def run_out(world: World) -> None:
    """Let the leases of lost workers run out, under the eyes of the housekeeper."""
    reap(world.store, lease=LEASE)
    for _ in range(5):
        world.pass_time(5000)
        reap(world.store, lease=LEASE)


def test_a_preempted_attempt_goes_to_another_worker_and_counts_no_crash(world: World) -> None:
    fence = world.running(max_crashes=1)

    words = [preempt(world.store, fence), preempt(world.store, fence)]
    run_out(world)

    assert words == ["preempted", "preempted"]
    claimed = world.claim(fence.job_id)
    assert claimed.fence is not None
    assert (claimed.fence.attempt, claimed.failures, claimed.crashes) == (2, 0, 0)


def test_a_preempted_attempt_keeps_its_lease_and_its_places(world: World) -> None:
    fence = world.running("single")
    waiter = world.submitted("single")
    world.claim(waiter)

    preempt(world.store, fence)

    assert world.claim(fence.job_id).word == "taken"
    assert world.claim(waiter).word == "blocked"


def test_the_places_of_a_preempted_attempt_are_freed_when_its_lease_runs_out(
    world: World,
) -> None:
    fence = world.running("single")
    waiter = world.submitted("single", priority=10)
    world.claim(waiter)

    preempt(world.store, fence)
    run_out(world)

    assert "reserved" in world.record(waiter)


def test_a_preemption_is_for_one_attempt_alone(world: World) -> None:
    fence = world.running(max_crashes=1)
    preempt(world.store, fence)
    release(world.store, fence)
    world.claim(fence.job_id)

    run_out(world)

    record = world.record(fence.job_id)
    assert (record["status"], record["crashes"]) == ("failed", "1")


@pytest.mark.parametrize("wrong", ["attempt", "token", "job", "left"])
def test_nobody_else_can_preempt_an_attempt(world: World, wrong: str) -> None:
    fence = world.running()
    other = {
        "attempt": Fence(fence.job_id, 2, fence.token),
        "token": Fence(fence.job_id, 1, "another"),
        "job": Fence("nobody", 1, fence.token),
        "left": fence,
    }[wrong]
    if wrong == "left":
        finish(world.store, fence, SUCCESS)
    before = look(world.store)

    word = preempt(world.store, other)

    assert word == "stale"
    assert look(world.store) == before


def test_a_preempted_attempt_that_ends_in_time_is_as_any_other(world: World) -> None:
    fence = world.running()
    preempt(world.store, fence)

    word = finish(world.store, fence, SUCCESS)

    assert (word, world.status(fence.job_id)) == ("finished", "succeeded")


def test_a_preempted_job_that_was_cancelled_ends_cancelled(world: World) -> None:
    fence = world.running()
    cancel(world.store, fence.job_id)
    preempt(world.store, fence)

    run_out(world)

    assert world.status(fence.job_id) == "cancelled"
