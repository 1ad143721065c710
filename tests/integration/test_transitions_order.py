"""Rank decides who gets a place, and no more is promised than threads can make use of."""

from callboard.jobs.finish import encode_result, finish
from callboard.jobs.limit import limit
from callboard.jobs.unblock import unblock_jobs
from callboard.jobs.workers import heartbeat_worker, remove_worker
from tests.world import World

SUCCESS = encode_result(1, max_bytes=100)
DOUBLE = "operation:double"


def heartbeat(world: World, threads: int, worker: str = "worker") -> None:
    heartbeat_worker(world.store, worker, {"threads": str(threads)}, operations=["double", "free"])


def blocked(world: World, count: int, operation: str = "double", **chosen: object) -> list[str]:
    """Let jobs wait at a paused operation."""
    limit(world.store, {f"operation:{operation}": 0}, source="pause")
    waiting = [world.submitted(operation, **chosen) for _ in range(count)]
    assert {world.claim(each).word for each in waiting} == {"blocked"}
    return waiting


def resume(world: World, places: int, operation: str = "double") -> None:
    slot = f"operation:{operation}"
    limit(world.store, {slot: places}, source="operator")
    limit(world.store, {slot: None}, source="pause")


def reserved(world: World) -> int:
    return int(world.redis.zcard(world.store.keys("reservations")))


def test_no_more_places_are_reserved_than_threads_are_free_and_one_more(world: World) -> None:
    heartbeat(world, 2)
    heartbeat(world, 1, "another")
    world.running("free")
    blocked(world, 8)

    resume(world, 8)

    assert reserved(world) == 3


def test_a_place_is_reserved_as_soon_as_another_was_claimed_whoever_is_busy(world: World) -> None:
    heartbeat(world, 1)
    waiting = blocked(world, 3)
    resume(world, 3)
    first = [each for each in waiting if "reserved" in world.record(each)]

    running = world.claim(first[0]).fence
    world.claim(first[1])
    at_hand = [each for each in waiting if "reserved" in world.record(each)]

    assert len(first) == 2
    assert running is not None
    assert at_hand == [waiting[2]]


def test_while_nobody_has_said_how_many_threads_there_are_all_places_are_reserved(
    world: World,
) -> None:
    blocked(world, 8)

    resume(world, 8)

    assert reserved(world) == 8


def test_an_operation_keeps_one_job_at_hand_though_the_places_of_another_are_stuck(
    world: World,
) -> None:
    heartbeat(world, 1)
    blocked(world, 4)
    resume(world, 4)
    (waiting,) = blocked(world, 1, "single")

    resume(world, 1, "single")

    assert reserved(world) == 3
    assert world.claim(waiting).word == "claimed"


def test_a_reservation_does_not_lapse_while_no_thread_could_have_come_for_it(world: World) -> None:
    heartbeat(world, 1)
    (waiting,) = blocked(world, 1)
    resume(world, 2)
    busy = world.running("free")
    world.pass_time(1500)

    lapsed_while_busy = unblock_jobs(world.store)
    finish(world.store, busy, SUCCESS)
    world.pass_time(1500)
    lapsed = unblock_jobs(world.store)

    assert (lapsed_while_busy, lapsed) == (0, 1)
    assert world.record(waiting)["lapses"] == "1"


def test_a_lapsed_job_is_passed_over_for_ten_seconds_and_then_goes_by_its_rank(
    world: World,
) -> None:
    (best,) = blocked(world, 1, "single", priority=10)
    others = blocked(world, 3, "single", priority=1)
    resume(world, 1, "single")
    world.pass_time(1100)
    unblock_jobs(world.store)
    passed = world.record(others[0])
    running = world.claim(others[0]).fence
    assert running is not None

    world.pass_time(10_000)
    finish(world.store, running, SUCCESS)

    assert "reserved" in passed
    assert "reserved" in world.record(best)
    assert "reserved" not in world.record(others[1])


def test_a_worker_that_left_counts_no_more_at_once(world: World) -> None:
    heartbeat(world, 5)
    heartbeat(world, 1, "another")

    remove_worker(world.store, "worker")

    assert world.redis.get(world.store.keys("threads")) == b"1"
    assert world.redis.zrange(world.store.keys("workers"), 0, -1) == [b"another"]


def test_threads_that_have_ended_run_nothing_and_do_not_count(world: World) -> None:
    said = {"threads": "4", "dead_threads": "3"}

    heartbeat_worker(world.store, "worker", said, operations=[])

    assert world.redis.get(world.store.keys("threads")) == b"1"
