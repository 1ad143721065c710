"""Rank decides which job gets a place, and reservations never exceed what threads can use."""

from callboard.jobs.finish import encode_result, finish
from callboard.jobs.limit import limit
from callboard.jobs.unblock import unblock_jobs
from callboard.jobs.workers import heartbeat_worker, remove_worker
from tests.job_system import JobSystem

SUCCESS = encode_result(1, max_bytes=100)


def heartbeat(job_system: JobSystem, threads: int, worker: str = "worker") -> None:
    heartbeat_worker(
        job_system.store, worker, {"threads": str(threads)}, operations=["double", "free"]
    )


def blocked(
    job_system: JobSystem, count: int, operation: str = "double", **chosen: object
) -> list[str]:
    """Let jobs wait at a paused operation."""
    limit(job_system.store, {f"operation:{operation}": 0}, source="pause")
    waiting = [job_system.submitted(operation, **chosen) for _ in range(count)]
    assert {job_system.claim(each).word for each in waiting} == {"blocked"}
    return waiting


def resume(job_system: JobSystem, places: int, operation: str = "double") -> None:
    slot = f"operation:{operation}"
    limit(job_system.store, {slot: places}, source="operator")
    limit(job_system.store, {slot: None}, source="pause")


def reserved(job_system: JobSystem) -> int:
    return int(job_system.redis.zcard(job_system.store.keys("reservations")))


def test_no_more_places_are_reserved_than_free_threads_plus_one(
    job_system: JobSystem,
) -> None:
    heartbeat(job_system, 2)
    heartbeat(job_system, 1, "another")
    job_system.running("free")
    blocked(job_system, 8)

    resume(job_system, 8)

    assert reserved(job_system) == 3


def test_a_place_is_reserved_as_soon_as_another_one_is_claimed(
    job_system: JobSystem,
) -> None:
    heartbeat(job_system, 1)
    waiting = blocked(job_system, 3)
    resume(job_system, 3)
    first = [each for each in waiting if "reserved" in job_system.record(each)]

    running = job_system.claim(first[0]).fence
    job_system.claim(first[1])
    at_hand = [each for each in waiting if "reserved" in job_system.record(each)]

    assert len(first) == 2
    assert running is not None
    assert at_hand == [waiting[2]]


def test_while_no_threads_are_known_all_places_are_reserved(
    job_system: JobSystem,
) -> None:
    blocked(job_system, 8)

    resume(job_system, 8)

    assert reserved(job_system) == 8


def test_an_operation_always_has_one_reservation(
    job_system: JobSystem,
) -> None:
    heartbeat(job_system, 1)
    blocked(job_system, 4)
    resume(job_system, 4)
    (waiting,) = blocked(job_system, 1, "single")

    resume(job_system, 1, "single")

    assert reserved(job_system) == 3
    assert job_system.claim(waiting).word == "claimed"


def test_a_reservation_does_not_lapse_while_no_thread_is_free(
    job_system: JobSystem,
) -> None:
    heartbeat(job_system, 1)
    (waiting,) = blocked(job_system, 1)
    resume(job_system, 2)
    busy = job_system.running("free")
    job_system.pass_time(1500)

    lapsed_while_busy = unblock_jobs(job_system.store)
    finish(job_system.store, busy, SUCCESS)
    job_system.pass_time(1500)
    lapsed = unblock_jobs(job_system.store)

    assert (lapsed_while_busy, lapsed) == (0, 1)
    assert job_system.record(waiting)["lapses"] == "1"


def test_a_lapsed_job_yields_for_ten_seconds_and_then_is_served_by_rank(
    job_system: JobSystem,
) -> None:
    (best,) = blocked(job_system, 1, "single", priority=10)
    others = blocked(job_system, 3, "single", priority=1)
    resume(job_system, 1, "single")
    job_system.pass_time(1100)
    unblock_jobs(job_system.store)
    passed = job_system.record(others[0])
    running = job_system.claim(others[0]).fence
    assert running is not None

    job_system.pass_time(10_000)
    finish(job_system.store, running, SUCCESS)

    assert "reserved" in passed
    assert "reserved" in job_system.record(best)
    assert "reserved" not in job_system.record(others[1])


def test_a_stopped_worker_no_longer_counts_at_once(job_system: JobSystem) -> None:
    heartbeat(job_system, 5)
    heartbeat(job_system, 1, "another")

    remove_worker(job_system.store, "worker")

    assert job_system.redis.get(job_system.store.keys("threads")) == b"1"
    assert job_system.redis.zrange(job_system.store.keys("workers"), 0, -1) == [b"another"]


def test_dead_threads_do_not_count(job_system: JobSystem) -> None:
    said = {"threads": "4", "dead_threads": "3"}

    heartbeat_worker(job_system.store, "worker", said, operations=[])

    assert job_system.redis.get(job_system.store.keys("threads")) == b"1"
