"""Listings: which jobs, in which order, and what holds while jobs come and go."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from callboard.jobs.cancel import cancel
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.listing import CALLS, Position, Wanted, list_jobs, list_tenants
from callboard.jobs.promote import promote
from callboard.jobs.purge import purge
from callboard.jobs.read import read
from callboard.jobs.store import ScriptAnswer, Store
from callboard.jobs.submission import Submission
from tests.world import START_MS, World

TENANTS = ("lab", "clinic")
EVERYBODY = Wanted()
FACETS: list[dict[str, Any]] = [
    {},
    {"status": "queued"},
    {"status": "cancelled"},
    {"operation": "free"},
    {"batch_id": "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77"},
    {"labels": {"project": "a"}},
    {"labels": {"project": "a", "kind": "x"}, "operation": "free"},
    {"labels": {"project": "a"}, "status": "queued", "after_ms": START_MS},
]


def submitted(world: World, chance: random.Random, **chosen: Any) -> Submission:
    """Submit a job whose id may sort anywhere among those of the same millisecond."""
    drawn = f"{chance.getrandbits(32):08x}-0000-7000-8000-{chance.getrandbits(48):012x}"
    kept = replace(world.new_submission(**chosen), job_id=drawn)
    assert world.submit(kept, publish=False) == "accepted"
    return kept


def some_job(world: World, chance: random.Random) -> Submission:
    if chance.random() < 0.2:
        world.pass_time(1)
    labels = {name: chance.choice("ax") for name in ("project", "kind") if chance.random() < 0.6}
    return submitted(
        world,
        chance,
        operation=chance.choice(["free", "single"]),
        tenant=chance.choice(TENANTS),
        labels=labels,
        batch_id=chance.choice([None, FACETS[4]["batch_id"]]),
    )


def ids(world: World, wanted: Wanted = EVERYBODY, **more: Any) -> list[str]:
    chosen = {"tenants": ["default"], "most": 100, **more}
    return [record.id for record in list_jobs(world.store, wanted, **chosen).records]


def walk(world: World, wanted: Wanted, chance: random.Random) -> Iterator[list[str]]:
    """Go through all pages, with steps of any size."""
    behind: Position | None = None
    while True:
        page = list_jobs(
            world.store,
            wanted,
            tenants=TENANTS,
            most=chance.randint(1, 9),
            behind=behind,
            candidates=chance.choice([1, 2, 5, 1000]),
        )
        yield [record.id for record in page.records]
        if page.next is None:
            return
        assert behind is None or page.next < behind, "every page goes on"
        behind = page.next


def fits(job: Submission, created_ms: int, wanted: Wanted) -> bool:
    return (
        wanted.operation in (None, job.operation)
        and wanted.batch_id in (None, job.batch_id)
        and wanted.labels.items() <= job.labels.items()
        and wanted.after_ms < created_ms < wanted.before_ms
    )


@pytest.mark.parametrize(("seed", "facets"), list(enumerate(FACETS)))
def test_all_pages_have_every_job_that_stays_exactly_once_whatever_else_comes_and_goes(
    world: World, seed: int, facets: dict[str, Any]
) -> None:
    chance, wanted = random.Random(seed), Wanted(**facets)
    jobs = {job.job_id: job for job in (some_job(world, chance) for _ in range(40))}
    for job_id in chance.sample(sorted(jobs), 12):
        cancel(world.store, job_id)
    created = {job_id: int(world.record(job_id)["created_ms"]) for job_id in jobs}
    status = {job_id: world.status(job_id) for job_id in jobs}
    stayed, met = set(jobs), Counter[str]()

    for page in walk(world, wanted, chance):
        met.update(page)
        victim = chance.choice(sorted(jobs))
        match chance.choice(["submit", "end", "purge", "nothing"]):
            case "submit":
                some_job(world, chance)
            case "end" if world.status(victim) == "queued":
                cancel(world.store, victim)
                stayed -= {victim} if wanted.status else set()
            case "purge" if world.status(victim) == "cancelled":
                purge(world.store, victim)
                stayed.discard(victim)

    right = {
        job_id
        for job_id in stayed
        if fits(jobs[job_id], created[job_id], wanted) and wanted.status in (None, status[job_id])
    }
    assert right <= met.keys()
    assert set(met.values()) <= {1}
    assert all(fits(jobs[id], created[id], wanted) for id in met.keys() & jobs.keys())


def test_the_newest_comes_first_and_of_one_millisecond_the_greatest_id(world: World) -> None:
    first = world.submitted()
    same = [world.submitted() for _ in range(3)]
    world.pass_time(1)
    last = world.submitted()

    assert ids(world) == [last, *reversed(same), first]


def test_thousands_of_one_millisecond_are_walked_in_order(world: World) -> None:
    members = {f"{number:08x}-0000-7000-8000-000000000000": START_MS for number in range(3000)}
    index = world.store.keys("index", "default")
    world.redis.zadd(index, members)
    middle = sorted(members)[1500]

    answer = world.store.run(
        "list_jobs",
        index,
        tenant="default",
        facets="[]",
        after_ms=-1,
        before_ms=START_MS,
        before_id=middle,
        most=1000,
        candidates=1000,
    )

    assert answer.word == "more"
    assert list(answer.values[0][::2]) == sorted(members)[500:1500][::-1]
    world.redis.delete(index)


def test_the_bounds_of_time_are_not_part_of_it(world: World) -> None:
    made = []
    for _ in range(3):
        made.append(world.submitted())
        world.pass_time(1)

    between = Wanted(after_ms=START_MS, before_ms=START_MS + 2)

    assert ids(world, between) == [made[1]]


def test_a_job_is_listed_by_its_status_of_now(world: World) -> None:
    running, waiting = world.running("free").job_id, world.submitted()

    assert ids(world, Wanted(status="running")) == [running]
    assert ids(world, Wanted(status="queued")) == [waiting]
    assert ids(world, Wanted(status="failed")) == []


def test_a_job_that_was_purged_is_in_no_listing(world: World) -> None:
    batch = FACETS[4]["batch_id"]
    job_id = world.submitted(labels={"a": "b"}, batch_id=batch)
    assert ids(world, Wanted(batch_id=batch, labels={"a": "b"})) == [job_id]
    cancel(world.store, job_id)

    purge(world.store, job_id)

    assert ids(world) == []
    assert ids(world, Wanted(batch_id=batch)) == []


def test_a_search_that_finds_little_ends_early_and_says_where_to_go_on(world: World) -> None:
    wanted = Wanted(labels={"a": "x", "b": "y"})
    rare = world.submitted(labels={"a": "x", "b": "y"})
    for _ in range(12):
        world.submitted(labels={"a": "x"})
        world.submitted(labels={"b": "y"})

    first = list_jobs(world.store, wanted, tenants=["default"], most=5, candidates=1)
    pages = 1
    page = first
    while page.next is not None:
        page = list_jobs(
            world.store, wanted, tenants=["default"], most=5, candidates=1, behind=page.next
        )
        pages += 1

    assert (first.records, first.next is None) == ((), False)
    assert pages == 13 // CALLS + 1
    assert [record.id for record in page.records] == [rare]


class _Late(Store):
    """Lets something happen between the search and the reading of what was found."""

    meanwhile: Callable[[], object]

    def run(self, name: str, key: str, **arguments: Any) -> ScriptAnswer:
        answer = super().run(name, key, **arguments)
        self.meanwhile()
        return answer


def test_a_job_that_went_or_changed_its_status_meanwhile_is_left_out(world: World) -> None:
    kept, started, removed = (world.submitted() for _ in range(3))
    late = _Late(world.redis, "test", testing=True)

    def meanwhile() -> None:
        world.claim(started)
        cancel(world.store, removed)
        purge(world.store, removed)

    late.meanwhile = meanwhile
    page = list_jobs(late, Wanted(status="queued"), tenants=["default"], most=2)

    assert [record.id for record in page.records] == []
    assert ids(world, Wanted(status="queued"), behind=page.next) == [kept]


def test_the_last_page_says_that_it_is_the_last(world: World) -> None:
    for _ in range(4):
        world.submitted()

    page = list_jobs(world.store, EVERYBODY, tenants=["default"], most=2)
    last = list_jobs(world.store, EVERYBODY, tenants=["default"], most=2, behind=page.next)

    assert (len(page.records), page.next is None) == (2, False)
    assert (len(last.records), last.next) == (2, None)


def test_every_tenant_that_submitted_is_known(world: World) -> None:
    world.submitted(tenant="lab")
    world.submitted(tenant="clinic")

    assert list_tenants(world.store) == ["clinic", "lab"]
    assert ids(world, tenants=[]) == []


def test_results_are_not_read_for_a_listing(world: World) -> None:
    finish(world.store, world.running(), encode_result("x", max_bytes=100))

    (record,) = list_jobs(world.store, EVERYBODY, tenants=["default"], most=1).records

    assert (record.status, record.result, record.result_bytes) == ("succeeded", None, 2)


def test_a_queued_job_stands_in_the_line_of_its_queue_until_it_is_claimed_or_blocked(
    world: World,
) -> None:
    line = world.store.keys("queued", "default")
    first, second = world.submitted("single"), world.submitted("single", priority=10)
    due = world.submitted("free", scheduled_ms=world.now_ms + 1000)

    before = world.redis.zrange(line, 0, -1)
    world.claim(first)
    world.claim(second)
    blocked = world.redis.zrange(line, 0, -1)
    world.pass_time(1000)
    promote(world.store)
    promoted = world.redis.zrange(line, 0, -1)
    cancel(world.store, due)

    assert before == [second.encode(), first.encode()]
    assert (blocked, promoted) == ([], [due.encode()])
    assert world.redis.zrange(line, 0, -1) == []


def test_jobs_are_listed_and_read_while_redis_takes_no_new_ones(redis: Redis) -> None:
    world = World(redis)
    job_id = world.submitted()
    redis.config_set("maxmemory", 1000)
    try:
        with pytest.raises(StoreUnavailable, match="no memory left"):
            world.submitted()
        listed = ids(world)
        read_alone = read(world.store, job_id, tenant="default").id
    finally:
        redis.config_set("maxmemory", 0)

    assert (listed, read_alone) == ([job_id], job_id)


def test_a_listing_waits_for_no_disk(world: World) -> None:
    job_id = world.submitted()
    strict = Store(world.redis, "test", durable_by=("NO-SUCH-COMMAND", 1, 1000))

    page = list_jobs(strict, EVERYBODY, tenants=["default"], most=1)

    assert [record.id for record in page.records] == [job_id]
