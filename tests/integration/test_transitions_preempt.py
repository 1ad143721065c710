"""Preempting: an attempt that ends with its stopping worker is no crash."""

import pytest

from callboard.jobs.cancel import cancel
from callboard.jobs.fence import Fence
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.preempt import preempt
from callboard.jobs.reap import reap
from callboard.jobs.release import release
from tests.invariants import look
from tests.job_system import LEASE, JobSystem

SUCCESS = encode_result({"found": 7}, max_bytes=100)


def run_out(job_system: JobSystem) -> None:
    """Let the leases of lost workers expire while the housekeeper runs."""
    reap(job_system.store, lease=LEASE)
    for _ in range(5):
        job_system.pass_time(5000)
        reap(job_system.store, lease=LEASE)


def test_a_preempted_attempts_job_goes_to_another_worker_without_a_crash(
    job_system: JobSystem,
) -> None:
    fence = job_system.running(max_crashes=1)

    words = [preempt(job_system.store, fence), preempt(job_system.store, fence)]
    run_out(job_system)

    assert words == ["preempted", "preempted"]
    claimed = job_system.claim(fence.job_id)
    assert claimed.fence is not None
    assert (claimed.fence.attempt, claimed.failures, claimed.crashes) == (2, 0, 0)


def test_a_preempted_attempt_keeps_its_lease_and_its_places(job_system: JobSystem) -> None:
    fence = job_system.running("single")
    waiter = job_system.submitted("single")
    job_system.claim(waiter)

    preempt(job_system.store, fence)

    assert job_system.claim(fence.job_id).word == "taken"
    assert job_system.claim(waiter).word == "blocked"


def test_the_places_of_a_preempted_attempt_are_freed_when_its_lease_expires(
    job_system: JobSystem,
) -> None:
    fence = job_system.running("single")
    waiter = job_system.submitted("single", priority=10)
    job_system.claim(waiter)

    preempt(job_system.store, fence)
    run_out(job_system)

    assert "reserved" in job_system.record(waiter)


def test_a_preemption_applies_to_one_attempt(job_system: JobSystem) -> None:
    fence = job_system.running(max_crashes=1)
    preempt(job_system.store, fence)
    release(job_system.store, fence)
    job_system.claim(fence.job_id)

    run_out(job_system)

    record = job_system.record(fence.job_id)
    assert (record["status"], record["crashes"]) == ("failed", "1")


@pytest.mark.parametrize("wrong", ["attempt", "token", "job", "left"])
def test_only_its_own_fence_can_preempt_an_attempt(job_system: JobSystem, wrong: str) -> None:
    fence = job_system.running()
    other = {
        "attempt": Fence(fence.job_id, 2, fence.token),
        "token": Fence(fence.job_id, 1, "another"),
        "job": Fence("nobody", 1, fence.token),
        "left": fence,
    }[wrong]
    if wrong == "left":
        finish(job_system.store, fence, SUCCESS)
    before = look(job_system.store)

    word = preempt(job_system.store, other)

    assert word == "stale"
    assert look(job_system.store) == before


def test_a_preempted_attempt_that_ends_in_time_is_recorded_normally(job_system: JobSystem) -> None:
    fence = job_system.running()
    preempt(job_system.store, fence)

    word = finish(job_system.store, fence, SUCCESS)

    assert (word, job_system.status(fence.job_id)) == ("finished", "succeeded")


def test_a_preempted_job_that_was_cancelled_ends_cancelled(job_system: JobSystem) -> None:
    fence = job_system.running()
    cancel(job_system.store, fence.job_id)
    preempt(job_system.store, fence)

    run_out(job_system)

    assert job_system.status(fence.job_id) == "cancelled"
