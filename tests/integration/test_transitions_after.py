"""A job starts once its dependencies have ended, and none is forgotten."""

from datetime import timedelta

import pytest

from callboard.jobs.cancel import cancel
from callboard.jobs.dependents import check_dependencies, settle_dependents
from callboard.jobs.errors import DependencyMissing
from callboard.jobs.finish import RunOutcome, encode_result, finish
from callboard.jobs.operation_limits import OperationLimits
from callboard.jobs.promote import promote
from callboard.jobs.purge import purge, purge_expired
from callboard.jobs.reap import reap
from callboard.jobs.record import MAX_WAITING_FOR, Record
from callboard.jobs.retry import retry
from callboard.jobs.snooze import snooze
from callboard.jobs.submit import submit
from tests.invariants import look
from tests.job_system import LEASE, JobSystem
from tests.reading import read_record

SUCCESS = encode_result(1, max_bytes=100)
FAILURE = RunOutcome(error={"type": "failure", "detail": "no"})
NOBODY = "ffffffff-0000-7000-8000-000000000000"
SECOND_MS = 1000
MINUTE_MS = 60_000


def ended(job_system: JobSystem, outcome: RunOutcome = SUCCESS, **chosen: object) -> str:
    fence = job_system.running(**chosen)  # type: ignore[arg-type]
    finish(job_system.store, fence, outcome)
    return fence.job_id


def run(job_system: JobSystem, job_id: str, outcome: RunOutcome = SUCCESS) -> None:
    claimed = job_system.claim(job_id)
    assert claimed.fence is not None, claimed.word
    finish(job_system.store, claimed.fence, outcome)


def waiting(job_system: JobSystem, *after: str, policy: str = "succeeded", **chosen: object) -> str:
    return job_system.submitted(after=after, after_policy=policy, **chosen)


def detail_of(job_system: JobSystem, job_id: str) -> str:
    error = read_record(job_system, job_id).error
    assert error is not None
    assert error["type"] == "dependency-failed"
    return str(error["detail"])


def test_a_job_starts_once_all_its_dependencies_have_succeeded(job_system: JobSystem) -> None:
    first, second = job_system.submitted(), job_system.running()
    job_id = waiting(job_system, first, second.job_id)
    job_system.take_woken()

    early = job_system.claim(job_id)
    run(job_system, first)
    between = read_record(job_system, job_id)
    finish(job_system.store, second, SUCCESS)

    assert early.word == "blocked"
    assert (between.status, between.depending) == ("scheduled", True)
    assert between.waiting_for == (second.job_id,)
    assert between.after == (first, second.job_id)
    assert job_system.take_woken() == [job_id]
    run(job_system, job_id)
    assert job_system.status(job_id) == "succeeded"


def test_a_dependency_that_has_already_succeeded_counts_at_once(job_system: JobSystem) -> None:
    first, second = ended(job_system), ended(job_system)

    job_id = waiting(job_system, first, second)

    assert job_system.status(job_id) == "queued"
    assert job_system.claim(job_id).word == "claimed"


@pytest.mark.parametrize(
    ("outcome", "says"), [(FAILURE, "failed"), (None, "was cancelled")], ids=["failed", "cancelled"]
)
def test_a_job_ends_with_its_failed_dependency_and_names_it(
    job_system: JobSystem, outcome: RunOutcome | None, says: str
) -> None:
    fence = job_system.running()
    job_id = waiting(job_system, fence.job_id, job_system.submitted())
    follower = waiting(job_system, job_id)

    if outcome is None:
        cancel(job_system.store, fence.job_id)
    finish(job_system.store, fence, outcome or SUCCESS)

    assert [job_system.status(each) for each in (job_id, follower)] == ["cancelled"] * 2
    assert (
        detail_of(job_system, job_id) == f"Job {fence.job_id}, for which this job waited, {says}."
    )
    assert detail_of(job_system, follower) == (
        f"Job {job_id}, for which this job waited, was cancelled."
    )


def test_a_dependency_that_has_already_failed_ends_a_new_job_at_once(job_system: JobSystem) -> None:
    failed = ended(job_system, FAILURE)
    submission = job_system.new_submission(
        after=(job_system.submitted(), failed), after_policy="succeeded"
    )

    accepted = submit(job_system.store, submission, max_active=10, limits=OperationLimits(10))

    assert accepted.wakeup == 0
    assert accepted.record().status == job_system.status(submission.job_id) == "cancelled"
    assert failed in detail_of(job_system, submission.job_id)


@pytest.mark.parametrize("outcome", [SUCCESS, FAILURE])
def test_with_the_policy_finished_a_job_starts_after_any_outcome(
    job_system: JobSystem, outcome: RunOutcome
) -> None:
    before, fence = ended(job_system, FAILURE), job_system.running()
    cancelled = job_system.submitted()
    job_id = waiting(job_system, before, fence.job_id, cancelled, policy="finished")

    cancel(job_system.store, cancelled)
    status = job_system.status(job_id)
    finish(job_system.store, fence, outcome)

    assert status == "scheduled"
    assert job_system.status(job_id) == "queued"


def test_the_answer_to_a_submission_equals_the_next_read_of_it(job_system: JobSystem) -> None:
    done, active = ended(job_system), [job_system.submitted() for _ in range(25)]
    failed = ended(job_system, FAILURE)

    for after in [(done,), (*active, done), (done, failed), (done, active[0])]:
        new = job_system.new_submission(after=after, after_policy="succeeded")
        accepted = submit(job_system.store, new, max_active=99, limits=OperationLimits(99))
        answered = accepted.record()

        read: Record = read_record(job_system, new.job_id)
        assert answered == read, after
        assert len(read.waiting_for) <= MAX_WAITING_FOR


def test_an_unknown_purged_or_foreign_job_cannot_be_a_dependency(
    job_system: JobSystem,
) -> None:
    purged, known = ended(job_system), job_system.submitted()
    purge(job_system.store, purged)
    foreign = job_system.submitted(tenant="other")

    for each in (NOBODY, purged, foreign):
        submission = job_system.new_submission(after=(known, each), after_policy="finished")
        with pytest.raises(DependencyMissing) as error:
            submit(job_system.store, submission, max_active=10, limits=OperationLimits(10))

        assert (error.value.job_id, error.value.index) == (each, 1)
        assert str(error.value) == f"No job has the id {each}."
        assert job_system.status(submission.job_id) == "missing"


def test_a_dependency_that_succeeded_and_was_purged_counts(
    job_system: JobSystem,
) -> None:
    fence, other = job_system.running(result_ttl=timedelta(hours=1)), job_system.running()
    job_id = waiting(job_system, fence.job_id, other.job_id)
    finish(job_system.store, fence, SUCCESS)
    job_system.pass_time(61 * MINUTE_MS)
    purge_expired(job_system.store)
    for _ in range(8):
        job_system.pass_time(MINUTE_MS)
        check_dependencies(job_system.store)

    finish(job_system.store, other, SUCCESS)

    assert job_system.status(fence.job_id) == "missing"
    assert job_system.status(job_id) == "queued"


def test_a_delay_and_the_dependencies_must_both_be_over(job_system: JobSystem) -> None:
    soon = job_system.now_ms + 10 * SECOND_MS
    first, second = job_system.running(), job_system.running()
    late = waiting(job_system, first.job_id, scheduled_ms=soon)
    long = waiting(job_system, second.job_id, scheduled_ms=soon)

    finish(job_system.store, first, SUCCESS)
    promote(job_system.store)
    early = job_system.status(late), read_record(job_system, late).depending
    job_system.pass_time(10 * SECOND_MS)
    promote(job_system.store)
    on_time = job_system.status(late), job_system.status(long)
    finish(job_system.store, second, SUCCESS)

    assert early == ("scheduled", False)
    assert on_time == ("queued", "scheduled")
    assert job_system.status(long) == "queued"


def test_a_depending_job_is_cancelled_like_any_scheduled_one(job_system: JobSystem) -> None:
    fence = job_system.running()
    job_id = waiting(job_system, fence.job_id)
    follower = waiting(job_system, job_id, policy="finished")

    word = cancel(job_system.store, job_id)
    finish(job_system.store, fence, SUCCESS)

    assert word == "cancelled"
    assert job_system.status(job_id) == "cancelled"
    assert job_system.status(follower) == "queued"


def test_a_retried_failure_does_not_end_dependents(job_system: JobSystem) -> None:
    fence = job_system.running(max_retries=1)
    job_id = waiting(job_system, fence.job_id)

    retry(job_system.store, fence, delay=timedelta(seconds=1), error={"type": "failure"})

    assert job_system.status(job_id) == "scheduled"
    job_system.pass_time(SECOND_MS)
    promote(job_system.store)
    run(job_system, fence.job_id)
    assert job_system.status(job_id) == "queued"


def test_a_job_that_fails_as_worker_lost_ends_its_dependents(job_system: JobSystem) -> None:
    reap(job_system.store, lease=LEASE)
    fence = job_system.running(max_crashes=1)
    job_id = waiting(job_system, fence.job_id)

    for _ in range(4):
        job_system.pass_time(9 * SECOND_MS)
        reap(job_system.store, lease=LEASE)

    assert job_system.status(fence.job_id) == "failed"
    assert job_system.status(job_id) == "cancelled"


def test_hundreds_of_dependents_are_told_in_bounded_steps_even_if_the_job_is_purged(
    job_system: JobSystem,
) -> None:
    fence = job_system.running()
    job_ids = [waiting(job_system, fence.job_id) for _ in range(600)]

    finish(job_system.store, fence, SUCCESS)
    at_once = sum(job_system.status(each) == "queued" for each in job_ids)
    purge(job_system.store, fence.job_id)
    left = settle_dependents(job_system.store)

    assert 50 <= at_once <= 150
    assert left == 0
    assert {job_system.status(each) for each in job_ids} == {"queued"}


def test_a_long_chain_ends_in_bounded_steps(job_system: JobSystem) -> None:
    first = last = job_system.submitted()
    for _ in range(300):
        last = waiting(job_system, last)

    cancel(job_system.store, first)
    active = len(look(job_system.store).members("active"))
    left = settle_dependents(job_system.store)

    assert 150 <= active <= 250
    assert left == 0
    assert job_system.status(last) == "cancelled"
    assert not look(job_system.store).members("active")


def test_a_dependent_that_was_not_told_is_told_by_a_check(job_system: JobSystem) -> None:
    """As when a process of an earlier version ends the job."""
    fence = job_system.running()
    job_id = waiting(job_system, fence.job_id)
    job_system.redis.delete(job_system.store.keys("dependents", fence.job_id))

    finish(job_system.store, fence, SUCCESS)
    status = job_system.status(job_id)
    job_system.pass_time(MINUTE_MS)
    check_dependencies(job_system.store)

    assert status == "scheduled"
    assert job_system.status(job_id) == "queued"


def test_a_check_of_depending_jobs_is_bounded_by_their_dependencies(
    job_system: JobSystem,
) -> None:
    others = tuple(job_system.submitted() for _ in range(3))
    for _ in range(4):
        waiting(job_system, *others)
    job_system.pass_time(MINUTE_MS)

    checked = [
        int(
            job_system.store.run(
                "check_dependencies", job_system.store.keys("depending"), most=500, max_jobs=most
            ).values[0]
        )
        for most in (5, 1, 100)
    ]

    assert checked == [2, 1, 1]


@pytest.mark.parametrize("told", [True, False])
def test_a_depending_job_that_an_earlier_version_cancelled_stays_cancelled(
    job_system: JobSystem, *, told: bool
) -> None:
    """An earlier version, without dependencies, ends the job."""
    fence = job_system.running()
    job_id = waiting(job_system, fence.job_id)
    keys, redis = job_system.store.keys, job_system.redis
    names = keys("depending"), keys("dependencies", job_id), keys("dependents", fence.job_id)
    kept = [redis.dump(name) for name in names]
    cancel(job_system.store, job_id)
    for name, content in zip(names, kept, strict=True):
        redis.restore(name, 0, content)
    redis.hset(keys("job", job_id), "depending", "1")
    if not told:
        redis.delete(keys("dependents", fence.job_id))

    finish(job_system.store, fence, SUCCESS)
    job_system.pass_time(MINUTE_MS)
    check_dependencies(job_system.store)

    assert job_system.status(job_id) == "cancelled"
    assert not redis.exists(*names)


@pytest.mark.parametrize(("policy", "status"), [("succeeded", "cancelled"), ("finished", "queued")])
def test_a_dependency_whose_record_is_lost_has_not_succeeded(
    job_system: JobSystem, policy: str, status: str
) -> None:
    lost = job_system.submitted()
    job_id = waiting(job_system, lost, policy=policy)
    job_system.lose(lost)

    for minute in range(7):
        if minute == 5:
            assert job_system.status(job_id) == "scheduled"
        job_system.pass_time(MINUTE_MS)
        check_dependencies(job_system.store)

    assert job_system.status(job_id) == status
    if status == "cancelled":
        assert detail_of(job_system, job_id) == f"Job {lost}, for which this job waited, was lost."


def test_a_dependency_recovered_from_its_message_counts_again(job_system: JobSystem) -> None:
    lost = job_system.submitted()
    (message,) = job_system.broker.messages
    job_id = waiting(job_system, lost)
    job_system.lose(lost)
    job_system.pass_time(2 * MINUTE_MS)
    check_dependencies(job_system.store)

    assert job_system.recover(message) == "recovered"
    for _ in range(10):
        job_system.pass_time(MINUTE_MS)
        check_dependencies(job_system.store)
    status = job_system.status(job_id)
    run(job_system, lost)

    assert status == "scheduled"
    assert job_system.status(job_id) == "queued"


def test_a_recovered_job_starts_and_still_names_its_dependencies(
    job_system: JobSystem,
) -> None:
    fence = job_system.running()
    job_id = waiting(job_system, fence.job_id, policy="finished")
    finish(job_system.store, fence, FAILURE)
    job_system.publish()
    message = job_system.broker.messages[-1]
    job_system.lose(job_id)

    assert job_system.recover(message) == "recovered"

    record = read_record(job_system, job_id)
    assert (record.status, record.after, record.after_policy) == (
        "queued", (fence.job_id,), "finished",
    )  # fmt: skip
    assert job_system.claim(job_id).word == "claimed"


def test_the_time_without_a_worker_counts_from_the_end_of_the_dependencies(
    job_system: JobSystem,
) -> None:
    fence = job_system.running()
    job_id = waiting(job_system, fence.job_id)
    job_system.pass_time(60 * MINUTE_MS)
    finish(job_system.store, fence, SUCCESS)

    assert snooze(job_system.store, job_id, delay=timedelta(seconds=5)) == "snoozed"
