"""Verdicts on eventful runs without a fault."""

import pytest

from tests.chaos.checker import check, main
from tests.chaos.forged_history import LEASE_MS, MIDDLE_RANK, ForgedHistory
from tests.chaos.history import History
from tests.chaos.test_checker import (
    GPU,
    NARROW,
    NARROW_SLOTS,
    PRIORITY,
    URGENT,
    Forge,
    claimed_in_turn,
    names,
    older_and_younger_wait,
    urgent_one_among,
    with_reservation,
)
from tests.chaos.verdict.order import SETTLE_MS, THREADS


def renewed_and_reaped_exactly_at_the_end(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    for _ in range(3):
        forged.wait(LEASE_MS - 1)
        forged.renewed("job", 1)
    forged.wait(LEASE_MS)
    forged.reaped("job", 1)
    forged.claimed("job", 2)
    forged.finished("job", 2)


def a_dependency_is_lost_for_a_while(forged: ForgedHistory) -> None:
    forged.made("first")
    forged.waits("job", "other", "first")
    forged.script("submit_job", "settled", "job", "other", "succeeded")
    forged.waits("any", "first", policy="finished")
    forged.waits("follower", "job")
    forged.lost("first")
    forged.made("first", by="recover_job")
    forged.claimed("first", 1)
    forged.failed("first", 1)
    forged.settled("job", "first", "failed", "cancelled")
    forged.settled("any", "first", "failed", "queued")
    forged.settled("follower", "job", "cancelled", "cancelled")
    forged.claimed("any", 1)
    forged.finished("any", 1)


def a_lost_dependency_ends_its_dependents(forged: ForgedHistory) -> None:
    forged.made("first")
    forged.waits("job", "first")
    forged.waits("any", "first", policy="finished")
    forged.lost("first")
    forged.settled("job", "first", "lost", "cancelled", by="check_dependencies")
    forged.settled("any", "first", "lost", "queued", by="check_dependencies")
    forged.made("first", by="recover_job")
    for job in ("any", "first"):
        forged.claimed(job, 1)
        forged.finished(job, 1)


def states_are_saved_and_found_by_later_attempts(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.found("job", 1, None)
    forged.saved("job", 1, 1)
    forged.saved("job", 1, 2, written=False)
    forged.noted("save", "job", 1, state={"job": "job", "attempt": 1, "page": 3})
    forged.wait(LEASE_MS)
    forged.reaped("job", 1)
    forged.claimed("job", 2)
    forged.found("job", 2, 1, page=1)
    forged.released("job", 2)
    forged.claimed("job", 3)
    forged.found("job", 3, 1, page=1)
    forged.saved("job", 3, 2, 3)
    forged.failed("job", 3, "scheduled")
    forged.became("job", "scheduled", "queued", by="promote_due")
    forged.claimed("job", 4)
    forged.found("job", 4, 3, page=3)
    forged.finished("job", 4)


def released_and_claimed_in_the_same_millisecond(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.released("job", 1)
    forged.claimed("job", 2)
    forged.finished("job", 2)


def extended_after_an_outage(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.wait(10 * LEASE_MS)
    forged.script("reap_leases", "extended", "job", forged.now_ms + LEASE_MS)
    forged.wait(LEASE_MS)
    forged.reaped("job", 1)
    forged.claimed("job", 2)
    forged.finished("job", 2)


def a_stale_run_reports_late_and_is_refused(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.noted("begin", "job", 1, "first")
    forged.wait(LEASE_MS)
    forged.reaped("job", 1)
    forged.claimed("job", 2)
    forged.noted("begin", "job", 2, "second")
    forged.noted("end", "job", 1, "first")
    forged.script("finish_job", "answered", "stale")
    forged.finished("job", 2, "second")
    forged.script("finish_job", "answered", "ended")


def purged_and_read_again(forged: ForgedHistory) -> None:
    forged.ran("job", unique="same")
    forged.called("submit", "job", operation="single", unique="one")
    forged.purged("job")
    forged.script("recover_job", "answered", "tombstoned")
    forged.ran("again", unique="same")
    forged.called("submit", "again", operation="single", unique="one")


def a_lost_record_is_recovered_with_its_keys(forged: ForgedHistory) -> None:
    for by in ("submit_job", "recover_job"):
        forged.made("job", unique="same", digest="digest", by=by)
        if by == "submit_job":
            forged.script("lose_job", "lost", "job")
    forged.claimed("job", 1)
    forged.finished("job", 1)


def its_successor_was_created_while_it_was_lost(forged: ForgedHistory) -> None:
    forged.made("job", unique="same", digest="digest")
    forged.called("submit", "job", operation="single", unique="one", idempotency_key="key")
    forged.script("lose_job", "lost", "job")
    forged.made("successor", unique="same", digest="digest")
    forged.called("submit", "successor", operation="single", unique="one", idempotency_key="key")
    forged.made("job", by="recover_job")
    forged.became("job", "queued", "cancelled", by="recover_job")
    forged.claimed("successor", 1)
    forged.finished("successor", 1)


def running_jobs_continue_after_a_lowered_limit(forged: ForgedHistory) -> None:
    for job in ("one", "two"):
        forged.made(job, operation="narrow")
        forged.claimed(job, 1, slots=NARROW_SLOTS)
    forged.script("limit_slots", "limited", "operator", NARROW, "1")
    forged.finished("one", 1)
    forged.finished("two", 1)
    forged.script("limit_slots", "limited", "operator", NARROW, "")
    for job in ("three", "four"):
        forged.made(job, operation="narrow")
        forged.claimed(job, 1, slots=NARROW_SLOTS)
        forged.finished(job, 1)


def a_reservation_yields_to_a_better_job_and_is_claimed_later(forged: ForgedHistory) -> None:
    forged.script("limit_slots", "limited", "operator", NARROW, "1")
    forged.made("worse", operation="narrow", rank=2)
    forged.made("better", operation="narrow", rank=1)
    forged.reserved("worse", NARROW, rank=2)
    forged.script("claim_job", "evicted", "worse", NARROW, "better")
    forged.script("claim_job", "unreserved", "worse")
    forged.claimed("better", 1, slots=NARROW_SLOTS)
    forged.finished("better", 1)
    forged.reserved("worse", NARROW, rank=2)
    forged.claimed("worse", 1, slots=NARROW_SLOTS)
    forged.finished("worse", 1)


def a_unique_job_is_replaced_before_it_runs(forged: ForgedHistory) -> None:
    forged.made("old", unique="same")
    forged.called("submit", "old", operation="latest", unique="one")
    forged.became("old", "queued", "cancelled", by="submit_job")
    forged.ran("new", unique="same")
    forged.called("submit", "new", operation="latest", unique="one")


def cancelled_while_it_ran_and_its_result_dropped(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.read("job", "cancelling", call="cancel")
    forged.became("job", "running", "cancelling", by="cancel_job")
    forged.noted("end", "job", 1)
    forged.reported("job", 1, "succeeded")
    forged.became("job", "cancelling", "cancelled")


def a_state_is_saved_by_a_run_that_is_being_cancelled(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.read("job", "cancelling", call="cancel")
    forged.became("job", "running", "cancelling", by="cancel_job")
    forged.saved("job", 1, 1)
    forged.noted("end", "job", 1)
    forged.reported("job", 1, "succeeded")
    forged.became("job", "cancelling", "cancelled")


def callers_got_no_answer_or_a_refusal(forged: ForgedHistory) -> None:
    forged.events.append(
        {"from": "client", "call": "submit", "code": None, "error": "ReadTimeout", "job": None}
    )
    forged.called("submit", "other", 409, operation="single", unique="one")
    forged.called("cancel", "never made", 404)


def a_worker_starts_prefetched_jobs_before_an_urgent_one(forged: ForgedHistory) -> None:
    urgent_one_among(forged, [URGENT + PRIORITY] * THREADS)


def a_lapsed_job_yields_for_ten_reservations(forged: ForgedHistory) -> None:
    older_and_younger_wait(forged)
    with_reservation(forged, "older", MIDDLE_RANK)
    forged.wait(1000)
    forged.script("unblock_jobs", "unreserved", "older")
    forged.blocked("older", NARROW)
    forged.wait(9_999)
    with_reservation(forged, "younger", MIDDLE_RANK + 1)
    claimed_in_turn(forged, "younger", "older")


def a_smaller_job_gets_the_free_places(forged: ForgedHistory) -> None:
    forged.made("wide", rank=1)
    forged.blocked("wide", GPU, 2)
    forged.made("slim", rank=2)
    forged.blocked("slim", GPU)
    forged.unblocked("slim", GPU)
    forged.reserved("slim", GPU, 2)
    for job, places in (("slim", 1), ("wide", 2)):
        forged.claimed(job, 1, slots=[[GPU, places]])
        forged.unblocked(job, GPU, by="claim_job")
        forged.finished(job, 1)


def messages_are_out_of_order_during_a_fault(forged: ForgedHistory) -> None:
    forged.did("begin")
    urgent_one_among(forged, [URGENT + PRIORITY] * 20)
    forged.did("over")


def messages_are_out_of_order_shortly_after_a_fault(forged: ForgedHistory) -> None:
    forged.did("begin")
    forged.did("over")
    forged.wait(SETTLE_MS - 1)
    urgent_one_among(forged, [URGENT + PRIORITY] * 20)


def reserved_jobs_start_before_their_equals(forged: ForgedHistory) -> None:
    forged.made("first", rank=URGENT)
    forged.confirmed("first")
    for number in range(THREADS + 1):
        job = f"reserved-{number}"
        forged.made(job, operation="narrow", rank=URGENT + 1)
        forged.reserved(job, NARROW, URGENT + 1)
        forged.claimed(job, 1, slots=NARROW_SLOTS)
        forged.finished(job, 1)
    forged.claimed("first", 1)
    forged.finished("first", 1)


@pytest.mark.parametrize(
    "tell",
    [
        a_worker_starts_prefetched_jobs_before_an_urgent_one,
        a_lapsed_job_yields_for_ten_reservations,
        a_smaller_job_gets_the_free_places,
        messages_are_out_of_order_during_a_fault,
        messages_are_out_of_order_shortly_after_a_fault,
        reserved_jobs_start_before_their_equals,
        renewed_and_reaped_exactly_at_the_end,
        a_dependency_is_lost_for_a_while,
        a_lost_dependency_ends_its_dependents,
        states_are_saved_and_found_by_later_attempts,
        released_and_claimed_in_the_same_millisecond,
        extended_after_an_outage,
        a_stale_run_reports_late_and_is_refused,
        purged_and_read_again,
        a_lost_record_is_recovered_with_its_keys,
        its_successor_was_created_while_it_was_lost,
        running_jobs_continue_after_a_lowered_limit,
        a_reservation_yields_to_a_better_job_and_is_claimed_later,
        a_unique_job_is_replaced_before_it_runs,
        cancelled_while_it_ran_and_its_result_dropped,
        a_state_is_saved_by_a_run_that_is_being_cancelled,
        callers_got_no_answer_or_a_refusal,
    ],
)
def test_allowed_histories_pass(tell: Forge) -> None:
    forged = ForgedHistory()
    forged.ran("other")
    tell(forged)

    verdict = check(forged.whole())

    assert verdict.holds, verdict.violations
    assert verdict.counts["violations"] == 0


def test_a_run_that_observed_too_little_is_only_vacuous() -> None:
    forged = ForgedHistory()
    a_stale_run_reports_late_and_is_refused(forged)
    forged.events.append({"from": "nemesis", "at": 1, "what": "kill", "target": "worker"})
    seen = {"stale": 2, "kills": 1, "kill worker": 1, "reaped": 1}

    enough = check(forged.whole(), at_least=seen)
    short = check(forged.whole(), at_least={**seen, "kills": 2})
    blind = check(forged.whole(), at_least={"recoveries": 1})

    assert enough.holds, enough.violations
    assert names(short) == names(blind) == {"vacuous"}


def test_a_history_without_a_final_check_proves_nothing() -> None:
    forged = ForgedHistory()
    forged.ran("job")

    verdict = check(forged.events)

    assert names(verdict) == {"whole-history"}


def test_a_thousand_faults_of_a_kind_are_counted_and_a_few_are_shown() -> None:
    forged = ForgedHistory()
    forged.held = [f"leases still holds {number}" for number in range(1000)]

    verdict = check(forged.whole())

    assert verdict.counts["violations"] == 1000
    assert 1 < len(verdict.violations) < 100


def test_the_verdict_on_a_history_file_is_printed_and_is_the_exit_code(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    forged, codes = ForgedHistory(), []
    forged.ran("job")

    for name, held in (("right", []), ("wrong", ["leases still holds job"])):
        history = History(tmp_path_factory.mktemp(name) / "history.jsonl")
        forged.held = list(held)
        history.add(*forged.whole())
        history.close()
        codes.append(main([str(history.path)]))

    said = capsys.readouterr().out
    assert codes == [0, 1]
    assert "every promise was kept" in said
    assert "nothing-left: leases still holds job" in said
