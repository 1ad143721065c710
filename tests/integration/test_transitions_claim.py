"""Claiming and handing over: who runs, who waits, and who comes next."""

from callboard.jobs.cancel import cancel
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.limit import limit
from callboard.jobs.release import release
from callboard.jobs.unblock import unblock_jobs
from tests.invariants import look
from tests.world import World

SUCCESS = encode_result(1, max_bytes=100)


def test_of_two_workers_with_one_job_exactly_one_gets_it(world: World) -> None:
    job_id = world.submitted()

    words = [world.claim(job_id).word for _ in range(3)]

    assert words == ["claimed", "taken", "taken"]


def test_the_same_token_claims_again_and_gets_the_same_fence(world: World) -> None:
    job_id = world.submitted()
    first = world.claim(job_id, "token")
    before = look(world.store)

    again = world.claim(job_id, "token")

    assert again == first
    assert look(world.store) == before


def test_a_job_beyond_the_limit_is_blocked_and_holds_nothing(world: World) -> None:
    world.running("single", slots="resource:gpu=1")
    second = world.submitted("single", slots="resource:gpu=1")

    word = world.claim(second).word

    assert word == "blocked"
    assert world.record(second)["blocked_on"] == "operation:single"
    assert not look(world.store).members("outbox")


def test_a_claim_in_an_empty_redis_brings_the_declared_limits_with_it(world: World) -> None:
    world.store.redis.delete(world.store.keys("limits"))
    first, second = world.submitted("single"), world.submitted("single")

    words = [world.claim(one, limits={"operation:single": 1}).word for one in (first, second)]

    assert words == ["claimed", "blocked"]


def test_a_freed_place_is_reserved_for_the_best_waiter_and_its_message_goes_out(
    world: World,
) -> None:
    running = world.running("single")
    late, urgent = world.submitted("single"), world.submitted("single", priority=10)
    for waiter in (late, urgent):
        world.claim(waiter)
    world.broker.messages.clear()

    finish(world.store, running, SUCCESS)
    world.publish()

    (message,) = world.broker.messages
    assert (message.submission.job_id, message.reserved) == (urgent, True)
    assert world.claim(urgent).word == "claimed"
    assert world.claim(late).word == "blocked"


def test_a_place_reserved_for_another_is_not_taken_by_a_worse_job(world: World) -> None:
    running, waiter = world.running("single"), world.submitted("single")
    world.claim(waiter)
    finish(world.store, running, SUCCESS)
    newcomer = world.submitted("single", priority=0)

    word = world.claim(newcomer).word

    assert word == "blocked"
    assert world.claim(waiter).word == "claimed"


def test_a_reservation_yields_to_a_better_job_and_its_own_waits_again(world: World) -> None:
    running, waiter = world.running("single"), world.submitted("single")
    world.claim(waiter)
    finish(world.store, running, SUCCESS)
    urgent = world.submitted("single", priority=10)

    word = world.claim(urgent).word

    assert word == "claimed"
    assert world.record(waiter)["blocked_on"] == "operation:single"


def test_a_job_of_several_slots_reserves_all_of_them_or_none(world: World) -> None:
    gpu = world.running(slots="resource:gpu=2")
    licence = world.running(slots="resource:licence=1")
    both = world.submitted("single", slots="resource:gpu=2,resource:licence=1")
    world.claim(both)

    finish(world.store, gpu, SUCCESS)
    after_one = look(world.store)
    finish(world.store, licence, SUCCESS)
    after_both = look(world.store)

    assert not after_one.members("slot:resource:gpu")
    assert after_one.jobs[both]["blocked_on"] == "resource:licence"
    assert len(after_both.members("slot:resource:gpu")) == 2
    assert world.claim(both).word == "claimed"


def test_moving_to_another_slot_to_wait_at_is_a_change_that_clients_see(world: World) -> None:
    gpu = world.running(slots="resource:gpu=2")
    world.running(slots="resource:licence=1")
    both = world.submitted(slots="resource:gpu=2,resource:licence=1")
    world.claim(both)
    before = int(world.record(both)["version"])

    finish(world.store, gpu, SUCCESS)

    assert world.record(both)["blocked_on"] == "resource:licence"
    assert int(world.record(both)["version"]) > before


def test_a_job_that_lacks_places_of_two_lets_one_that_needs_one_pass(world: World) -> None:
    world.running(slots="resource:gpu=1")
    wide = world.submitted(slots="resource:gpu=2")
    world.pass_time(1)
    narrow = world.submitted(slots="resource:gpu=1", priority=1)
    world.claim(wide)

    words = [world.claim(narrow).word, world.claim(narrow).word]

    assert words == ["blocked", "claimed"]
    assert world.status(wide) == "queued"


def test_a_reservation_that_nobody_claims_goes_to_a_waiter_that_missed_none(world: World) -> None:
    running = world.running("single")
    absent, present = world.submitted("single", priority=10), world.submitted("single")
    for waiter in (absent, present):
        world.claim(waiter)
    finish(world.store, running, SUCCESS)
    world.pass_time(1001)

    lapsed = unblock_jobs(world.store)

    assert lapsed == 1
    assert "reserved" in world.record(present)
    assert world.record(absent)["blocked_on"] == "operation:single"


def test_a_lapsed_job_is_offered_the_place_again_when_nobody_else_wants_it(world: World) -> None:
    running, waiter = world.running("single"), world.submitted("single")
    world.claim(waiter)
    finish(world.store, running, SUCCESS)

    for _ in range(8):
        world.pass_time(60_001)
        unblock_jobs(world.store)

    assert "reserved" in world.record(waiter)
    assert world.claim(waiter).word == "claimed"


def test_a_raised_limit_starts_waiting_jobs_at_once(world: World) -> None:
    limit(world.store, {"operation:single": 0}, source="operator")
    jobs = [world.submitted("single") for _ in range(3)]
    for job_id in jobs:
        world.claim(job_id)

    limit(world.store, {"operation:single": 2}, source="operator")

    assert [("reserved" in world.record(job_id)) for job_id in jobs] == [True, True, False]


def test_a_lowered_limit_takes_reservations_back_before_they_run(world: World) -> None:
    limit(world.store, {"operation:single": 0}, source="operator")
    job_id = world.submitted("single")
    world.claim(job_id)
    limit(world.store, {"operation:single": 1}, source="operator")
    limit(world.store, {"operation:single": 0}, source="operator")

    word = world.claim(job_id).word

    assert word == "blocked"
    assert not look(world.store).members("slot:operation:single")


def test_a_lowered_limit_lets_those_that_run_run_on(world: World) -> None:
    fences = [world.running("double") for _ in range(2)]
    waiter = world.submitted("double")
    world.claim(waiter)
    limit(world.store, {"operation:double": 1}, source="operator")

    finish(world.store, fences[0], SUCCESS)

    assert world.claim(waiter).word == "blocked"
    assert world.status(fences[1].job_id) == "running"


def test_taking_an_operators_limit_back_restores_the_declared_one(world: World) -> None:
    limit(world.store, {"operation:double": 0}, source="operator")
    jobs = [world.submitted("double") for _ in range(3)]
    for job_id in jobs:
        world.claim(job_id)

    limit(world.store, {"operation:double": None}, source="operator")

    assert [world.claim(job_id).word for job_id in jobs] == ["claimed", "claimed", "blocked"]


def test_a_waiter_whose_record_is_gone_does_not_hold_the_line(world: World) -> None:
    running = world.running("single")
    ghost, waiter = world.submitted("single"), world.submitted("single")
    for job_id in (ghost, waiter):
        world.claim(job_id)
    kept = world.record(ghost)
    world.lose(ghost)
    world.redis.zadd(world.store.keys("waiting", "operation:single"), {ghost: kept["rank"]})

    finish(world.store, running, SUCCESS)

    assert "reserved" in world.record(waiter)


def test_cancelling_a_reserved_job_hands_its_place_on(world: World) -> None:
    running = world.running("single")
    first, second = world.submitted("single"), world.submitted("single")
    for job_id in (first, second):
        world.claim(job_id)
    finish(world.store, running, SUCCESS)

    cancel(world.store, first)

    assert "reserved" in world.record(second)


def test_a_released_job_keeps_its_rank_against_those_that_came_later(world: World) -> None:
    running = world.running("single")
    world.pass_time(1)
    later = world.submitted("single")
    world.claim(later)

    release(world.store, running)

    assert world.claim(running.job_id).word == "claimed"
    assert world.record(later)["blocked_on"] == "operation:single"


def test_a_claim_of_a_job_that_is_not_due_changes_nothing(world: World) -> None:
    job_id = world.submitted(scheduled_ms=world.now_ms + 1000)
    before = look(world.store)

    word = world.claim(job_id).word

    assert word == "blocked"
    assert look(world.store) == before


def test_a_claim_that_parks_after_it_beat_a_reservation_holds_nothing(world: World) -> None:
    single = world.running("single")
    narrow, _ = (world.running(slots="resource:gpu=1") for _ in range(2))
    beaten = world.submitted("single")
    wide = world.submitted(slots="resource:gpu=2", priority=10)
    world.pass_time(1)
    job_id = world.submitted("single", slots="resource:gpu=1", priority=10)
    for waiter in (beaten, wide, job_id):
        world.claim(waiter)
    finish(world.store, single, SUCCESS)
    finish(world.store, narrow, SUCCESS)

    word = world.claim(job_id).word

    assert word == "blocked"
    assert "reserved" not in world.record(job_id)
    assert "reserved" in world.record(beaten)


def test_a_worker_of_an_older_version_brings_no_removed_limit_back(world: World) -> None:
    limit(world.store, {"operation:single": None}, source="declared")
    first, second = world.submitted("single"), world.submitted("single")

    words = [world.claim(one, limits={"operation:single": 1}).word for one in (first, second)]

    assert words == ["claimed", "claimed"]


def test_a_pause_wins_over_an_operator_and_leaves_the_operators_limit_alone(world: World) -> None:
    limit(world.store, {"operation:single": 2}, source="operator")
    limit(world.store, {"operation:single": 0}, source="pause")
    jobs = [world.submitted("single") for _ in range(3)]
    paused = [world.claim(one).word for one in jobs]

    limit(world.store, {"operation:single": None}, source="pause")
    world.publish()
    resumed = [world.claim(one).word for one in jobs]

    assert paused == ["blocked", "blocked", "blocked"]
    assert resumed == ["claimed", "claimed", "blocked"]


def test_waiters_that_need_more_places_than_there_are_hold_up_nobody(world: World) -> None:
    limit(world.store, {"resource:gpu": 1}, source="operator")
    for _ in range(150):
        assert world.claim(world.submitted(slots="resource:gpu=2")).word == "blocked"
    narrow = world.submitted(slots="resource:gpu=1", priority=1)

    first = world.claim(narrow).word
    world.publish()

    assert first == "blocked"
    assert world.claim(narrow).word == "claimed"
