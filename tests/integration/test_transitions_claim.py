"""Claiming and unblocking: which job runs, waits, and is next."""

from callboard.jobs.cancel import cancel
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.limit import limit
from callboard.jobs.release import release
from callboard.jobs.unblock import unblock_jobs
from tests.invariants import look
from tests.job_system import JobSystem

SUCCESS = encode_result(1, max_bytes=100)


def test_if_two_workers_race_for_a_job_exactly_one_gets_it(job_system: JobSystem) -> None:
    job_id = job_system.submitted()

    words = [job_system.claim(job_id).word for _ in range(3)]

    assert words == ["claimed", "taken", "taken"]


def test_the_same_token_claims_again_with_the_same_fence(job_system: JobSystem) -> None:
    job_id = job_system.submitted()
    first = job_system.claim(job_id, "token")
    before = look(job_system.store)

    again = job_system.claim(job_id, "token")

    assert again == first
    assert look(job_system.store) == before


def test_a_job_beyond_the_limit_is_blocked_without_places(job_system: JobSystem) -> None:
    job_system.running("single", slots="resource:gpu=1")
    second = job_system.submitted("single", slots="resource:gpu=1")

    word = job_system.claim(second).word

    assert word == "blocked"
    assert job_system.record(second)["blocked_on"] == "operation:single"
    assert not look(job_system.store).members("outbox")


def test_a_claim_in_an_empty_redis_writes_the_declared_limits(
    job_system: JobSystem,
) -> None:
    job_system.store.redis.delete(job_system.store.keys("limits"))
    first, second = job_system.submitted("single"), job_system.submitted("single")

    words = [job_system.claim(one, limits={"operation:single": 1}).word for one in (first, second)]

    assert words == ["claimed", "blocked"]


def test_a_freed_place_is_reserved_for_the_best_waiting_job_which_is_woken(
    job_system: JobSystem,
) -> None:
    running = job_system.running("single")
    late, urgent = job_system.submitted("single"), job_system.submitted("single", priority=10)
    for waiter in (late, urgent):
        job_system.claim(waiter)
    job_system.broker.messages.clear()

    finish(job_system.store, running, SUCCESS)
    job_system.publish()

    (message,) = job_system.broker.messages
    assert (message.submission.job_id, message.reserved) == (urgent, True)
    assert job_system.claim(urgent).word == "claimed"
    assert job_system.claim(late).word == "blocked"


def test_a_place_reserved_for_another_is_not_taken_by_a_worse_job(job_system: JobSystem) -> None:
    running, waiter = job_system.running("single"), job_system.submitted("single")
    job_system.claim(waiter)
    finish(job_system.store, running, SUCCESS)
    newcomer = job_system.submitted("single", priority=0)

    word = job_system.claim(newcomer).word

    assert word == "blocked"
    assert job_system.claim(waiter).word == "claimed"


def test_a_reservation_yields_to_a_better_job_and_its_own_job_waits_again(
    job_system: JobSystem,
) -> None:
    running, waiter = job_system.running("single"), job_system.submitted("single")
    job_system.claim(waiter)
    finish(job_system.store, running, SUCCESS)
    urgent = job_system.submitted("single", priority=10)

    word = job_system.claim(urgent).word

    assert word == "claimed"
    assert job_system.record(waiter)["blocked_on"] == "operation:single"


def test_a_job_with_several_slots_reserves_all_of_them_or_none(job_system: JobSystem) -> None:
    gpu = job_system.running(slots="resource:gpu=2")
    licence = job_system.running(slots="resource:licence=1")
    both = job_system.submitted("single", slots="resource:gpu=2,resource:licence=1")
    job_system.claim(both)

    finish(job_system.store, gpu, SUCCESS)
    after_one = look(job_system.store)
    finish(job_system.store, licence, SUCCESS)
    after_both = look(job_system.store)

    assert not after_one.members("slot:resource:gpu")
    assert after_one.jobs[both]["blocked_on"] == "resource:licence"
    assert len(after_both.members("slot:resource:gpu")) == 2
    assert job_system.claim(both).word == "claimed"


def test_waiting_at_another_slot_is_a_change_that_clients_see(
    job_system: JobSystem,
) -> None:
    gpu = job_system.running(slots="resource:gpu=2")
    job_system.running(slots="resource:licence=1")
    both = job_system.submitted(slots="resource:gpu=2,resource:licence=1")
    job_system.claim(both)
    before = int(job_system.record(both)["version"])

    finish(job_system.store, gpu, SUCCESS)

    assert job_system.record(both)["blocked_on"] == "resource:licence"
    assert int(job_system.record(both)["version"]) > before


def test_a_job_that_lacks_two_places_lets_one_that_needs_one_pass(job_system: JobSystem) -> None:
    job_system.running(slots="resource:gpu=1")
    wide = job_system.submitted(slots="resource:gpu=2")
    job_system.pass_time(1)
    narrow = job_system.submitted(slots="resource:gpu=1", priority=1)
    job_system.claim(wide)

    words = [job_system.claim(narrow).word, job_system.claim(narrow).word]

    assert words == ["blocked", "claimed"]
    assert job_system.status(wide) == "queued"


def test_an_unclaimed_reservation_goes_to_a_job_without_a_lapse(
    job_system: JobSystem,
) -> None:
    running = job_system.running("single")
    absent, present = job_system.submitted("single", priority=10), job_system.submitted("single")
    for waiter in (absent, present):
        job_system.claim(waiter)
    finish(job_system.store, running, SUCCESS)
    job_system.pass_time(1001)

    lapsed = unblock_jobs(job_system.store)

    assert lapsed == 1
    assert "reserved" in job_system.record(present)
    assert job_system.record(absent)["blocked_on"] == "operation:single"


def test_a_lapsed_job_gets_the_place_again_if_no_other_job_waits(
    job_system: JobSystem,
) -> None:
    running, waiter = job_system.running("single"), job_system.submitted("single")
    job_system.claim(waiter)
    finish(job_system.store, running, SUCCESS)

    for _ in range(8):
        job_system.pass_time(60_001)
        unblock_jobs(job_system.store)

    assert "reserved" in job_system.record(waiter)
    assert job_system.claim(waiter).word == "claimed"


def test_a_raised_limit_starts_waiting_jobs_at_once(job_system: JobSystem) -> None:
    limit(job_system.store, {"operation:single": 0}, source="operator")
    jobs = [job_system.submitted("single") for _ in range(3)]
    for job_id in jobs:
        job_system.claim(job_id)

    limit(job_system.store, {"operation:single": 2}, source="operator")

    assert [("reserved" in job_system.record(job_id)) for job_id in jobs] == [True, True, False]


def test_a_lowered_limit_revokes_reservations_before_they_run(job_system: JobSystem) -> None:
    limit(job_system.store, {"operation:single": 0}, source="operator")
    job_id = job_system.submitted("single")
    job_system.claim(job_id)
    limit(job_system.store, {"operation:single": 1}, source="operator")
    limit(job_system.store, {"operation:single": 0}, source="operator")

    word = job_system.claim(job_id).word

    assert word == "blocked"
    assert not look(job_system.store).members("slot:operation:single")


def test_a_lowered_limit_lets_running_jobs_continue(job_system: JobSystem) -> None:
    fences = [job_system.running("double") for _ in range(2)]
    waiter = job_system.submitted("double")
    job_system.claim(waiter)
    limit(job_system.store, {"operation:double": 1}, source="operator")

    finish(job_system.store, fences[0], SUCCESS)

    assert job_system.claim(waiter).word == "blocked"
    assert job_system.status(fences[1].job_id) == "running"


def test_removing_an_operators_limit_restores_the_declared_one(job_system: JobSystem) -> None:
    limit(job_system.store, {"operation:double": 0}, source="operator")
    jobs = [job_system.submitted("double") for _ in range(3)]
    for job_id in jobs:
        job_system.claim(job_id)

    limit(job_system.store, {"operation:double": None}, source="operator")

    assert [job_system.claim(job_id).word for job_id in jobs] == ["claimed", "claimed", "blocked"]


def test_a_waiting_job_without_a_record_does_not_block_others(job_system: JobSystem) -> None:
    running = job_system.running("single")
    ghost, waiter = job_system.submitted("single"), job_system.submitted("single")
    for job_id in (ghost, waiter):
        job_system.claim(job_id)
    kept = job_system.record(ghost)
    job_system.lose(ghost)
    job_system.redis.zadd(
        job_system.store.keys("waiting", "operation:single"), {ghost: kept["rank"]}
    )

    finish(job_system.store, running, SUCCESS)

    assert "reserved" in job_system.record(waiter)


def test_cancelling_a_reserved_job_passes_its_place_on(job_system: JobSystem) -> None:
    running = job_system.running("single")
    first, second = job_system.submitted("single"), job_system.submitted("single")
    for job_id in (first, second):
        job_system.claim(job_id)
    finish(job_system.store, running, SUCCESS)

    cancel(job_system.store, first)

    assert "reserved" in job_system.record(second)


def test_a_released_job_keeps_its_rank_ahead_of_later_ones(job_system: JobSystem) -> None:
    running = job_system.running("single")
    job_system.pass_time(1)
    later = job_system.submitted("single")
    job_system.claim(later)

    release(job_system.store, running)

    assert job_system.claim(running.job_id).word == "claimed"
    assert job_system.record(later)["blocked_on"] == "operation:single"


def test_a_claim_of_a_scheduled_job_changes_nothing(job_system: JobSystem) -> None:
    job_id = job_system.submitted(scheduled_ms=job_system.now_ms + 1000)
    before = look(job_system.store)

    word = job_system.claim(job_id).word

    assert word == "blocked"
    assert look(job_system.store) == before


def test_a_claim_that_is_blocked_after_evicting_a_reservation_holds_nothing(
    job_system: JobSystem,
) -> None:
    single = job_system.running("single")
    narrow, _ = (job_system.running(slots="resource:gpu=1") for _ in range(2))
    beaten = job_system.submitted("single")
    wide = job_system.submitted(slots="resource:gpu=2", priority=10)
    job_system.pass_time(1)
    job_id = job_system.submitted("single", slots="resource:gpu=1", priority=10)
    for waiter in (beaten, wide, job_id):
        job_system.claim(waiter)
    finish(job_system.store, single, SUCCESS)
    finish(job_system.store, narrow, SUCCESS)

    word = job_system.claim(job_id).word

    assert word == "blocked"
    assert "reserved" not in job_system.record(job_id)
    assert "reserved" in job_system.record(beaten)


def test_a_worker_of_an_older_version_restores_no_removed_limit(job_system: JobSystem) -> None:
    limit(job_system.store, {"operation:single": None}, source="declared")
    first, second = job_system.submitted("single"), job_system.submitted("single")

    words = [job_system.claim(one, limits={"operation:single": 1}).word for one in (first, second)]

    assert words == ["claimed", "claimed"]


def test_a_pause_overrides_an_operators_limit_and_keeps_it(
    job_system: JobSystem,
) -> None:
    limit(job_system.store, {"operation:single": 2}, source="operator")
    limit(job_system.store, {"operation:single": 0}, source="pause")
    jobs = [job_system.submitted("single") for _ in range(3)]
    paused = [job_system.claim(one).word for one in jobs]

    limit(job_system.store, {"operation:single": None}, source="pause")
    job_system.publish()
    resumed = [job_system.claim(one).word for one in jobs]

    assert paused == ["blocked", "blocked", "blocked"]
    assert resumed == ["claimed", "claimed", "blocked"]


def test_jobs_that_need_more_places_than_exist_block_no_others(job_system: JobSystem) -> None:
    limit(job_system.store, {"resource:gpu": 1}, source="operator")
    for _ in range(150):
        assert job_system.claim(job_system.submitted(slots="resource:gpu=2")).word == "blocked"
    narrow = job_system.submitted(slots="resource:gpu=1", priority=1)

    first = job_system.claim(narrow).word
    job_system.publish()

    assert first == "blocked"
    assert job_system.claim(narrow).word == "claimed"
