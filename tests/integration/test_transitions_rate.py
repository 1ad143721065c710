"""Quotas: exactly the allowed number of requests is admitted, whatever their kind."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from redis import Redis

from callboard.config import Rate
from callboard.jobs.errors import CapacityExceeded, DuplicateJob, RateExceeded, Refused
from callboard.jobs.operation_limits import OperationLimits
from callboard.jobs.rate import count_request
from callboard.jobs.rate_quota import Charge, submissions_policy
from callboard.jobs.submission import Submission
from callboard.jobs.submit import submit
from tests.invariants import look
from tests.job_system import JobSystem

TEN = Charge("default", Rate(10, timedelta(seconds=5)))
SEVEN = Charge("default", Rate(7, timedelta(seconds=1)))
ONE = Charge("default", Rate(1, timedelta(seconds=10)))
OWN = Charge("default", Rate(2, timedelta(seconds=60)), submissions_policy("free"))


def exhaust(job_system: JobSystem, charge: Charge) -> None:
    while job_system.count(charge)[0] == "counted":
        pass


def test_a_quota_may_be_used_in_one_burst_and_not_exceeded(job_system: JobSystem) -> None:
    answers = [job_system.count(TEN) for _ in range(12)]

    assert answers[:10] == [("counted", left) for left in range(9, -1, -1)]
    assert answers[10:] == [("limited", 0), ("limited", 0)]


def test_after_a_burst_one_request_is_regained_per_interval(
    job_system: JobSystem,
) -> None:
    exhaust(job_system, TEN)

    words = []
    for wait_ms in (499, 1, 0, 500, 999, 0, 1):
        job_system.pass_time(wait_ms)
        words.append(job_system.count(TEN)[0])

    assert words == ["limited", "counted", "limited", "counted", "counted", "limited", "counted"]


def test_unused_requests_accumulate_up_to_one_quota(job_system: JobSystem) -> None:
    exhaust(job_system, TEN)
    job_system.pass_time(3_600_000)

    assert [job_system.count(TEN)[0] for _ in range(11)] == ["counted"] * 10 + ["limited"]


def test_fractional_intervals_neither_lose_nor_gain_requests(
    job_system: JobSystem,
) -> None:
    words = [job_system.count(SEVEN)[0] for _ in range(8)]

    for _ in range(300):
        job_system.pass_time(10)
        words.append(job_system.count(SEVEN)[0])

    assert words.count("counted") == 7 + 3 * 7


def test_intervals_shorter_than_a_millisecond_are_exact(job_system: JobSystem) -> None:
    fast = Charge("default", Rate(5000, timedelta(seconds=1)))

    left = [job_system.count(fast)[1] for _ in range(10)]
    job_system.pass_time(1)

    assert left == list(range(4999, 4989, -1))
    assert job_system.count(fast) == ("counted", 4994)


def test_a_refused_request_costs_nothing(job_system: JobSystem) -> None:
    exhaust(job_system, ONE)
    job_system.pass_time(9_999)

    refused = [job_system.count(ONE)[0] for _ in range(50)]
    job_system.pass_time(1)

    assert set(refused) == {"limited"}
    assert job_system.count(ONE) == ("counted", 0)


def test_a_request_is_admitted_after_the_stated_delay_and_not_before(job_system: JobSystem) -> None:
    third = Charge("default", Rate(3, timedelta(seconds=10)))
    exhaust(job_system, third)
    with pytest.raises(RateExceeded) as refusal:
        count_request(job_system.store, third)
    reset = refusal.value.violated.reset

    job_system.pass_time(reset // timedelta(milliseconds=1) - 1)
    before = job_system.count(third)[0]
    job_system.pass_time(1)

    assert (reset, refusal.value.violated.reset_s) == (timedelta(milliseconds=3334), 4)
    assert (before, job_system.count(third)[0]) == ("limited", "counted")


def test_a_tenant_does_not_use_another_tenants_quota(job_system: JobSystem) -> None:
    exhaust(job_system, TEN)

    assert job_system.count(Charge("other", TEN.rate)) == ("counted", 9)


def test_a_smaller_quota_locks_no_tenant_out_for_longer_than_its_window(
    job_system: JobSystem,
) -> None:
    exhaust(job_system, Charge("default", Rate(1, timedelta(days=1))))
    refused = job_system.count(TEN)[0]

    job_system.pass_time(500)

    assert (refused, job_system.count(TEN)) == ("limited", ("counted", 0))


def test_a_clock_set_back_locks_no_tenant_out_for_longer_than_a_window(
    job_system: JobSystem,
) -> None:
    exhaust(job_system, TEN)
    job_system.pass_time(-3_600_000)
    refused = job_system.count(TEN)[0]

    job_system.pass_time(500)

    assert (refused, job_system.count(TEN)) == ("limited", ("counted", 0))


def test_a_count_expires_shortly_after_its_window(job_system: JobSystem) -> None:
    job_system.count(ONE)

    left_ms = job_system.redis.pttl(job_system.store.keys("rate", "default"))

    assert 10_000 < left_ms <= 70_000


def test_a_submission_beyond_the_quota_is_limited_and_writes_nothing(job_system: JobSystem) -> None:
    exhaust(job_system, ONE)
    before = look(job_system.store)

    with pytest.raises(RateExceeded) as refusal:
        submit(
            job_system.store,
            job_system.new_submission(),
            max_active=9,
            limits=OperationLimits(9),
            charge=ONE,
        )

    assert refusal.value.violated.reset == timedelta(seconds=10)
    assert look(job_system.store) == before


def test_submissions_and_other_requests_use_the_same_quota(job_system: JobSystem) -> None:
    accepted = submit(
        job_system.store,
        job_system.new_submission(),
        max_active=9,
        limits=OperationLimits(9),
        charge=TEN,
    )

    assert accepted.quota is not None
    assert accepted.quota.left == 9
    assert job_system.count(TEN) == ("counted", 8)


def test_a_repeat_by_its_idempotency_key_is_not_limited_and_costs_nothing(
    job_system: JobSystem,
) -> None:
    kept = {"idempotency_digest": "key", "payload_fingerprint": "p"}
    job_system.submit(job_system.new_submission(**kept), charge=ONE)

    again = job_system.submit(job_system.new_submission(**kept), charge=ONE)
    other = job_system.submit(job_system.new_submission(), charge=ONE)
    job_system.pass_time(10_000)

    assert (again, other) == ("replayed", "limited")
    assert job_system.count(ONE)[0] == "counted"


def test_a_repeat_after_a_lost_reply_is_counted_once(job_system: JobSystem) -> None:
    submission = job_system.new_submission()

    words = [job_system.submit(submission, charge=TEN) for _ in range(3)]

    assert words == ["accepted"] * 3
    assert job_system.count(TEN) == ("counted", 8)


@pytest.mark.parametrize(("word", "most"), [("duplicate", (9, 9)), ("full", (1, 1))])
def test_a_submission_that_is_refused_for_another_reason_counts_as_a_request(
    job_system: JobSystem, word: str, most: tuple[int, int]
) -> None:
    fingerprint = "same" if word == "duplicate" else None
    job_system.submitted(fingerprint=fingerprint)
    new = job_system.new_submission(fingerprint=fingerprint)

    limits = OperationLimits(most[1])

    with pytest.raises(Refused) as refusal:
        submit(job_system.store, new, max_active=most[0], limits=limits, charge=TEN)

    assert isinstance(refusal.value, DuplicateJob | CapacityExceeded)
    assert refusal.value.quota is not None
    assert refusal.value.quota.left == 9
    assert job_system.count(TEN) == ("counted", 8)


def test_of_concurrent_requests_exactly_the_quota_is_admitted(redis: Redis) -> None:
    job_system = JobSystem(redis)
    words: list[str] = []

    def ask() -> None:
        words.extend(job_system.count(TEN)[0] for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (words.count("counted"), words.count("limited")) == (10, 30)


def test_an_operations_quota_is_used_by_accepted_submissions_alone(job_system: JobSystem) -> None:
    submissions = [job_system.new_submission(fingerprint="same")]
    submissions += [job_system.new_submission(fingerprint="same"), job_system.new_submission()]
    submissions += [job_system.new_submission()]

    words = [job_system.submit(each, own_charge=OWN) for each in submissions]

    assert words == ["accepted", "duplicate", "accepted", "limited"]
    assert job_system.status(submissions[3].job_id) == "missing"


def test_a_full_operation_refuses_without_using_the_quota(job_system: JobSystem) -> None:
    full = [
        job_system.submit(job_system.new_submission(), most=(9, 0), own_charge=OWN)
        for _ in range(3)
    ]

    words = [job_system.submit(job_system.new_submission(), own_charge=OWN) for _ in range(3)]

    assert full == ["full"] * 3
    assert words == ["accepted", "accepted", "limited"]


def test_repeats_use_none_of_an_operations_quota_and_are_answered_beyond_it(
    job_system: JobSystem,
) -> None:
    kept = {"idempotency_digest": "key", "payload_fingerprint": "p"}
    first = job_system.new_submission(**kept)
    words = [job_system.submit(first, own_charge=OWN) for _ in range(3)]
    words += [job_system.submit(job_system.new_submission(), own_charge=OWN) for _ in range(2)]

    again = [job_system.submit(first, own_charge=OWN)]
    again += [job_system.submit(job_system.new_submission(**kept), own_charge=OWN)]

    assert words == ["accepted"] * 4 + ["limited"]
    assert again == ["accepted", "replayed"]


def test_each_tenant_and_each_operation_has_a_quota_of_its_own(job_system: JobSystem) -> None:
    other_tenant = replace(OWN, tenant="other")
    other_operation = replace(OWN, policy=submissions_policy("single"))
    for _ in range(2):
        job_system.submit(job_system.new_submission(), own_charge=OWN)

    words = [
        job_system.submit(job_system.new_submission(), own_charge=OWN),
        job_system.submit(job_system.new_submission(tenant="other"), own_charge=other_tenant),
        job_system.submit(job_system.new_submission("single"), own_charge=other_operation),
    ]

    assert words == ["limited", "accepted", "accepted"]


def test_a_limited_submission_says_when_there_is_room_and_then_there_is(
    job_system: JobSystem,
) -> None:
    for _ in range(2):
        job_system.submit(job_system.new_submission(), own_charge=OWN)
    new, limits = job_system.new_submission(), OperationLimits(9, OWN)
    with pytest.raises(RateExceeded) as refusal:
        submit(job_system.store, new, max_active=9, limits=limits, charge=TEN)

    job_system.pass_time(refusal.value.violated.reset // timedelta(milliseconds=1))
    accepted = submit(job_system.store, new, max_active=9, limits=limits, charge=TEN)

    assert str(refusal.value) == "All 2 submissions of free per 60 s are used up."
    assert refusal.value.violated.reset == timedelta(seconds=30)
    assert refusal.value.quota is not None
    assert (refusal.value.quota.policy, refusal.value.quota.left) == ("requests", 9)
    assert accepted.submission_quota is not None
    assert accepted.submission_quota.left == 0


def test_of_submissions_at_the_same_time_exactly_the_quota_is_accepted(redis: Redis) -> None:
    job_system = JobSystem(redis)
    rate = replace(OWN, rate=Rate(10, timedelta(seconds=60)))
    submissions = [[job_system.new_submission() for _ in range(5)] for _ in range(8)]
    words: list[str] = []

    def ask(mine: list[Submission]) -> None:
        words.extend(job_system.submit(each, own_charge=rate, publish=False) for each in mine)

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in submissions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (words.count("accepted"), words.count("limited")) == (10, 30)
