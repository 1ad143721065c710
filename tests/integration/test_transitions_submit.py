"""Submitting and recovering: what is recorded, what is refused, and what a repeat does."""

import threading
from dataclasses import replace

import pytest
from redis import Redis

from callboard.jobs.cancel import cancel
from callboard.jobs.errors import CapacityExceeded, DuplicateJob
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.operation_limits import CapacityGroup, OperationLimits
from callboard.jobs.publisher import Wakeup
from callboard.jobs.purge import purge
from callboard.jobs.submission import Submission
from callboard.jobs.submit import submit
from tests.invariants import look
from tests.job_system import JobSystem

HOUR_MS = 3_600_000
SUCCESS = encode_result(1, max_bytes=100)
PAIR = CapacityGroup("pair", 3, ("single", "double"))


def test_a_repeat_after_a_lost_reply_is_accepted_without_a_second_job(
    job_system: JobSystem,
) -> None:
    submission = job_system.new_submission()
    job_system.submit(submission)
    before = look(job_system.store)

    word = job_system.submit(submission)

    assert word == "accepted"
    assert look(job_system.store) == before


def test_a_submission_that_is_refused_writes_nothing(job_system: JobSystem) -> None:
    job_system.submitted(fingerprint="same", idempotency_digest="key", payload_fingerprint="p")
    before = look(job_system.store)
    refused = {
        "duplicate": job_system.new_submission(fingerprint="same"),
        "mismatch": job_system.new_submission(idempotency_digest="key", payload_fingerprint="q"),
        "full": job_system.new_submission(),
    }

    words = [job_system.submit(submission, most=(1, 1)) for submission in refused.values()]

    assert words == list(refused)
    assert look(job_system.store) == before


def test_the_same_key_and_payload_return_the_first_job(job_system: JobSystem) -> None:
    kept = {"idempotency_digest": "key", "payload_fingerprint": "p"}
    first = job_system.submitted(**kept)

    accepted = submit(
        job_system.store, job_system.new_submission(**kept), max_active=9, limits=OperationLimits(9)
    )

    assert (accepted.job_id, accepted.replayed, accepted.wakeup) == (first, True, 0)


def test_an_idempotency_key_without_a_payload_fingerprint_is_stored(
    job_system: JobSystem,
) -> None:
    first = job_system.submitted(idempotency_digest="key")

    word = job_system.submit(job_system.new_submission(idempotency_digest="key"))

    assert word == "replayed"
    assert job_system.status(first) == "queued"


def test_equal_keys_of_two_tenants_are_different_keys(job_system: JobSystem) -> None:
    job_system.submitted(idempotency_digest="key", payload_fingerprint="p", fingerprint="same")

    word = job_system.submit(
        job_system.new_submission(
            tenant="other", idempotency_digest="key", payload_fingerprint="q", fingerprint="same"
        )
    )

    assert word == "accepted"


@pytest.mark.parametrize("on_conflict", ["reject", "return", "replace"])
def test_a_running_duplicate_is_never_replaced(job_system: JobSystem, on_conflict: str) -> None:
    running = job_system.running(fingerprint="same")

    with pytest.raises(DuplicateJob) as refusal:
        submit(
            job_system.store,
            job_system.new_submission(fingerprint="same", on_conflict=on_conflict),
            max_active=9,
            limits=OperationLimits(9),
        )

    assert (refusal.value.job_id, refusal.value.status) == (running.job_id, "running")


def test_replace_cancels_a_queued_duplicate_even_on_a_full_server(
    job_system: JobSystem,
) -> None:
    conflicting = job_system.submitted(fingerprint="same")
    new = job_system.new_submission(fingerprint="same", on_conflict="replace")

    word = job_system.submit(new, most=(1, 1))

    assert word == "accepted"
    assert job_system.status(conflicting) == "cancelled"
    assert look(job_system.store).uniques == {"unique:default:free:same": new.job_id}


def test_replacing_a_reserved_job_passes_its_place_on(
    job_system: JobSystem,
) -> None:
    blocking = job_system.running("single")
    conflicting = job_system.submitted("single", fingerprint="same")
    waiting = job_system.submitted("single")
    for blocked in (conflicting, waiting):
        job_system.claim(blocked)
    cancel(job_system.store, blocking.job_id)
    finish(job_system.store, blocking, SUCCESS)
    assert "reserved" in job_system.record(conflicting)

    job_system.submit(
        job_system.new_submission("single", fingerprint="same", on_conflict="replace")
    )

    assert "reserved" in job_system.record(waiting)


@pytest.mark.parametrize(("most", "scope"), [((1, 9), "server"), ((9, 1), "operation")])
def test_a_submission_beyond_capacity_is_told_whose_capacity_it_is(
    job_system: JobSystem, most: tuple[int, int], scope: str
) -> None:
    job_system.submitted()

    with pytest.raises(CapacityExceeded) as refusal:
        submit(
            job_system.store,
            job_system.new_submission(),
            max_active=most[0],
            limits=OperationLimits(most[1]),
        )

    assert refusal.value.scope == scope


def test_a_final_job_frees_its_capacity_and_its_unique_key(job_system: JobSystem) -> None:
    fence = job_system.running(fingerprint="same")
    finish(job_system.store, fence, SUCCESS)

    word = job_system.submit(job_system.new_submission(fingerprint="same"), most=(1, 1))

    assert word == "accepted"


def test_a_past_time_queues_at_once_and_a_future_one_schedules(
    job_system: JobSystem,
) -> None:
    past = job_system.submitted(scheduled_ms=job_system.now_ms - 1)
    later = job_system.submitted(scheduled_ms=job_system.now_ms + 1)

    assert (job_system.status(past), job_system.status(later)) == ("queued", "scheduled")


def test_a_lost_record_is_queued_again_from_its_message(job_system: JobSystem) -> None:
    message = _message_of(
        job_system, job_system.submitted(fingerprint="same", labels={"project": "x"})
    )
    before = job_system.record(message.submission.job_id)
    job_system.lose(message.submission.job_id)

    word = job_system.recover(message)

    assert word == "recovered"
    lost = {"wakeup", "version"}
    after = job_system.record(message.submission.job_id)
    assert {name: after[name] for name in after.keys() - lost} == {
        name: before[name] for name in before.keys() - lost
    }


def test_recovering_an_existing_job_changes_nothing(job_system: JobSystem) -> None:
    message = _message_of(job_system, job_system.submitted())
    job_system.claim(message.submission.job_id)
    before = look(job_system.store)

    word = job_system.recover(message)

    assert word == "recovered"
    assert look(job_system.store) == before


def test_a_purged_job_keeps_its_tombstone_as_long_as_a_message_could_recover_it(
    job_system: JobSystem,
) -> None:
    fence = job_system.running()
    message = _message_of(job_system, fence.job_id)
    finish(job_system.store, fence, SUCCESS)
    purge(job_system.store, fence.job_id)

    words = []
    for _ in range(13):
        words.append(job_system.recover(message))
        job_system.pass_time(2 * HOUR_MS)

    assert set(words) == {"tombstoned"}


def test_a_message_older_than_a_day_recovers_nothing(job_system: JobSystem) -> None:
    message = _message_of(job_system, job_system.submitted())
    job_system.lose(message.submission.job_id)
    job_system.pass_time(24 * HOUR_MS + 1)

    assert job_system.recover(message) == "tombstoned"


@pytest.mark.parametrize(
    "shared", [{"fingerprint": "same"}, {"idempotency_digest": "k", "payload_fingerprint": "p"}]
)
def test_a_recovered_job_ends_cancelled_if_another_job_has_its_key(
    job_system: JobSystem, shared: dict[str, str]
) -> None:
    message = _message_of(job_system, job_system.submitted(**shared))
    job_system.lose(message.submission.job_id)
    successor = job_system.submitted(**shared)
    replay = job_system.new_submission(**shared)

    word = job_system.recover(message)

    assert word == "superseded"
    assert job_system.status(message.submission.job_id) == "cancelled"
    assert job_system.status(successor) == "queued"
    assert job_system.submit(replay) == (
        "replayed" if "idempotency_digest" in shared else "duplicate"
    )


def _message_of(job_system: JobSystem, job_id: str) -> Wakeup:
    return next(m for m in job_system.broker.messages if m.submission.job_id == job_id)


def test_a_repeat_after_the_purge_creates_no_second_job(job_system: JobSystem) -> None:
    submission = job_system.new_submission()
    job_system.submit(submission)
    cancel(job_system.store, submission.job_id)
    purge(job_system.store, submission.job_id)

    word = job_system.submit(submission, publish=False)

    assert word == "accepted"
    assert job_system.record(submission.job_id) == {}


def test_operations_of_a_group_share_its_capacity_and_others_do_not(job_system: JobSystem) -> None:
    operations = ("single", "double", "free", "double", "single", "double", "free")

    words = [job_system.submit(job_system.new_submission(each), group=PAIR) for each in operations]

    assert words == ["accepted"] * 4 + ["full", "full", "accepted"]


def test_a_job_that_ends_makes_room_in_its_group(job_system: JobSystem) -> None:
    first = job_system.new_submission("single")
    for new in (first, *(job_system.new_submission("double") for _ in range(2))):
        job_system.submit(new, group=PAIR)
    full = job_system.submit(job_system.new_submission("single"), group=PAIR)

    cancel(job_system.store, first.job_id)

    assert full == "full"
    assert job_system.submit(job_system.new_submission("single"), group=PAIR) == "accepted"


def test_in_a_full_group_a_duplicate_is_told_of_and_a_replaced_job_makes_room(
    job_system: JobSystem,
) -> None:
    unique = {"fingerprint": "same", "on_conflict": "replace"}
    kept = job_system.new_submission("double", fingerprint="other")
    for new in (kept, job_system.new_submission("double", **unique)):
        job_system.submit(new, group=PAIR)
    job_system.submit(job_system.new_submission("single"), group=PAIR)

    words = [
        job_system.submit(job_system.new_submission("double", fingerprint="other"), group=PAIR),
        job_system.submit(job_system.new_submission("double", **unique), group=PAIR),
    ]

    assert words == ["duplicate", "accepted"]


def test_the_refusal_names_the_group(job_system: JobSystem) -> None:
    limits = OperationLimits(9, groups=(replace(PAIR, max_active=0),))

    with pytest.raises(CapacityExceeded) as refusal:
        submit(job_system.store, job_system.new_submission("single"), max_active=9, limits=limits)

    assert (refusal.value.scope, refusal.value.group) == ("group", "pair")
    assert str(refusal.value) == ("The capacity group pair has as many active jobs as it allows.")


def test_of_submissions_to_a_group_at_the_same_time_exactly_its_capacity_is_accepted(
    redis: Redis,
) -> None:
    job_system = JobSystem(redis)
    submissions = [
        [job_system.new_submission(each) for each in ("single", "double") * 3] for _ in range(6)
    ]
    words: list[str] = []

    def ask(mine: list[Submission]) -> None:
        words.extend(job_system.submit(each, publish=False, group=PAIR) for each in mine)

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in submissions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (words.count("accepted"), words.count("full")) == (3, 33)
