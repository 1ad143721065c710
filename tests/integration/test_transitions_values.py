"""Each tenant or value has its own places, and fair turns at those of the operation."""

from collections import Counter
from collections.abc import Sequence

import pytest

from callboard.jobs.cancel import cancel
from callboard.jobs.consistency.check import ConsistencyCheck
from callboard.jobs.fence import Fence
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.limit import limit
from callboard.jobs.release import release
from callboard.jobs.unblock import unblock_jobs
from callboard.jobs.workers import heartbeat_worker
from tests import invariants
from tests.batch_moves import submitted as submitted_batch
from tests.invariants import look
from tests.job_system import LEASE, JobSystem

LONG = 2000
SUCCESS = encode_result(1, max_bytes=100)


def backlog(job_system: JobSystem, tenant: str, count: int, **chosen: object) -> list[str]:
    new = [job_system.new_submission("shared", tenant=tenant, **chosen) for _ in range(count)]
    words = {job_system.submit(each, most=(20_000, 20_000)) for each in new}
    assert words == {"accepted"}
    return [each.job_id for each in new]


def places(job_system: JobSystem, *, operation: int | None, tenant: int | None) -> None:
    said = {"operation:shared": operation, "per:shared:tenant": tenant}
    limit(job_system.store, said, source="operator")


def claim_all(job_system: JobSystem) -> list[Fence]:
    """Claim every published job, like idle workers, and drop the messages."""
    job_system.publish()
    messages, job_system.broker.messages = job_system.broker.messages, []
    claims = [job_system.claim(each.submission.job_id) for each in messages]
    return [each.fence for each in claims if each.fence is not None]


def tenants_of(job_system: JobSystem, fences: Sequence[Fence]) -> list[str]:
    return [job_system.record(each.job_id)["tenant"] for each in fences]


def test_a_tenant_never_runs_more_jobs_than_it_has_places(job_system: JobSystem) -> None:
    places(job_system, operation=10, tenant=2)
    backlog(job_system, "many", 5)
    (single,) = backlog(job_system, "few", 1)

    running = claim_all(job_system)

    assert Counter(tenants_of(job_system, running)) == {"many": 2, "few": 1}
    assert single in {each.job_id for each in running}


def test_a_job_without_a_place_for_its_tenant_is_never_published(job_system: JobSystem) -> None:
    places(job_system, operation=10, tenant=2)

    jobs = backlog(job_system, "many", 5)

    published = {job_id for job_id, _ in job_system.broker.published}
    assert published == set(jobs[:2])
    assert job_system.record(jobs[4])["blocked_on"] == "per:shared:tenant:many"


def test_a_batch_waits_as_single_submissions_do(job_system: JobSystem) -> None:
    _, *jobs = submitted_batch(job_system, 5, "shared")

    published = {job_id for job_id, _ in job_system.broker.published}

    assert published == set(jobs[:2])


def test_the_jobs_of_one_tenant_start_in_order_of_submission(
    job_system: JobSystem,
) -> None:
    places(job_system, operation=1, tenant=1)
    jobs = backlog(job_system, "many", 6)
    started = []

    while running := claim_all(job_system):
        started += [each.job_id for each in running]
        finish(job_system.store, running[0], SUCCESS)

    assert started == jobs


def test_the_best_priority_of_all_tenants_starts_first(job_system: JobSystem) -> None:
    places(job_system, operation=1, tenant=1)
    backlog(job_system, "many", 3)
    (running,) = claim_all(job_system)
    (urgent,) = backlog(job_system, "many", 1, priority=9)
    backlog(job_system, "few", 1)

    finish(job_system.store, running, SUCCESS)

    assert [each.job_id for each in claim_all(job_system)] == [urgent]


def test_a_better_priority_takes_a_place_reserved_for_another(
    job_system: JobSystem,
) -> None:
    heartbeat_worker(job_system.store, "worker", {"threads": "1"}, operations=[])
    places(job_system, operation=1, tenant=1)
    (promised,) = backlog(job_system, "many", 1)

    (urgent,) = backlog(job_system, "few", 1, priority=9)

    assert "reserved" in job_system.record(urgent)
    assert job_system.record(promised)["blocked_on"] == "operation:shared"


@pytest.mark.parametrize("threads", [2, None])
def test_a_single_job_waits_for_one_end_whatever_another_tenants_backlog(
    redis: object, threads: int | None
) -> None:
    job_system = JobSystem(redis)  # type: ignore[arg-type]
    if threads:
        heartbeat_worker(job_system.store, "worker", {"threads": str(threads)}, operations=[])
    places(job_system, operation=2, tenant=2)
    backlog(job_system, "many", LONG)
    running = claim_all(job_system)
    for _ in range(20):
        finish(job_system.store, running.pop(0), SUCCESS)
        running += claim_all(job_system)
    (single,) = backlog(job_system, "few", 1)

    ends = 0
    while single not in {each.job_id for each in running}:
        finish(job_system.store, running.pop(0), SUCCESS)
        running += claim_all(job_system)
        ends += 1

    assert ends <= 2  # one for each tenant: the job at hand, then this one
    assert not list(invariants.complaints(look(job_system.store)))


def test_tenants_with_backlogs_get_equal_shares_of_scarce_places(job_system: JobSystem) -> None:
    places(job_system, operation=2, tenant=2)
    for tenant, count in (("first", 60), ("second", 45), ("third", 30)):
        backlog(job_system, tenant, count)
    shares: Counter[str] = Counter()
    running = claim_all(job_system)

    for _ in range(75):
        shares.update(tenants_of(job_system, running[:1]))
        finish(job_system.store, running.pop(0), SUCCESS)
        running += claim_all(job_system)

    assert max(shares.values()) - min(shares.values()) <= 2
    assert sum(shares.values()) == 75


def test_a_cancelled_backlog_costs_its_tenant_no_turns(job_system: JobSystem) -> None:
    places(job_system, operation=1, tenant=1)
    backlog(job_system, "other", 10)
    (running,) = claim_all(job_system)
    for each in backlog(job_system, "fickle", 30):
        cancel(job_system.store, each)
    (single,) = backlog(job_system, "fickle", 1)

    finish(job_system.store, running, SUCCESS)
    (running,) = claim_all(job_system)
    finish(job_system.store, running, SUCCESS)
    (second,) = claim_all(job_system)

    assert single in (running.job_id, second.job_id)


def test_an_idle_tenant_accumulates_no_turns(job_system: JobSystem) -> None:
    places(job_system, operation=1, tenant=1)
    backlog(job_system, "steady", 40)
    for _ in range(20):
        (running,) = claim_all(job_system)
        finish(job_system.store, running, SUCCESS)
    backlog(job_system, "back", 20)
    shares: Counter[str] = Counter()

    for _ in range(10):
        (running,) = claim_all(job_system)
        shares.update(tenants_of(job_system, [running]))
        finish(job_system.store, running, SUCCESS)

    assert shares["back"] in (4, 5, 6)


def test_a_released_job_keeps_its_turn(job_system: JobSystem) -> None:
    places(job_system, operation=1, tenant=1)
    backlog(job_system, "many", 3)
    backlog(job_system, "few", 1)
    (running,) = claim_all(job_system)

    release(job_system.store, running)

    assert [each.job_id for each in claim_all(job_system)] == [running.job_id]


def test_a_pause_of_the_operation_stops_all_tenants(job_system: JobSystem) -> None:
    limit(job_system.store, {"operation:shared": 0}, source="pause")

    (waiting,) = backlog(job_system, "many", 1)

    assert job_system.claim(waiting).word == "blocked"
    assert job_system.record(waiting)["blocked_on"] == "operation:shared"


def test_an_operators_limit_of_a_class_applies_to_every_tenant_at_once(
    job_system: JobSystem,
) -> None:
    places(job_system, operation=10, tenant=1)
    for tenant in ("many", "more"):
        backlog(job_system, tenant, 4)
    before = claim_all(job_system)

    places(job_system, operation=10, tenant=3)

    assert len(before) == 2
    assert Counter(tenants_of(job_system, claim_all(job_system))) == {"many": 2, "more": 2}


def test_tenants_without_jobs_leave_only_the_shared_limit(job_system: JobSystem) -> None:
    for tenant in ("one", "two", "three"):
        backlog(job_system, tenant, 3)
    while running := claim_all(job_system):
        for each in running:
            finish(job_system.store, each, SUCCESS)
    unblock_jobs(job_system.store)

    names = [name.decode() for name in job_system.redis.keys("*")]
    limits = job_system.redis.hkeys(job_system.store.keys("limits"))

    assert not [each for each in names if "per:" in each or "turns" in each]
    assert [each for each in limits if b"per:" in each] == [b"declared:per:shared:tenant"]


def test_the_declared_limit_applies_before_any_worker_has_started(redis: object) -> None:
    job_system = JobSystem(redis)  # type: ignore[arg-type]

    backlog(job_system, "many", 5)

    assert len(job_system.broker.messages) == 2


def test_a_turn_that_redis_lost_is_found_and_restored(job_system: JobSystem) -> None:
    jobs = backlog(job_system, "many", 5)
    job_system.redis.delete(job_system.store.keys("turns", "per:shared:tenant:many"))

    found = ConsistencyCheck(job_system.store, LEASE, most=100, repair=True).run().groups

    assert set(found) == {"turn"}
    assert set(found["turn"].ids) == set(jobs)
