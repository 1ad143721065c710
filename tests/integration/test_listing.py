"""Listings: which jobs, in which order, and their guarantees during changes."""

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
from tests.job_system import START_MS, JobSystem

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


def submitted(job_system: JobSystem, chance: random.Random, **chosen: Any) -> Submission:
    """Submit a job whose id may sort anywhere within its millisecond."""
    drawn = f"{chance.getrandbits(32):08x}-0000-7000-8000-{chance.getrandbits(48):012x}"
    kept = replace(job_system.new_submission(**chosen), job_id=drawn)
    assert job_system.submit(kept, publish=False) == "accepted"
    return kept


def some_job(job_system: JobSystem, chance: random.Random) -> Submission:
    if chance.random() < 0.2:
        job_system.pass_time(1)
    labels = {name: chance.choice("ax") for name in ("project", "kind") if chance.random() < 0.6}
    return submitted(
        job_system,
        chance,
        operation=chance.choice(["free", "single"]),
        tenant=chance.choice(TENANTS),
        labels=labels,
        batch_id=chance.choice([None, FACETS[4]["batch_id"]]),
    )


def ids(job_system: JobSystem, wanted: Wanted = EVERYBODY, **more: Any) -> list[str]:
    chosen = {"tenants": ["default"], "most": 100, **more}
    return [record.id for record in list_jobs(job_system.store, wanted, **chosen).records]


def walk(job_system: JobSystem, wanted: Wanted, chance: random.Random) -> Iterator[list[str]]:
    """Read all pages, with any page size."""
    behind: Position | None = None
    while True:
        page = list_jobs(
            job_system.store,
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
def test_pages_list_every_persistent_job_exactly_once_during_changes(
    job_system: JobSystem, seed: int, facets: dict[str, Any]
) -> None:
    chance, wanted = random.Random(seed), Wanted(**facets)
    jobs = {job.job_id: job for job in (some_job(job_system, chance) for _ in range(40))}
    for job_id in chance.sample(sorted(jobs), 12):
        cancel(job_system.store, job_id)
    created = {job_id: int(job_system.record(job_id)["created_ms"]) for job_id in jobs}
    status = {job_id: job_system.status(job_id) for job_id in jobs}
    stayed, met = set(jobs), Counter[str]()

    for page in walk(job_system, wanted, chance):
        met.update(page)
        victim = chance.choice(sorted(jobs))
        match chance.choice(["submit", "end", "purge", "nothing"]):
            case "submit":
                some_job(job_system, chance)
            case "end" if job_system.status(victim) == "queued":
                cancel(job_system.store, victim)
                stayed -= {victim} if wanted.status else set()
            case "purge" if job_system.status(victim) == "cancelled":
                purge(job_system.store, victim)
                stayed.discard(victim)

    right = {
        job_id
        for job_id in stayed
        if fits(jobs[job_id], created[job_id], wanted) and wanted.status in (None, status[job_id])
    }
    assert right <= met.keys()
    assert set(met.values()) <= {1}
    assert all(fits(jobs[id], created[id], wanted) for id in met.keys() & jobs.keys())


def test_the_newest_job_is_first_and_within_a_millisecond_the_greatest_id(
    job_system: JobSystem,
) -> None:
    first = job_system.submitted()
    same = [job_system.submitted() for _ in range(3)]
    job_system.pass_time(1)
    last = job_system.submitted()

    assert ids(job_system) == [last, *reversed(same), first]


def test_thousands_of_jobs_of_one_millisecond_are_listed_in_order(job_system: JobSystem) -> None:
    members = {f"{number:08x}-0000-7000-8000-000000000000": START_MS for number in range(3000)}
    index = job_system.store.keys("index", "default")
    job_system.redis.zadd(index, members)
    middle = sorted(members)[1500]

    answer = job_system.store.run(
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
    job_system.redis.delete(index)


def test_the_bounds_of_time_are_exclusive(job_system: JobSystem) -> None:
    made = []
    for _ in range(3):
        made.append(job_system.submitted())
        job_system.pass_time(1)

    between = Wanted(after_ms=START_MS, before_ms=START_MS + 2)

    assert ids(job_system, between) == [made[1]]


def test_a_job_is_listed_by_its_current_status(job_system: JobSystem) -> None:
    running, waiting = job_system.running("free").job_id, job_system.submitted()

    assert ids(job_system, Wanted(status="running")) == [running]
    assert ids(job_system, Wanted(status="queued")) == [waiting]
    assert ids(job_system, Wanted(status="failed")) == []


def test_a_job_that_was_purged_is_in_no_listing(job_system: JobSystem) -> None:
    batch = FACETS[4]["batch_id"]
    job_id = job_system.submitted(labels={"a": "b"}, batch_id=batch)
    assert ids(job_system, Wanted(batch_id=batch, labels={"a": "b"})) == [job_id]
    cancel(job_system.store, job_id)

    purge(job_system.store, job_id)

    assert ids(job_system) == []
    assert ids(job_system, Wanted(batch_id=batch)) == []


def test_a_search_with_few_matches_ends_early_with_a_position(
    job_system: JobSystem,
) -> None:
    wanted = Wanted(labels={"a": "x", "b": "y"})
    rare = job_system.submitted(labels={"a": "x", "b": "y"})
    for _ in range(12):
        job_system.submitted(labels={"a": "x"})
        job_system.submitted(labels={"b": "y"})

    first = list_jobs(job_system.store, wanted, tenants=["default"], most=5, candidates=1)
    pages = 1
    page = first
    while page.next is not None:
        page = list_jobs(
            job_system.store, wanted, tenants=["default"], most=5, candidates=1, behind=page.next
        )
        pages += 1

    assert (first.records, first.next is None) == ((), False)
    assert pages == 13 // CALLS + 1
    assert [record.id for record in page.records] == [rare]


class _Late(Store):
    """Runs an action between the search and the read of its results."""

    meanwhile: Callable[[], object]

    def run(self, name: str, key: str, **arguments: Any) -> ScriptAnswer:
        answer = super().run(name, key, **arguments)
        self.meanwhile()
        return answer


def test_a_job_purged_or_changed_during_a_listing_is_left_out(job_system: JobSystem) -> None:
    kept, started, removed = (job_system.submitted() for _ in range(3))
    late = _Late(job_system.redis, "test", testing=True)

    def meanwhile() -> None:
        job_system.claim(started)
        cancel(job_system.store, removed)
        purge(job_system.store, removed)

    late.meanwhile = meanwhile
    page = list_jobs(late, Wanted(status="queued"), tenants=["default"], most=2)

    assert [record.id for record in page.records] == []
    assert ids(job_system, Wanted(status="queued"), behind=page.next) == [kept]


def test_the_last_page_is_marked_as_the_last(job_system: JobSystem) -> None:
    for _ in range(4):
        job_system.submitted()

    page = list_jobs(job_system.store, EVERYBODY, tenants=["default"], most=2)
    last = list_jobs(job_system.store, EVERYBODY, tenants=["default"], most=2, behind=page.next)

    assert (len(page.records), page.next is None) == (2, False)
    assert (len(last.records), last.next) == (2, None)


def test_every_tenant_that_submitted_is_listed(job_system: JobSystem) -> None:
    job_system.submitted(tenant="lab")
    job_system.submitted(tenant="clinic")

    assert list_tenants(job_system.store) == ["clinic", "lab"]
    assert ids(job_system, tenants=[]) == []


def test_results_are_not_read_for_a_listing(job_system: JobSystem) -> None:
    finish(job_system.store, job_system.running(), encode_result("x", max_bytes=100))

    (record,) = list_jobs(job_system.store, EVERYBODY, tenants=["default"], most=1).records

    assert (record.status, record.result, record.result_bytes) == ("succeeded", None, 2)


def test_a_queued_job_has_a_queue_position_until_it_is_claimed_or_blocked(
    job_system: JobSystem,
) -> None:
    line = job_system.store.keys("queued", "default")
    first, second = job_system.submitted("single"), job_system.submitted("single", priority=10)
    due = job_system.submitted("free", scheduled_ms=job_system.now_ms + 1000)

    before = job_system.redis.zrange(line, 0, -1)
    job_system.claim(first)
    job_system.claim(second)
    blocked = job_system.redis.zrange(line, 0, -1)
    job_system.pass_time(1000)
    promote(job_system.store)
    promoted = job_system.redis.zrange(line, 0, -1)
    cancel(job_system.store, due)

    assert before == [second.encode(), first.encode()]
    assert (blocked, promoted) == ([], [due.encode()])
    assert job_system.redis.zrange(line, 0, -1) == []


def test_jobs_are_listed_and_read_while_redis_refuses_writes(redis: Redis) -> None:
    job_system = JobSystem(redis)
    job_id = job_system.submitted()
    redis.config_set("maxmemory", 1000)
    try:
        with pytest.raises(StoreUnavailable, match="no memory left"):
            job_system.submitted()
        listed = ids(job_system)
        read_alone = read(job_system.store, job_id, tenant="default").id
    finally:
        redis.config_set("maxmemory", 0)

    assert (listed, read_alone) == ([job_id], job_id)


def test_a_listing_does_not_wait_for_the_disk(job_system: JobSystem) -> None:
    job_id = job_system.submitted()
    strict = Store(job_system.redis, "test", durable_by=("NO-SUCH-COMMAND", 1, 1000))

    page = list_jobs(strict, EVERYBODY, tenants=["default"], most=1)

    assert [record.id for record in page.records] == [job_id]
