"""Differences from the records are found, classified and repaired; correct data is unchanged."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from redis import Redis

from callboard.jobs.batches.batch import cancel_batch
from callboard.jobs.cancel import cancel
from callboard.jobs.consistency.check import ConsistencyCheck, ConsistencyResult
from callboard.jobs.finish import RunOutcome, encode_result, finish
from callboard.jobs.limit import limit
from callboard.jobs.retry import retry
from callboard.jobs.submission import FORMAT
from callboard.jobs.unblock import unblock_jobs
from tests import invariants
from tests.batch_moves import decide, new_batch
from tests.delivery_moves import callback
from tests.invariants import look
from tests.job_system import LEASE, LIMITS, JobSystem

SUCCESS = encode_result({"found": 1}, max_bytes=100)
FAILURE = RunOutcome(error={"type": "failure", "detail": "no"})
LINES = (
    *("active", "leases", "due", "outbox", "reservations", "expiry", "unsealed"),
    *("depending", "dependencies:", "dependents:"),
    *("slot:", "waiting:", "awaiting:", "queued:", "index:", "deliveries:", "delivery_hosts"),
)
NOBODY = "ffffffff-0000-7000-8000-000000000000"


def examine(
    job_system: JobSystem, *, most: int = 100_000, repair: bool = False
) -> ConsistencyResult:
    return ConsistencyCheck(job_system.store, LEASE, most, repair).run()


def groups(found: ConsistencyResult) -> set[str]:
    return set(found.groups)


def wrong(job_system: JobSystem) -> list[str]:
    return list(invariants.complaints(look(job_system.store)))


def populate(job_system: JobSystem) -> None:
    """Create jobs of every status with everything that jobs can have."""
    job_system.running("single", fingerprint="f0", labels={"team": "a"})
    job_system.claim(job_system.submitted("single", slots="resource:gpu=1"))  # blocked
    double = job_system.running("double", slots="resource:gpu=2")
    job_system.claim(job_system.submitted(slots="resource:gpu=2", fingerprint="f1"))
    job_system.submitted(labels={"team": "b"})
    cancelling = job_system.running(slots="resource:licence=1")
    cancel(job_system.store, cancelling.job_id)
    finish(job_system.store, double, SUCCESS)  # so the blocked one has a reservation
    retry(
        job_system.store,
        job_system.running(),
        delay=timedelta(seconds=30),
        error={"type": "failure"},
    )
    finish(job_system.store, job_system.running(), FAILURE)
    finish(job_system.store, job_system.running(callback=callback()), SUCCESS)
    job_system.submit(job_system.new_submission(), publish=False)  # its message is not confirmed
    items = [job_system.new_submission() for _ in range(3)]
    whole = new_batch(job_system, 2)
    decide(job_system, whole, items[:2])
    decide(job_system, new_batch(job_system, 2), items[2:])  # abandoned
    job_system.claim(items[0].job_id)
    cancel_batch(job_system.store, whole.id)
    others = (job_system.submitted(), cancelling.job_id)
    job_system.submitted(after=others, after_policy="finished")
    job_system.take_woken()


def lines(job_system: JobSystem) -> Iterator[tuple[str, list[bytes]]]:
    """Return a sorted set of each kind, without its prefix, with its entries."""
    prefix, kinds = job_system.store.keys.prefix, set()
    for name in sorted(job_system.redis.scan_iter(f"{prefix}*")):
        short = name.decode().removeprefix(prefix)
        kind = short if short.startswith("index:") else short.partition(":")[0]
        if short.startswith(LINES) and kind not in kinds:
            kinds.add(kind)
            yield short, job_system.redis.zrange(name, 0, -1)


@pytest.fixture
def populated(job_system: JobSystem) -> JobSystem:
    populate(job_system)
    return job_system


def test_a_consistent_store_has_no_faults_and_is_not_changed(populated: JobSystem) -> None:
    before = populated.keep()

    looked, repaired = examine(populated), examine(populated, repair=True)

    assert (groups(looked), groups(repaired)) == (set(), set())
    assert populated.keep() == before
    assert looked.walked.entries > 60
    assert not looked.walked.cut


def test_every_lost_entry_is_found_and_restored(redis: Redis) -> None:
    job_system = JobSystem(redis)
    limit(job_system.store, LIMITS, source="declared")
    populate(job_system)
    kept, tried = job_system.keep(), list(lines(job_system))

    for line, entries in tried:
        redis.zrem(job_system.store.keys.prefix + line, entries[0])

        assert groups(examine(job_system, repair=True)), f"lost from {line}, and nobody saw"
        assert not wrong(job_system), line
        job_system.go_back(kept)
    assert len(tried) > 20
    assert not groups(examine(job_system))


def test_every_extra_entry_is_found_and_removed(redis: Redis) -> None:
    job_system = JobSystem(redis)
    limit(job_system.store, LIMITS, source="declared")
    populate(job_system)
    kept = job_system.keep()
    ended = next(iter(look(job_system.store).with_status("failed")))

    for line, _entries in lines(job_system):
        if line == "delivery_hosts":
            continue
        may_have_ended = line.startswith(("index:", "expiry", "unsealed", "deliver"))
        entry = NOBODY if may_have_ended else ended
        entry = f"{entry}:1" if line.startswith("slot:") else entry
        redis.zadd(job_system.store.keys.prefix + line, {entry: -1})

        assert groups(examine(job_system, repair=True)), f"{entry} is in {line}, and nobody saw"
        assert not wrong(job_system), line
        job_system.go_back(kept)


def test_a_job_without_a_wake_up_is_woken(populated: JobSystem) -> None:
    job_id = populated.submitted()
    populated.redis.zrem(populated.store.keys("awaiting", "default"), job_id)
    before = int(populated.record(job_id)["wakeup"])

    found = examine(populated, repair=True)

    assert groups(found) == {"wakeup"}
    assert found.groups["wakeup"].examples == (f"{job_id} (queued, has no message)",)
    assert int(populated.record(job_id)["wakeup"]) == before + 1
    assert populated.take_woken() == [job_id]


def test_a_place_without_a_holder_goes_to_the_next_waiting_job(job_system: JobSystem) -> None:
    waiting = job_system.submitted("single")
    job_system.redis.zadd(job_system.store.keys("slot", "operation:single"), {f"{NOBODY}:1": -1})
    assert job_system.claim(waiting).word == "blocked"

    found = examine(job_system, repair=True)

    assert groups(found) == {"slot"}
    assert job_system.claim(waiting).word == "claimed"


def test_a_running_job_that_lost_its_lease_gets_a_new_one(
    job_system: JobSystem,
) -> None:
    fence = job_system.running()
    job_system.redis.zrem(job_system.store.keys("leases"), fence.job_id)

    examine(job_system, repair=True)

    lease_end = job_system.redis.zscore(job_system.store.keys("leases"), fence.job_id)
    assert lease_end == job_system.now_ms + LEASE / timedelta(milliseconds=1)
    assert finish(job_system.store, fence, SUCCESS) == "finished"


def test_the_unique_key_of_an_ended_job_is_removed_and_an_active_jobs_is_kept(
    job_system: JobSystem,
) -> None:
    first = job_system.running(fingerprint="f")
    finish(job_system.store, first, SUCCESS)
    key = job_system.store.keys("unique", "default", "free", "f")
    job_system.redis.set(key, first.job_id)

    stale = examine(job_system, repair=True)
    second = job_system.submitted(fingerprint="f")
    again = examine(job_system, repair=True)

    assert groups(stale) == {"unique"}
    assert groups(again) == set()
    assert job_system.redis.get(key) == second.encode()


def test_two_active_jobs_with_one_unique_key_are_left_to_operators(job_system: JobSystem) -> None:
    first = job_system.submitted(fingerprint="f")
    key = job_system.store.keys("unique", "default", "free", "f")
    job_system.redis.delete(key)
    second = job_system.submitted(fingerprint="f")

    found = examine(job_system, repair=True)

    assert groups(found) == {"conflict"}
    assert job_system.redis.get(key) == second.encode()
    assert groups(examine(job_system)) == {"conflict"}
    cancel(job_system.store, first)
    assert groups(examine(job_system)) == set()


def test_a_fragment_of_a_record_is_removed(job_system: JobSystem) -> None:
    job_system.redis.hset(job_system.store.keys("job", NOBODY), "version", "3")
    for kind in ("params", "saved"):
        job_system.redis.set(job_system.store.keys(kind, NOBODY), "x")

    found = examine(job_system, repair=True)

    assert groups(found) == {"fragment"}
    assert not job_system.redis.keys(f"{job_system.store.keys.prefix}job:{NOBODY}*")


def test_jobs_of_a_newer_format_are_left_to_newer_versions(job_system: JobSystem) -> None:
    waits = job_system.submitted("single", fingerprint="f0")
    keys = job_system.store.keys
    job_system.redis.hset(keys("job", waits), "format", FORMAT + 1)
    job_system.redis.zadd(keys("slot", "operation:single"), {f"{waits}:9": -1})
    job_system.redis.zrem(keys("queued", "default"), waits)
    job_system.redis.delete(keys("unique", "default", "single", "f0"))

    old = examine(job_system, repair=True)
    left = job_system.redis.zcard(keys("slot", "operation:single"))
    job_system.redis.hdel(keys("job", waits), "format")
    new = examine(job_system, repair=True)

    assert (groups(old), left) == (set(), 1)
    assert groups(new) == {"slot", "queue", "unique"}
    assert not wrong(job_system)


def test_a_batch_whose_jobs_ended_completes_and_an_abandoned_one_is_sealed(
    job_system: JobSystem,
) -> None:
    batch = new_batch(job_system, 1)
    item = job_system.new_submission()
    decide(job_system, batch, [item])
    fence = job_system.claim(item.job_id).fence
    assert fence is not None
    finish(job_system.store, fence, SUCCESS)
    record = job_system.store.keys("batch", batch.id)
    job_system.redis.hdel(record, "ended_ms")
    job_system.redis.sadd(job_system.store.keys("batch_status", batch.id, "queued"), NOBODY)

    found = examine(job_system, repair=True)

    assert found.groups["batch"].ids[batch.id] == {
        "lists jobs that are not its own",
        "has ended but is not marked as completed",
    }
    assert job_system.redis.hexists(record, "ended_ms")
    assert groups(examine(job_system)) == set()


def test_beyond_the_bound_the_oldest_are_checked_and_the_rest_is_reported(
    job_system: JobSystem,
) -> None:
    jobs = []
    for _ in range(30):
        jobs.append(job_system.submitted())
        job_system.pass_time(1)
    awaiting = job_system.store.keys("awaiting", "default")
    job_system.redis.zrem(awaiting, jobs[0])

    found = examine(job_system, most=10)

    assert found.walked.cut["active"] == (10, 30)
    assert set(found.groups["wakeup"].ids) == {jobs[0]}
    examine(job_system, repair=True)


def test_repairs_during_normal_operation_change_nothing_correct(
    redis: Redis,
) -> None:
    job_system = JobSystem(redis)
    limit(job_system.store, LIMITS, source="declared")
    for number in range(8):
        fence = job_system.running("free", slots="resource:gpu=1") if number % 2 else None
        job_system.claim(job_system.submitted("single"))
        examine(job_system, repair=True)
        if fence:
            finish(job_system.store, fence, SUCCESS)
        unblock_jobs(job_system.store)
        found = examine(job_system, repair=True)
        assert not groups(found), found
        assert not wrong(job_system)
