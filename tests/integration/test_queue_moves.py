"""Jobs of an operation that now has another queue move to a queue with a consumer."""

import json

from callboard.jobs.finish import encode_result, finish
from callboard.jobs.limit import limit
from callboard.jobs.queue_moves import Moving, unconsumed_queues
from callboard.jobs.workers import heartbeat_worker, list_workers, remove_worker
from tests.invariants import look
from tests.job_system import JobSystem

SUCCESS = encode_result(1, max_bytes=100)


def heartbeat(job_system: JobSystem, worker: str, queue: str, *, operation: str = "free") -> None:
    said = {"queues": queue, "homes": json.dumps({operation: queue}), "threads": "4"}
    heartbeat_worker(job_system.store, worker, said, operations=[operation])


def unheard(job_system: JobSystem) -> dict[str, int]:
    return unconsumed_queues(job_system.store, list_workers(job_system.store))


def test_waiting_jobs_move_to_the_queue_that_their_operation_has_now(
    job_system: JobSystem,
) -> None:
    jobs = [job_system.submitted() for _ in range(20)]
    heartbeat(job_system, "new", "other")
    before = unheard(job_system)
    job_system.broker.messages.clear()

    moved = Moving(job_system.store).move()
    job_system.publish()

    assert (before, moved) == ({"default": 20}, 20)
    assert {job_system.record(each)["queue"] for each in jobs} == {"other"}
    assert {each.submission.queue for each in job_system.broker.messages} == {"other"}
    assert len(job_system.broker.messages) == 20
    assert unheard(job_system) == {}
    assert not job_system.redis.sismember(job_system.store.keys("queues"), "default")
    assert job_system.claim(jobs[0]).word == "claimed"


def test_jobs_stay_while_an_old_worker_consumes_and_move_when_it_has_left(
    job_system: JobSystem,
) -> None:
    job = job_system.submitted()
    heartbeat(job_system, "old", "default")
    heartbeat(job_system, "new", "other")
    moving = Moving(job_system.store)

    while_it_lives = moving.move()
    remove_worker(job_system.store, "old")
    once_it_left = moving.move()

    assert (while_it_lives, once_it_left) == (0, 1)
    assert job_system.record(job)["queue"] == "other"


def test_blocked_scheduled_and_running_jobs_use_the_new_queue_when_they_are_queued(
    job_system: JobSystem,
) -> None:
    running, blocked = job_system.running("single"), job_system.submitted("single")
    job_system.claim(blocked)
    later = job_system.submitted("single", scheduled_ms=job_system.now_ms + 5000)
    elsewhere = job_system.submitted("double")
    heartbeat(job_system, "new", "other", operation="single")
    job_system.take_woken()

    moved = Moving(job_system.store).move()
    finish(job_system.store, running, SUCCESS)
    job_system.publish()

    assert moved == 3
    assert job_system.record(later)["queue"] == "other"
    assert job_system.record(elsewhere)["queue"] == "default"
    assert job_system.broker.messages[-1].submission.queue == "other"
    assert job_system.broker.messages[-1].submission.job_id == blocked


def test_jobs_of_unknown_operations_stay_and_are_checked_once_a_minute(
    job_system: JobSystem,
) -> None:
    job_system.submitted("double")
    heartbeat(job_system, "new", "other")
    seconds = [0.0]
    moving = Moving(job_system.store, clock=lambda: seconds[0])
    moving.move()
    late = job_system.submitted()

    soon = moving.move()
    seconds[0] = 61.0
    after_a_minute = moving.move()

    assert (soon, after_a_minute) == (0, 1)
    assert job_system.record(late)["queue"] == "other"
    assert unheard(job_system) == {"default": 1}


def test_if_two_workers_disagree_the_one_that_started_last_decides(
    job_system: JobSystem,
) -> None:
    job_system.submitted(queue="gone")
    heartbeat(job_system, "old", "default")
    job_system.pass_time(1000)
    heartbeat(job_system, "new", "other")

    Moving(job_system.store).move()

    assert look(job_system.store).members("queued:other")


def test_without_live_workers_no_job_is_moved(job_system: JobSystem) -> None:
    job_system.submitted()
    limit(job_system.store, {"operation:free": 3}, source="operator")

    assert Moving(job_system.store).move() == 0
    assert unheard(job_system) == {"default": 1}
