"""Batches: the outcome of each item, in any division into steps."""

from datetime import timedelta
from typing import Any

from callboard.config import Rate
from callboard.jobs.batches import item_outcome
from callboard.jobs.batches.batch import seal_batches
from callboard.jobs.batches.submit import NewBatch, read_outcomes
from callboard.jobs.errors import (
    CapacityExceeded,
    DuplicateJob,
    FileMissing,
    InvalidParameters,
    RateExceeded,
    UnknownOperation,
)
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.rate_quota import Charge, submissions_policy
from tests.batch_moves import CALLBACK, counts, decide, new_batch, read, words_of
from tests.delivery_moves import take
from tests.invariants import look
from tests.job_system import JobSystem

HOUR_MS = 3_600_000
SUCCESS = encode_result(1, max_bytes=100)


def test_each_item_is_decided_like_a_single_submission(job_system: JobSystem) -> None:
    there = job_system.submitted(fingerprint="taken")
    batch = new_batch(job_system, 7)
    items: list[Any] = [
        job_system.new_submission("free", fingerprint="new"),
        job_system.new_submission("free", fingerprint="new"),
        job_system.new_submission("free", fingerprint="taken"),
        job_system.new_submission("free", scheduled_ms=job_system.now_ms + HOUR_MS),
        item_outcome.unknown("nowhere"),
        item_outcome.misfit(InvalidParameters([("/a", "is no number")])),
        job_system.new_submission("free", files=("0193-gone",)),
    ]

    said = decide(job_system, batch, items).outcomes

    assert [each.word for each in said] == [
        *("accepted", "duplicate", "duplicate", "accepted"),
        *("unknown", "misfit", "file_missing"),
    ]
    assert [each.job and each.job[0] for each in said[:4]] == [
        items[0].job_id,
        items[0].job_id,
        there,
        items[3].job_id,
    ]
    assert [each.job and each.job[1] for each in (said[0], said[3])] == ["queued", "scheduled"]
    refused = [type(each.refused) for each in said if each.refused]
    assert refused == [DuplicateJob] * 2 + [UnknownOperation, InvalidParameters, FileMissing]
    assert counts(job_system, batch.id) == {"queued": 1, "scheduled": 1, "refused": 5}


def test_items_beyond_the_capacity_are_told_whose_capacity_it_is(job_system: JobSystem) -> None:
    batch = new_batch(job_system, 4)
    items = [job_system.new_submission(each) for each in ("free", "free", "single", "single")]

    said = decide(job_system, batch, items, most=(3, 1)).outcomes

    assert [each.word for each in said] == ["accepted", "full", "accepted", "full"]
    scopes = [each.refused.scope for each in said if isinstance(each.refused, CapacityExceeded)]
    assert scopes == ["operation", "operation"]


def test_each_item_costs_one_request_of_the_quota(job_system: JobSystem) -> None:
    charge = Charge("default", Rate(3, timedelta(hours=1)))
    batch = new_batch(job_system, 5)
    items = [job_system.new_submission() for _ in range(5)]

    decided = decide(job_system, batch, items, charge=charge)

    assert words_of(decided) == ["accepted"] * 3 + ["limited"] * 2
    limited = decided.outcomes[-1].refused
    assert isinstance(limited, RateExceeded)
    assert limited.violated.rate == charge.rate
    assert limited.violated.reset == timedelta(minutes=20)
    assert decided.quota is not None
    assert decided.quota.left == 0
    assert read_outcomes(job_system.store, batch.id)[-1].word == "limited"


def test_items_beyond_an_operations_quota_are_limited_and_others_are_not(
    job_system: JobSystem,
) -> None:
    own = Charge("default", Rate(2, timedelta(hours=1)), submissions_policy("free"))
    batch = new_batch(job_system, 5)
    items = [job_system.new_submission(each) for each in ("free", "free", "free", "single", "free")]

    decided = decide(job_system, batch, items, own_charge=own)
    again = decide(job_system, batch, items, own_charge=own)

    assert words_of(decided) == ["accepted", "accepted", "limited", "accepted", "limited"]
    assert words_of(again) == words_of(decided)
    limited = read_outcomes(job_system.store, batch.id)[-1].refused
    assert isinstance(limited, RateExceeded)
    assert limited.violated == own.quota(0, 30 * 60 * 1000)


def test_a_later_item_replaces_an_earlier_one_of_the_same_batch(job_system: JobSystem) -> None:
    batch = new_batch(job_system, 2)
    items = [
        job_system.new_submission(
            fingerprint="same", on_conflict="replace", payload_fingerprint=each
        )
        for each in "ab"
    ]

    words = words_of(decide(job_system, batch, items))

    assert words == ["accepted", "accepted"]
    assert counts(job_system, batch.id) == {"cancelled": 1, "queued": 1}
    assert job_system.status(items[1].job_id) == "queued"


def test_a_repeated_step_returns_the_same_outcomes_and_creates_nothing(
    job_system: JobSystem,
) -> None:
    batch = new_batch(job_system, 4)
    items = [job_system.new_submission() for _ in range(2)]
    first = decide(job_system, batch, items)
    before = look(job_system.store)

    again = decide(job_system, batch, items)
    by_another = decide(job_system, batch, [job_system.new_submission() for _ in range(2)])

    assert again.outcomes == by_another.outcomes == first.outcomes
    assert again.woken == by_another.woken == ()
    assert look(job_system.store) == before


def test_a_step_that_is_too_early_or_after_the_seal_decides_nothing(
    job_system: JobSystem,
) -> None:
    batch = new_batch(job_system, 4)
    items = [job_system.new_submission()]

    gone = decide(job_system, batch, items, first=1)
    decide(job_system, batch, items)
    early = decide(job_system, batch, [job_system.new_submission()], first=2)

    assert (gone.word, gone.outcomes) == ("missing", ())
    assert (early.word, early.outcomes) == ("stored", ())
    assert counts(job_system, batch.id) == {"queued": 1}


def test_a_key_returns_its_batch_and_refuses_another_payload(job_system: JobSystem) -> None:
    def keyed(payload: str) -> NewBatch:
        kept = {"idempotency_digest": "key", "payload_fingerprint": payload}
        return new_batch(job_system, 2, idempotency=kept)

    first = keyed("p")
    decide(job_system, first, [job_system.new_submission()])

    same = decide(job_system, keyed("p"), [job_system.new_submission()])
    other = decide(job_system, keyed("q"), [job_system.new_submission()])
    alone = job_system.submit(
        job_system.new_submission(idempotency_digest="key", payload_fingerprint="of a job")
    )

    assert (same.word, same.batch_id) == ("replayed", first.id)
    assert (other.word, other.batch_id) == ("mismatch", first.id)
    assert alone == "mismatch"
    assert len(look(job_system.store).jobs) == 1


def test_an_abandoned_batch_is_sealed_after_a_minute_as_it_is(
    job_system: JobSystem,
) -> None:
    batch = new_batch(job_system, 3, callback=CALLBACK)
    job = job_system.new_submission()
    decide(job_system, batch, [job])
    fence = job_system.claim(job.job_id).fence
    assert fence is not None
    finish(job_system.store, fence, SUCCESS)
    job_system.pass_time(59_000)
    sealed_early = seal_batches(job_system.store)
    before = read(job_system, batch.id)

    job_system.pass_time(2_000)
    sealed = seal_batches(job_system.store)

    after = read(job_system, batch.id)
    assert (sealed_early, sealed) == (0, 1)
    assert (before.status, after.status) == ("submitting", "completed")
    assert counts(job_system, batch.id) == {"succeeded": 1, "refused": 2}
    assert [each.type for each in take(job_system)] == ["batch.completed"]
    late = decide(job_system, batch, [job_system.new_submission()], first=1)
    assert (late.word, late.outcomes) == ("closed", ())
