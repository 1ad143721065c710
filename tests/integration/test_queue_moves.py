"""Jobs of an operation that has another queue by now are moved where somebody listens."""

import json

from callboard.jobs.finish import encode_result, finish
from callboard.jobs.limit import limit
from callboard.jobs.queue_moves import Moving, unheard_queues
from callboard.jobs.workers import heartbeat_worker, list_workers, remove_worker
from tests.invariants import look
from tests.world import World

SUCCESS = encode_result(1, max_bytes=100)


def heartbeat(world: World, worker: str, queue: str, *, operation: str = "free") -> None:
    said = {"queues": queue, "homes": json.dumps({operation: queue}), "threads": "4"}
    heartbeat_worker(world.store, worker, said, operations=[operation])


def unheard(world: World) -> dict[str, int]:
    return unheard_queues(world.store, list_workers(world.store))


def test_waiting_jobs_are_woken_in_the_queue_that_their_operation_has_now(world: World) -> None:
    jobs = [world.submitted() for _ in range(20)]
    heartbeat(world, "new", "other")
    before = unheard(world)
    world.broker.messages.clear()

    moved = Moving(world.store).move()
    world.publish()

    assert (before, moved) == ({"default": 20}, 20)
    assert {world.record(each)["queue"] for each in jobs} == {"other"}
    assert {each.submission.queue for each in world.broker.messages} == {"other"}
    assert len(world.broker.messages) == 20
    assert unheard(world) == {}
    assert not world.redis.sismember(world.store.keys("queues"), "default")
    assert world.claim(jobs[0]).word == "claimed"


def test_jobs_stay_while_a_worker_of_before_listens_and_move_when_it_has_left(
    world: World,
) -> None:
    job = world.submitted()
    heartbeat(world, "old", "default")
    heartbeat(world, "new", "other")
    moving = Moving(world.store)

    while_it_lives = moving.move()
    remove_worker(world.store, "old")
    once_it_left = moving.move()

    assert (while_it_lives, once_it_left) == (0, 1)
    assert world.record(job)["queue"] == "other"


def test_blocked_scheduled_and_running_jobs_go_to_the_new_queue_when_they_wait_again(
    world: World,
) -> None:
    running, blocked = world.running("single"), world.submitted("single")
    world.claim(blocked)
    later = world.submitted("single", scheduled_ms=world.now_ms + 5000)
    elsewhere = world.submitted("double")
    heartbeat(world, "new", "other", operation="single")
    world.take_woken()

    moved = Moving(world.store).move()
    finish(world.store, running, SUCCESS)
    world.publish()

    assert moved == 3
    assert world.record(later)["queue"] == "other"
    assert world.record(elsewhere)["queue"] == "default"
    assert world.broker.messages[-1].submission.queue == "other"
    assert world.broker.messages[-1].submission.job_id == blocked


def test_jobs_of_operations_that_nobody_knows_stay_and_are_looked_at_once_a_minute(
    world: World,
) -> None:
    world.submitted("double")
    heartbeat(world, "new", "other")
    seconds = [0.0]
    moving = Moving(world.store, clock=lambda: seconds[0])
    moving.move()
    late = world.submitted()

    soon = moving.move()
    seconds[0] = 61.0
    after_a_minute = moving.move()

    assert (soon, after_a_minute) == (0, 1)
    assert world.record(late)["queue"] == "other"
    assert unheard(world) == {"default": 1}


def test_of_two_workers_that_differ_the_one_that_started_last_is_right(world: World) -> None:
    world.submitted(queue="gone")
    heartbeat(world, "old", "default")
    world.pass_time(1000)
    heartbeat(world, "new", "other")

    Moving(world.store).move()

    assert look(world.store).members("queued:other")


def test_nothing_is_moved_while_no_worker_lives(world: World) -> None:
    world.submitted()
    limit(world.store, {"operation:free": 3}, source="operator")

    assert Moving(world.store).move() == 0
    assert unheard(world) == {"default": 1}
