"""What differs from the records is found, told apart and repaired; what is right is left alone."""

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
from tests.world import LEASE, LIMITS, World

SUCCESS = encode_result({"found": 1}, max_bytes=100)
FAILURE = RunOutcome(error={"type": "failure", "detail": "no"})
LINES = (
    *("active", "leases", "due", "outbox", "reservations", "expiry", "unsealed"),
    *("slot:", "waiting:", "awaiting:", "queued:", "index:", "deliveries:", "delivery_hosts"),
)
NOBODY = "ffffffff-0000-7000-8000-000000000000"


def examine(world: World, *, most: int = 100_000, repair: bool = False) -> ConsistencyResult:
    return ConsistencyCheck(world.store, LEASE, most, repair).run()


def groups(found: ConsistencyResult) -> set[str]:
    return set(found.groups)


def wrong(world: World) -> list[str]:
    return list(invariants.complaints(look(world.store)))


def populate(world: World) -> None:
    """Make jobs of every status and with everything that jobs can have."""
    world.running("single", fingerprint="f0", labels={"team": "a"})
    world.claim(world.submitted("single", slots="resource:gpu=1"))  # blocked
    double = world.running("double", slots="resource:gpu=2")
    world.claim(world.submitted(slots="resource:gpu=2", fingerprint="f1"))
    world.submitted(labels={"team": "b"})
    cancelling = world.running(slots="resource:licence=1")
    cancel(world.store, cancelling.job_id)
    finish(world.store, double, SUCCESS)  # so the blocked one has a reservation
    retry(world.store, world.running(), delay=timedelta(seconds=30), error={"type": "failure"})
    finish(world.store, world.running(), FAILURE)
    finish(world.store, world.running(callback=callback()), SUCCESS)
    world.submit(world.new_submission(), publish=False)  # its message is not confirmed
    items = [world.new_submission() for _ in range(3)]
    whole = new_batch(world, 2)
    decide(world, whole, items[:2])
    decide(world, new_batch(world, 2), items[2:])  # one that broke off
    world.claim(items[0].job_id)
    cancel_batch(world.store, whole.id)
    world.take_woken()


def lines(world: World) -> Iterator[tuple[str, list[bytes]]]:
    """Give a line of each kind, without its prefix, with its entries."""
    prefix, kinds = world.store.keys.prefix, set()
    for name in sorted(world.redis.scan_iter(f"{prefix}*")):
        short = name.decode().removeprefix(prefix)
        kind = short if short.startswith("index:") else short.partition(":")[0]
        if short.startswith(LINES) and kind not in kinds:
            kinds.add(kind)
            yield short, world.redis.zrange(name, 0, -1)


@pytest.fixture
def populated(world: World) -> World:
    populate(world)
    return world


def test_where_all_is_well_nothing_is_found_and_nothing_is_changed(populated: World) -> None:
    before = populated.keep()

    looked, repaired = examine(populated), examine(populated, repair=True)

    assert (groups(looked), groups(repaired)) == (set(), set())
    assert populated.keep() == before
    assert looked.walked.entries > 60
    assert not looked.walked.cut


def test_every_entry_that_is_lost_is_found_and_put_back(redis: Redis) -> None:
    world = World(redis)
    limit(world.store, LIMITS, source="declared")
    populate(world)
    kept, tried = world.keep(), list(lines(world))

    for line, entries in tried:
        redis.zrem(world.store.keys.prefix + line, entries[0])

        assert groups(examine(world, repair=True)), f"lost from {line}, and nobody saw"
        assert not wrong(world), line
        world.go_back(kept)
    assert len(tried) > 20
    assert not groups(examine(world))


def test_every_entry_too_many_is_found_and_taken_away(redis: Redis) -> None:
    world = World(redis)
    limit(world.store, LIMITS, source="declared")
    populate(world)
    kept = world.keep()
    ended = next(iter(look(world.store).with_status("failed")))

    for line, _entries in lines(world):
        if line == "delivery_hosts":
            continue
        may_have_ended = line.startswith(("index:", "expiry", "unsealed", "deliver"))
        entry = NOBODY if may_have_ended else ended
        entry = f"{entry}:1" if line.startswith("slot:") else entry
        redis.zadd(world.store.keys.prefix + line, {entry: -1})

        assert groups(examine(world, repair=True)), f"{entry} is in {line}, and nobody saw"
        assert not wrong(world), line
        world.go_back(kept)


def test_a_job_that_nobody_would_wake_is_woken(populated: World) -> None:
    job_id = populated.submitted()
    populated.redis.zrem(populated.store.keys("awaiting", "default"), job_id)
    before = int(populated.record(job_id)["wakeup"])

    found = examine(populated, repair=True)

    assert groups(found) == {"wakeup"}
    assert found.groups["wakeup"].examples == (f"{job_id} (queued, has no message)",)
    assert int(populated.record(job_id)["wakeup"]) == before + 1
    assert populated.take_woken() == [job_id]


def test_a_place_that_nobody_holds_goes_to_the_next_that_waits(world: World) -> None:
    waiting = world.submitted("single")
    world.redis.zadd(world.store.keys("slot", "operation:single"), {f"{NOBODY}:1": -1})
    assert world.claim(waiting).word == "blocked"

    found = examine(world, repair=True)

    assert groups(found) == {"slot"}
    assert world.claim(waiting).word == "claimed"


def test_a_running_job_that_lost_its_lease_keeps_its_worker_for_one_more(world: World) -> None:
    fence = world.running()
    world.redis.zrem(world.store.keys("leases"), fence.job_id)

    examine(world, repair=True)

    lease_end = world.redis.zscore(world.store.keys("leases"), fence.job_id)
    assert lease_end == world.now_ms + LEASE / timedelta(milliseconds=1)
    assert finish(world.store, fence, SUCCESS) == "finished"


def test_a_unique_key_of_a_job_that_has_ended_goes_and_another_jobs_stays(world: World) -> None:
    first = world.running(fingerprint="f")
    finish(world.store, first, SUCCESS)
    key = world.store.keys("unique", "default", "free", "f")
    world.redis.set(key, first.job_id)

    stale = examine(world, repair=True)
    second = world.submitted(fingerprint="f")
    again = examine(world, repair=True)

    assert groups(stale) == {"unique"}
    assert groups(again) == set()
    assert world.redis.get(key) == second.encode()


def test_of_two_active_jobs_with_one_unique_key_people_decide(world: World) -> None:
    first = world.submitted(fingerprint="f")
    key = world.store.keys("unique", "default", "free", "f")
    world.redis.delete(key)
    second = world.submitted(fingerprint="f")

    found = examine(world, repair=True)

    assert groups(found) == {"conflict"}
    assert world.redis.get(key) == second.encode()
    assert groups(examine(world)) == {"conflict"}
    cancel(world.store, first)
    assert groups(examine(world)) == set()


def test_what_was_left_of_a_record_goes(world: World) -> None:
    world.redis.hset(world.store.keys("job", NOBODY), "version", "3")
    world.redis.set(world.store.keys("params", NOBODY), "x")

    found = examine(world, repair=True)

    assert groups(found) == {"fragment"}
    assert not world.redis.keys(f"{world.store.keys.prefix}job:{NOBODY}*")


def test_what_only_a_newer_version_can_read_is_left_to_it(world: World) -> None:
    waits = world.submitted("single", fingerprint="f0")
    keys = world.store.keys
    world.redis.hset(keys("job", waits), "format", FORMAT + 1)
    world.redis.zadd(keys("slot", "operation:single"), {f"{waits}:9": -1})
    world.redis.zrem(keys("queued", "default"), waits)
    world.redis.delete(keys("unique", "default", "single", "f0"))

    old = examine(world, repair=True)
    left = world.redis.zcard(keys("slot", "operation:single"))
    world.redis.hdel(keys("job", waits), "format")
    new = examine(world, repair=True)

    assert (groups(old), left) == (set(), 1)
    assert groups(new) == {"slot", "queue", "unique"}
    assert not wrong(world)


def test_a_batch_whose_jobs_have_ended_ends_and_one_that_broke_off_is_closed(world: World) -> None:
    batch = new_batch(world, 1)
    item = world.new_submission()
    decide(world, batch, [item])
    fence = world.claim(item.job_id).fence
    assert fence is not None
    finish(world.store, fence, SUCCESS)
    record = world.store.keys("batch", batch.id)
    world.redis.hdel(record, "ended_ms")
    world.redis.sadd(world.store.keys("batch_status", batch.id, "queued"), NOBODY)

    found = examine(world, repair=True)

    assert found.groups["batch"].ids[batch.id] == {
        "lists jobs that are not its own",
        "has ended but is not marked as completed",
    }
    assert world.redis.hexists(record, "ended_ms")
    assert groups(examine(world)) == set()


def test_beyond_the_bound_the_oldest_are_looked_at_and_the_rest_is_said(world: World) -> None:
    jobs = []
    for _ in range(30):
        jobs.append(world.submitted())
        world.pass_time(1)
    awaiting = world.store.keys("awaiting", "default")
    world.redis.zrem(awaiting, jobs[0])

    found = examine(world, most=10)

    assert found.walked.cut["active"] == (10, 30)
    assert set(found.groups["wakeup"].ids) == {jobs[0]}
    examine(world, repair=True)


def test_repairs_beside_everything_else_that_happens_change_nothing_that_is_right(
    redis: Redis,
) -> None:
    world = World(redis)
    limit(world.store, LIMITS, source="declared")
    for number in range(8):
        fence = world.running("free", slots="resource:gpu=1") if number % 2 else None
        world.claim(world.submitted("single"))
        examine(world, repair=True)
        if fence:
            finish(world.store, fence, SUCCESS)
        unblock_jobs(world.store)
        found = examine(world, repair=True)
        assert not groups(found), found
        assert not wrong(world)
