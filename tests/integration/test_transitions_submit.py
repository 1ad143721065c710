"""Submitting and recovering: what is recorded, what is refused, and what a repeat does."""

import pytest

from callboard.jobs.cancel import cancel
from callboard.jobs.errors import CapacityExceeded, DuplicateJob
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.publisher import Wakeup
from callboard.jobs.purge import purge
from callboard.jobs.submit import submit
from tests.invariants import look
from tests.world import World

HOUR_MS = 3_600_000
SUCCESS = encode_result(1, max_bytes=100)


def test_a_repeat_after_a_lost_reply_is_accepted_and_makes_no_second_job(world: World) -> None:
    submission = world.new_submission()
    world.submit(submission)
    before = look(world.store)

    word = world.submit(submission)

    assert word == "accepted"
    assert look(world.store) == before


def test_a_submission_that_is_refused_writes_nothing(world: World) -> None:
    world.submitted(fingerprint="same", idempotency_digest="key", payload_fingerprint="p")
    before = look(world.store)
    refused = {
        "duplicate": world.new_submission(fingerprint="same"),
        "mismatch": world.new_submission(idempotency_digest="key", payload_fingerprint="q"),
        "full": world.new_submission(),
    }

    words = [world.submit(submission, most=(1, 1)) for submission in refused.values()]

    assert words == list(refused)
    assert look(world.store) == before


def test_the_same_key_and_payload_give_the_job_that_was_made_first(world: World) -> None:
    kept = {"idempotency_digest": "key", "payload_fingerprint": "p"}
    first = world.submitted(**kept)

    accepted = submit(
        world.store, world.new_submission(**kept), max_active=9, max_active_operation=9
    )

    assert (accepted.job_id, accepted.replayed, accepted.wakeup) == (first, True, 0)


def test_an_idempotency_key_without_a_payload_fingerprint_is_kept_too(world: World) -> None:
    first = world.submitted(idempotency_digest="key")

    word = world.submit(world.new_submission(idempotency_digest="key"))

    assert word == "replayed"
    assert world.status(first) == "queued"


def test_a_key_of_another_tenant_is_another_key(world: World) -> None:
    world.submitted(idempotency_digest="key", payload_fingerprint="p", fingerprint="same")

    word = world.submit(
        world.new_submission(
            tenant="other", idempotency_digest="key", payload_fingerprint="q", fingerprint="same"
        )
    )

    assert word == "accepted"


@pytest.mark.parametrize("on_conflict", ["reject", "return", "replace"])
def test_an_equal_job_that_runs_stands_in_the_way_of_every_policy(
    world: World, on_conflict: str
) -> None:
    running = world.running(fingerprint="same")

    with pytest.raises(DuplicateJob) as refusal:
        submit(
            world.store,
            world.new_submission(fingerprint="same", on_conflict=on_conflict),
            max_active=9,
            max_active_operation=9,
        )

    assert (refusal.value.job_id, refusal.value.status) == (running.job_id, "running")


def test_replace_cancels_a_queued_rival_and_takes_its_place_in_a_full_server(world: World) -> None:
    conflicting = world.submitted(fingerprint="same")
    new = world.new_submission(fingerprint="same", on_conflict="replace")

    word = world.submit(new, most=(1, 1))

    assert word == "accepted"
    assert world.status(conflicting) == "cancelled"
    assert look(world.store).uniques == {"unique:default:free:same": new.job_id}


def test_replacing_a_job_with_a_reservation_gives_its_place_to_the_next(world: World) -> None:
    blocking = world.running("single")
    conflicting = world.submitted("single", fingerprint="same")
    waiting = world.submitted("single")
    for blocked in (conflicting, waiting):
        world.claim(blocked)
    cancel(world.store, blocking.job_id)
    finish(world.store, blocking, SUCCESS)
    assert "reserved" in world.record(conflicting)

    world.submit(world.new_submission("single", fingerprint="same", on_conflict="replace"))

    assert "reserved" in world.record(waiting)


@pytest.mark.parametrize(("most", "scope"), [((1, 9), "server"), ((9, 1), "operation")])
def test_a_submission_beyond_capacity_is_told_whose_capacity_it_is(
    world: World, most: tuple[int, int], scope: str
) -> None:
    world.submitted()

    with pytest.raises(CapacityExceeded) as refusal:
        submit(
            world.store, world.new_submission(), max_active=most[0], max_active_operation=most[1]
        )

    assert refusal.value.scope == scope


def test_a_job_that_ended_leaves_its_capacity_and_its_unique_key(world: World) -> None:
    fence = world.running(fingerprint="same")
    finish(world.store, fence, SUCCESS)

    word = world.submit(world.new_submission(fingerprint="same"), most=(1, 1))

    assert word == "accepted"


def test_a_time_that_has_passed_queues_at_once_and_a_later_one_schedules(world: World) -> None:
    past = world.submitted(scheduled_ms=world.now_ms - 1)
    later = world.submitted(scheduled_ms=world.now_ms + 1)

    assert (world.status(past), world.status(later)) == ("queued", "scheduled")


def test_a_lost_record_is_queued_again_from_its_message(world: World) -> None:
    message = _message_of(world, world.submitted(fingerprint="same", labels={"project": "x"}))
    before = world.record(message.submission.job_id)
    world.lose(message.submission.job_id)

    word = world.recover(message)

    assert word == "recovered"
    lost = {"wakeup", "version"}
    after = world.record(message.submission.job_id)
    assert {name: after[name] for name in after.keys() - lost} == {
        name: before[name] for name in before.keys() - lost
    }


def test_recovering_a_job_that_is_there_changes_nothing(world: World) -> None:
    message = _message_of(world, world.submitted())
    world.claim(message.submission.job_id)
    before = look(world.store)

    word = world.recover(message)

    assert word == "recovered"
    assert look(world.store) == before


def test_a_purged_job_stays_buried_for_as_long_as_a_message_could_bring_it_back(
    world: World,
) -> None:
    fence = world.running()
    message = _message_of(world, fence.job_id)
    finish(world.store, fence, SUCCESS)
    purge(world.store, fence.job_id)

    words = []
    for _ in range(13):
        words.append(world.recover(message))
        world.pass_time(2 * HOUR_MS)

    assert set(words) == {"tombstoned"}


def test_a_message_older_than_a_day_recovers_nothing(world: World) -> None:
    message = _message_of(world, world.submitted())
    world.lose(message.submission.job_id)
    world.pass_time(24 * HOUR_MS + 1)

    assert world.recover(message) == "tombstoned"


@pytest.mark.parametrize(
    "shared", [{"fingerprint": "same"}, {"idempotency_digest": "k", "payload_fingerprint": "p"}]
)
def test_a_lost_job_ends_cancelled_when_another_took_its_key_meanwhile(
    world: World, shared: dict[str, str]
) -> None:
    message = _message_of(world, world.submitted(**shared))
    world.lose(message.submission.job_id)
    successor = world.submitted(**shared)
    replay = world.new_submission(**shared)

    word = world.recover(message)

    assert word == "superseded"
    assert world.status(message.submission.job_id) == "cancelled"
    assert world.status(successor) == "queued"
    assert world.submit(replay) == ("replayed" if "idempotency_digest" in shared else "duplicate")


def _message_of(world: World, job_id: str) -> Wakeup:
    return next(m for m in world.broker.messages if m.submission.job_id == job_id)


def test_a_repeat_that_comes_after_the_purge_makes_no_second_job(world: World) -> None:
    submission = world.new_submission()
    world.submit(submission)
    cancel(world.store, submission.job_id)
    purge(world.store, submission.job_id)

    word = world.submit(submission, publish=False)

    assert word == "accepted"
    assert world.record(submission.job_id) == {}
