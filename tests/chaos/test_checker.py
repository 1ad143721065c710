"""Verdicts on forged histories: each violates the invariant of its fault, and no other."""
# long: a list of short histories, two or more for each invariant

from collections.abc import Callable, Iterable
from typing import Final

import pytest

from tests.chaos.checker import INVARIANTS, Verdict, check
from tests.chaos.forged_history import LEASE_MS, MIDDLE_RANK, ForgedHistory
from tests.chaos.verdict.order import SETTLE_MS
from tests.chaos.verdict.violation import Event

Forge = Callable[[ForgedHistory], None]

NARROW: Final = "operation:narrow"
NARROW_SLOTS: Final = [[NARROW, 1]]
GPU: Final = "resource:gpu"
PRIORITY: Final = 10**13
URGENT: Final = PRIORITY + MIDDLE_RANK
FORGED: Final[list[tuple[str, Forge]]] = []


def forged(invariant: str) -> Callable[[Forge], Forge]:
    """Assert that a forged history violates this invariant and no other."""

    def keep(forge: Forge) -> Forge:
        FORGED.append((invariant, forge))
        return forge

    return keep


def names(verdict: Verdict) -> set[str]:
    return {violation.invariant for violation in verdict.violations}


def told(forge: Forge) -> list[Event]:
    forged = ForgedHistory()
    forged.ran("other")
    forge(forged)
    return forged.whole()


def older_and_younger_wait(forged: ForgedHistory) -> None:
    for job, rank in (("older", MIDDLE_RANK), ("younger", MIDDLE_RANK + 1)):
        forged.made(job, operation="narrow", rank=rank)
        forged.blocked(job, NARROW)


def with_reservation(forged: ForgedHistory, job: str, rank: int) -> None:
    forged.unblocked(job, NARROW)
    forged.reserved(job, NARROW, rank)


def claimed_in_turn(forged: ForgedHistory, *jobs: str) -> None:
    for job in jobs:
        forged.claimed(job, 1, slots=NARROW_SLOTS)
        forged.unblocked(job, NARROW, by="claim_job")
        forged.finished(job, 1)


def urgent_one_among(forged: ForgedHistory, ranks: Iterable[int]) -> None:
    """Let a job with a message in RabbitMQ wait while its worker starts others."""
    for number, rank in enumerate(ranks):
        forged.made(f"other-{number}", rank=rank)
        forged.confirmed(f"other-{number}")
    forged.made("urgent", rank=URGENT)
    forged.confirmed("urgent")
    forged.wait(10)
    jobs = [job for job in forged.jobs if job.startswith("other-")]
    for job in (*jobs, "urgent"):
        forged.claimed(job, 1)
        forged.finished(job, 1)


# accepted-ends


@forged("accepted-ends")
def accepted_and_never_created(forged: ForgedHistory) -> None:
    forged.called("submit", "job")


@forged("accepted-ends")
def accepted_in_a_batch_and_never_created(forged: ForgedHistory) -> None:
    forged.called("batch", "", 201, jobs=["job"])


@forged("accepted-ends")
def still_queued_at_the_end(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.called("submit", "job")


@forged("accepted-ends")
def still_running_at_the_end_unknown_to_callers(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)


@forged("accepted-ends")
def gone_without_a_purge(forged: ForgedHistory) -> None:
    forged.ran("job")
    del forged.jobs["job"]


@forged("accepted-ends")
def purged_while_it_ran(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    gone = forged.jobs["job"]
    forged.purged("job")
    forged.jobs["job"] = gone
    forged.finished("job", 1)


@forged("accepted-ends")
def a_final_status_changes(forged: ForgedHistory) -> None:
    forged.ran("job")
    forged.became("job", "succeeded", "failed")


@forged("accepted-ends")
def a_final_job_is_queued_again(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.failed("job", 1)
    forged.became("job", "failed", "queued")
    forged.became("job", "queued", "cancelled", by="cancel_job")


@forged("accepted-ends")
def the_record_differs_from_its_last_script(forged: ForgedHistory) -> None:
    forged.ran("job")
    forged.jobs["job"]["status"] = "failed"


@forged("accepted-ends")
def a_caller_reads_another_end(forged: ForgedHistory) -> None:
    forged.ran("job")
    forged.read("job", "failed")


@forged("accepted-ends")
def a_caller_reads_that_an_ended_job_runs(forged: ForgedHistory) -> None:
    forged.ran("job")
    forged.wait(1)
    forged.read("job", "running")


@forged("accepted-ends")
def created_twice(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.made("job")
    forged.became("job", "queued", "cancelled", by="cancel_job")


@forged("accepted-ends")
def lost_by_redis_and_never_recovered(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.script("lose_job", "lost", "job")
    del forged.jobs["job"]


@forged("accepted-ends")
def a_caller_does_not_find_an_accepted_job(forged: ForgedHistory) -> None:
    forged.ran("job")
    forged.called("poll", "job", 404)


@forged("accepted-ends")
def a_lost_job_ends_differently_for_a_caller(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.script("lose_job", "lost", "job")
    forged.made("job", by="recover_job")
    forged.claimed("job", 1)
    forged.finished("job", 1)
    forged.read("job", "failed")


# cancelled-stays


@forged("cancelled-stays")
def a_job_that_was_asked_to_stop_succeeds(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.became("job", "running", "cancelling", by="cancel_job")
    forged.noted("end", "job", 1)
    forged.reported("job", 1, "succeeded")
    forged.became("job", "cancelling", "succeeded")
    forged.jobs["job"]["result_nonce"] = "nonce"


@forged("cancelled-stays")
def a_job_that_was_asked_to_stop_is_queued_again(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.became("job", "running", "cancelling", by="cancel_job")
    forged.reported("job", 1, "queued", by="release_job")
    forged.became("job", "cancelling", "queued", by="release_job")
    forged.became("job", "queued", "cancelled", by="cancel_job")


@forged("cancelled-stays")
def a_caller_was_told_of_a_cancel_without_effect(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.read("job", "cancelling", call="cancel")
    forged.finished("job", 1)


# claimed-runs


@forged("claimed-runs")
def a_function_runs_without_a_claim(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.noted("begin", "job", 1)
    forged.became("job", "queued", "cancelled", by="cancel_job")


@forged("claimed-runs")
def a_function_runs_as_an_extra_attempt(forged: ForgedHistory) -> None:
    forged.ran("job")
    forged.noted("begin", "job", 2)


@forged("claimed-runs")
def one_attempt_runs_twice(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.noted("begin", "job", 1, "first")
    forged.noted("begin", "job", 1, "second")
    forged.finished("job", 1, "second")


@forged("claimed-runs")
def an_attempt_runs_twice_after_a_loss(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.script("lose_job", "lost", "job")
    forged.made("job", by="recover_job")
    forged.claimed("job", 1)
    forged.noted("begin", "job", 1, "first")
    forged.noted("begin", "job", 1, "second")
    forged.finished("job", 1, "second")


# counted


@forged("counted")
def a_crash_is_not_counted(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.wait(LEASE_MS)
    forged.reaped("job", 1)
    forged.jobs["job"]["crashes"] = 0
    forged.claimed("job", 2)
    forged.finished("job", 2)


@forged("counted")
def a_preempted_attempt_is_counted(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.script("preempt_job", "preempted", "job", 1)
    forged.wait(LEASE_MS)
    forged.reaped("job", 1)
    forged.claimed("job", 2)
    forged.finished("job", 2)


@forged("counted")
def a_release_is_counted_as_a_failure(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.released("job", 1)
    forged.jobs["job"]["failures"] = 1
    forged.claimed("job", 2)
    forged.finished("job", 2)


@forged("counted")
def one_failure_is_counted_twice(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.failed("job", 1, "scheduled")
    forged.became("job", "scheduled", "queued", by="promote_due")
    forged.jobs["job"]["failures"] = 2
    forged.claimed("job", 2)
    forged.finished("job", 2)


# idempotent


@forged("idempotent")
def one_key_returns_two_jobs(forged: ForgedHistory) -> None:
    forged.ran("first")
    forged.ran("second")
    forged.called("submit", "first", idempotency_key="key")
    forged.called("submit", "second", idempotency_key="key")


@forged("idempotent")
def one_key_creates_two_jobs_unknown_to_callers(forged: ForgedHistory) -> None:
    forged.ran("first", digest="digest")
    forged.ran("second", digest="digest")


@forged("idempotent")
def a_key_of_a_job_is_refused_later(forged: ForgedHistory) -> None:
    forged.ran("job")
    forged.called("submit", "job", idempotency_key="key")
    forged.wait(1)
    forged.called("submit", "", 409, idempotency_key="key")


# limits


@forged("limits")
def one_more_job_runs_than_the_limit(forged: ForgedHistory) -> None:
    for job in ("one", "two", "three"):
        forged.made(job, operation="narrow")
        forged.claimed(job, 1, slots=NARROW_SLOTS)
    for job in ("one", "two", "three"):
        forged.finished(job, 1)


@forged("limits")
def a_job_of_two_places_takes_one_too_many(forged: ForgedHistory) -> None:
    forged.script("limit_slots", "limited", "operator", "resource:gpu", "2")
    for job, places in (("one", 1), ("two", 2)):
        forged.made(job, operation=f"of {places}")
        forged.claimed(job, 1, slots=[["resource:gpu", places]])
    for job in ("one", "two"):
        forged.finished(job, 1)


@forged("limits")
def a_job_starts_during_a_pause(forged: ForgedHistory) -> None:
    forged.script("limit_slots", "limited", "pause", NARROW, "0")
    forged.script("limit_slots", "limited", "operator", NARROW, "5")
    forged.made("job", operation="narrow")
    forged.claimed("job", 1, slots=NARROW_SLOTS)
    forged.finished("job", 1)


@forged("limits")
def an_expired_unreaped_lease_still_counts(forged: ForgedHistory) -> None:
    for job in ("one", "two"):
        forged.made(job, operation="narrow")
        forged.claimed(job, 1, slots=NARROW_SLOTS)
    forged.wait(LEASE_MS + 1)
    forged.made("three", operation="narrow")
    forged.claimed("three", 1, slots=NARROW_SLOTS)
    for job in ("one", "two", "three"):
        forged.finished(job, 1)


@forged("limits")
def a_job_runs_without_the_places_that_it_needs(forged: ForgedHistory) -> None:
    needs = {"wide": {"resource:gpu": 2}}
    forged.events.append({"from": "limits", "at": 0, "limits": {}, "needs": needs})
    forged.made("job", operation="wide")
    forged.claimed("job", 1, slots=[["operation:wide", 1]])
    forged.finished("job", 1)


# turns


@forged("turns")
def a_value_gets_a_turn_after_anothers_backlog(forged: ForgedHistory) -> None:
    _take_turns(forged, ("many", 1), ("many", 2), ("many", 3), ("few", 4))


@forged("turns")
def a_value_gets_the_next_turn_repeatedly(forged: ForgedHistory) -> None:
    _take_turns(forged, ("many", 1), ("few", 1), ("many", 1))


def _take_turns(forged: ForgedHistory, *turns: tuple[str, int]) -> None:
    for number, (tenant, turn) in enumerate(turns):
        job = f"job-{number}"
        forged.made(job, operation="shared")
        slot = f"per:shared:tenant:{tenant}"
        forged.script("submit_job", "turn", job, str(MIDDLE_RANK + turn), slot)
    for number in range(len(turns)):
        forged.claimed(f"job-{number}", 1)
        forged.finished(f"job-{number}", 1)


# nothing-left


@forged("nothing-left")
def an_entry_is_left(forged: ForgedHistory) -> None:
    forged.held.append("leases still holds job")


@forged("nothing-left")
def a_set_differs_from_the_records(forged: ForgedHistory) -> None:
    forged.complaints.append("active holds a job that ended")


# one-lease


@forged("one-lease")
def claimed_in_the_last_millisecond_of_another_lease(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.wait(LEASE_MS - 1)
    forged.claimed("job", 2)
    forged.finished("job", 2)
    forged.events = [e for e in forged.events if not _is_second_start(e)]
    _number(forged.events)


@forged("one-lease")
def claimed_after_a_lease_that_never_ended(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.wait(LEASE_MS)
    forged.claimed("job", 2)
    forged.finished("job", 2)
    forged.events = [e for e in forged.events if not _is_second_start(e)]
    _number(forged.events)


@forged("one-lease")
def reaped_despite_a_renewal(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.wait(LEASE_MS - 1)
    forged.renewed("job", 1)
    forged.wait(LEASE_MS - 1)
    forged.reaped("job", 1)
    forged.claimed("job", 2)
    forged.finished("job", 2)


@forged("one-lease")
def an_earlier_lease_is_renewed(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.wait(LEASE_MS)
    forged.reaped("job", 1)
    forged.claimed("job", 2)
    forged.renewed("job", 1)
    forged.finished("job", 2)


@forged("one-lease")
def an_attempt_repeats_the_previous_number(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.released("job", 1)
    forged.claimed("job", 1)
    forged.finished("job", 1)


@forged("one-lease")
def a_running_job_is_queued_without_a_report(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.became("job", "running", "queued", by="promote_due")
    forged.claimed("job", 2)
    forged.finished("job", 2)


@forged("one-lease")
def the_record_counts_more_attempts_than_were_claimed(forged: ForgedHistory) -> None:
    forged.ran("job")
    forged.jobs["job"]["attempt"] = 2


# one-outcome


@forged("one-outcome")
def a_job_fails_without_a_report(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.became("job", "running", "failed")


@forged("one-outcome")
def a_job_fails_after_a_report_of_a_retry(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.reported("job", 1, "scheduled", by="retry_job")
    forged.became("job", "running", "failed", by="retry_job")


@forged("one-outcome")
def the_outcome_of_a_reaped_attempt_counts(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.wait(LEASE_MS)
    forged.reaped("job", 1)
    forged.claimed("job", 2)
    forged.noted("end", "job", 1, "nonce")
    forged.noted("end", "job", 2, "nonce")
    forged.reported("job", 1, "succeeded")
    forged.became("job", "running", "succeeded")
    forged.jobs["job"]["result_nonce"] = "nonce"


@forged("one-outcome")
def the_same_number_with_another_token_reports(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1, token="another")
    forged.finished("job", 1)


@forged("one-outcome")
def two_outcomes_are_recorded(forged: ForgedHistory) -> None:
    forged.ran("job")
    forged.reported("job", 1, "failed")


@forged("one-outcome")
def a_job_succeeds_without_a_report(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.noted("end", "job", 1)
    forged.became("job", "running", "succeeded")
    forged.jobs["job"]["result_nonce"] = "nonce"


# purged-stays


@forged("purged-stays")
def a_late_message_recovers_a_purged_job(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.became("job", "queued", "cancelled", by="cancel_job")
    forged.purged("job")
    forged.made("job", by="recover_job")
    forged.became("job", "queued", "cancelled", by="cancel_job")


@forged("purged-stays")
def a_caller_reads_a_purged_job(forged: ForgedHistory) -> None:
    forged.ran("job")
    forged.purged("job")
    forged.called("purge", "job", 204)
    forged.wait(1)
    forged.read("job", "succeeded", "nonce")


# reservations


@forged("reservations")
def a_reservation_is_dropped_by_a_claim_that_is_ranked_no_better(forged: ForgedHistory) -> None:
    forged.made("promised", operation="narrow")
    forged.reserved("promised", NARROW)
    forged.made("newcomer", operation="narrow")
    forged.script("claim_job", "unreserved", "promised")
    forged.claimed("newcomer", 1, slots=NARROW_SLOTS)
    forged.finished("newcomer", 1)
    forged.became("promised", "queued", "cancelled", by="cancel_job")


@forged("reservations")
def a_reservation_lapses_too_early(forged: ForgedHistory) -> None:
    forged.made("job", operation="narrow")
    forged.reserved("job", NARROW)
    forged.wait(999)
    forged.script("unblock_jobs", "unreserved", "job")
    forged.became("job", "queued", "cancelled", by="cancel_job")


@forged("reservations")
def a_reservation_is_dropped_by_an_unrelated_script(forged: ForgedHistory) -> None:
    forged.made("job", operation="narrow")
    forged.reserved("job", NARROW)
    forged.script("progress_job", "unreserved", "job")
    forged.reserved("job", NARROW)
    forged.claimed("job", 1, slots=NARROW_SLOTS)
    forged.finished("job", 1)


@forged("reservations")
def a_new_job_of_equal_rank_takes_a_reserved_place(forged: ForgedHistory) -> None:
    forged.made("runs", operation="narrow")
    forged.claimed("runs", 1, slots=NARROW_SLOTS)
    for job in ("promised", "newcomer"):
        forged.made(job, operation="narrow")
    forged.reserved("promised", NARROW)
    forged.claimed("newcomer", 1, slots=NARROW_SLOTS)
    forged.became("promised", "queued", "cancelled", by="cancel_job")
    for job in ("runs", "newcomer"):
        forged.finished(job, 1)


@forged("reservations")
def a_reservation_is_taken_from_a_better_job(forged: ForgedHistory) -> None:
    forged.made("better", operation="narrow", rank=1)
    forged.made("worse", operation="narrow", rank=2)
    forged.reserved("better", NARROW, rank=1)
    forged.script("claim_job", "evicted", "better", NARROW, "worse")
    forged.script("claim_job", "unreserved", "better")
    forged.claimed("worse", 1, slots=NARROW_SLOTS)
    forged.finished("worse", 1)
    forged.became("better", "queued", "cancelled", by="cancel_job")


@forged("reservations")
def more_places_are_reserved_than_exist(forged: ForgedHistory) -> None:
    for job in ("one", "two", "three"):
        forged.made(job, operation="narrow")
        forged.reserved(job, NARROW)
    for job in ("one", "two", "three"):
        forged.script("cancel_job", "unreserved", job)
        forged.became(job, "queued", "cancelled", by="cancel_job")


# order


@forged("order")
def a_younger_job_gets_a_reservation_before_an_older_one(forged: ForgedHistory) -> None:
    older_and_younger_wait(forged)
    with_reservation(forged, "younger", MIDDLE_RANK + 1)
    claimed_in_turn(forged, "younger", "older")


@forged("order")
def a_worse_job_gets_a_reservation_of_equal_size(
    forged: ForgedHistory,
) -> None:
    for job, rank in (("better", 1), ("worse", 2)):
        forged.made(job, operation="wide", rank=rank)
        forged.blocked(job, GPU, 2)
    forged.unblocked("worse", GPU)
    forged.script("finish_job", "reserved", "worse", "2", [["operation:wide", 1], [GPU, 2]])
    for job in ("worse", "better"):
        forged.claimed(job, 1, slots=[["operation:wide", 1], [GPU, 2]])
        forged.finished(job, 1)


@forged("order")
def a_lapsed_job_yields_for_longer_than_ten_reservations(
    forged: ForgedHistory,
) -> None:
    older_and_younger_wait(forged)
    with_reservation(forged, "older", MIDDLE_RANK)
    forged.wait(1000)
    forged.script("unblock_jobs", "unreserved", "older")
    forged.blocked("older", NARROW)
    forged.wait(10_000)
    with_reservation(forged, "younger", MIDDLE_RANK + 1)
    claimed_in_turn(forged, "younger", "older")


@forged("order")
def an_unreserved_job_takes_a_place_before_a_better_one(forged: ForgedHistory) -> None:
    forged.made("older", operation="narrow")
    forged.blocked("older", NARROW)
    forged.made("younger", operation="narrow", rank=MIDDLE_RANK + 1)
    claimed_in_turn(forged, "younger", "older")


@forged("order")
def a_worker_starts_five_of_lower_priority_first(
    forged: ForgedHistory,
) -> None:
    urgent_one_among(forged, [URGENT + PRIORITY] * 5)


@forged("order")
def a_worker_starts_five_later_queued_jobs_first(forged: ForgedHistory) -> None:
    forged.made("first", rank=URGENT)
    forged.confirmed("first")
    for number in range(5):
        forged.ran(f"later-{number}", rank=URGENT + 1)
    forged.claimed("first", 1)
    forged.finished("first", 1)


@forged("order")
def a_job_is_overtaken_well_after_a_fault(forged: ForgedHistory) -> None:
    forged.did("begin")
    forged.did("over")
    forged.wait(SETTLE_MS + 1)
    urgent_one_among(forged, [URGENT + PRIORITY] * 5)


@forged("order")
def a_job_is_overtaken_after_the_last_fault(forged: ForgedHistory) -> None:
    forged.did("begin")
    forged.did("quiesce")
    forged.wait(SETTLE_MS + 1)
    urgent_one_among(forged, [URGENT + PRIORITY] * 5)


# result-of-attempt


@forged("result-of-attempt")
def the_result_is_of_the_previous_attempt(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.noted("end", "job", 1, "first")
    forged.wait(LEASE_MS)
    forged.reaped("job", 1)
    forged.claimed("job", 2)
    forged.finished("job", 2, "second")
    forged.jobs["job"]["result_nonce"] = "first"


@forged("result-of-attempt")
def no_function_returned_the_result(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.reported("job", 1, "succeeded")
    forged.became("job", "running", "succeeded")
    forged.jobs["job"]["result_nonce"] = "nonce"


@forged("result-of-attempt")
def the_stored_result_is_empty(forged: ForgedHistory) -> None:
    forged.ran("job")
    forged.jobs["job"]["result_nonce"] = None


@forged("result-of-attempt")
def a_caller_read_another_result_before_the_purge(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.finished("job", 1)
    forged.read("job", "succeeded", "another")
    forged.purged("job")


# transitions


@forged("transitions")
def a_queued_job_succeeds_without_a_run(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.became("job", "queued", "scheduled")
    forged.became("job", "scheduled", "cancelled", by="cancel_job")


@forged("transitions")
def a_script_read_a_wrong_status(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.became("job", "scheduled", "cancelled", by="cancel_job")


@forged("transitions")
def no_script_created_a_record(forged: ForgedHistory) -> None:
    counted = {"attempt": 0, "failures": 0, "crashes": 0}
    forged.jobs["job"] = {"status": "succeeded", **counted, "result_nonce": "nonce"}


# unique


@forged("unique")
def two_active_jobs_share_a_fingerprint(forged: ForgedHistory) -> None:
    forged.made("first", unique="same")
    forged.made("second", unique="same")
    for job in ("first", "second"):
        forged.became(job, "queued", "cancelled", by="cancel_job")


@forged("unique")
def two_active_jobs_are_duplicates_only_to_callers(forged: ForgedHistory) -> None:
    for job in ("first", "second"):
        forged.made(job, operation="single", unique=f"print of {job}")
        forged.called("submit", job, operation="single", unique="one")
    for job in ("first", "second"):
        forged.became(job, "queued", "cancelled", by="cancel_job")


@forged("transitions")
def a_queued_job_of_a_known_operation_fails(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.became("job", "queued", "failed", by="claim_job")


# whole-history


@forged("whole-history")
def the_first_events_of_the_scripts_are_missing(forged: ForgedHistory) -> None:
    for event in forged.events:
        if event["from"] == "script":
            event["seq"] += 1


@forged("whole-history")
def an_event_of_the_scripts_is_unknown(forged: ForgedHistory) -> None:
    forged.script("claim_job", "clamied", "job")


@forged("whole-history")
def an_event_of_the_scripts_is_missing(forged: ForgedHistory) -> None:
    forged.script("claim_job", "answered", "taken")
    forged.script("claim_job", "answered", "taken")
    forged.script("claim_job", "answered", "taken")
    del forged.events[-2]


# after


@forged("after")
def started_before_another_has_ended(forged: ForgedHistory) -> None:
    forged.made("first")
    forged.waits("job", "other", "first")
    forged.script("submit_job", "settled", "job", "other", "succeeded")
    forged.became("job", "scheduled", "queued", by="submit_job")
    forged.claimed("first", 1)
    forged.finished("first", 1)
    forged.became("job", "queued", "cancelled", by="cancel_job")


@forged("after")
def started_although_another_failed(forged: ForgedHistory) -> None:
    forged.made("first")
    forged.waits("job", "first")
    forged.claimed("first", 1)
    forged.failed("first", 1)
    forged.settled("job", "first", "failed", "queued")
    forged.became("job", "queued", "cancelled", by="cancel_job")


@forged("after")
def told_of_a_false_success(forged: ForgedHistory) -> None:
    forged.made("first")
    forged.waits("job", "first", policy="finished")
    forged.claimed("first", 1)
    forged.failed("first", 1)
    forged.settled("job", "first", "succeeded", "queued")
    forged.became("job", "queued", "cancelled", by="cancel_job")


@forged("after")
def ended_by_a_dependency_that_was_never_lost(forged: ForgedHistory) -> None:
    forged.made("first")
    forged.waits("job", "first")
    forged.settled("job", "first", "lost", "cancelled", by="check_dependencies")
    forged.claimed("first", 1)
    forged.finished("first", 1)


@forged("after")
def ended_by_a_recovered_dependency(forged: ForgedHistory) -> None:
    forged.made("first")
    forged.waits("job", "first")
    forged.lost("first")
    forged.made("first", by="recover_job")
    forged.settled("job", "first", "lost", "cancelled", by="check_dependencies")
    forged.claimed("first", 1)
    forged.finished("first", 1)


@forged("accepted-ends")
def forgotten_after_its_dependency_ended(forged: ForgedHistory) -> None:
    forged.waits("job", "other")


# saved


def _saved_and_failed(forged: ForgedHistory, *pages: int, written: bool = True) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.found("job", 1, None)
    forged.saved("job", 1, *pages, written=written)
    forged.failed("job", 1, "scheduled")
    forged.became("job", "scheduled", "queued", by="promote_due")
    forged.claimed("job", 2)


@forged("saved")
def an_older_state_is_found_than_that_with_which_the_job_was_given_back(
    forged: ForgedHistory,
) -> None:
    _saved_and_failed(forged, 1, 2)
    forged.found("job", 2, 1, page=1)
    forged.finished("job", 2)


@forged("saved")
def nothing_is_found_although_an_attempt_had_saved(forged: ForgedHistory) -> None:
    _saved_and_failed(forged, 1)
    forged.found("job", 2, None)
    forged.finished("job", 2)


@forged("saved")
def the_last_state_was_not_written_before_the_job_was_given_back(forged: ForgedHistory) -> None:
    _saved_and_failed(forged, 1, written=False)
    forged.found("job", 2, None)
    forged.finished("job", 2)


@forged("saved")
def a_state_is_found_that_no_attempt_saved(forged: ForgedHistory) -> None:
    _saved_and_failed(forged, 1)
    forged.found("job", 2, 1, page=7)
    forged.finished("job", 2)


@forged("saved")
def a_stale_attempt_overwrites_the_state_of_the_one_that_runs(forged: ForgedHistory) -> None:
    forged.made("job")
    forged.claimed("job", 1)
    forged.wait(LEASE_MS)
    forged.reaped("job", 1)
    forged.claimed("job", 2)
    forged.saved("job", 2, 2)
    forged.saved("job", 1, 1)
    forged.finished("job", 2)


@pytest.mark.parametrize(
    ("invariant", "forge"), [pytest.param(*each, id=each[1].__name__) for each in FORGED]
)
def test_a_forged_history_violates_only_the_invariant_of_its_fault(
    invariant: str, forge: Forge
) -> None:
    verdict = check(told(forge))

    assert names(verdict) == {invariant}, verdict.violations


def test_each_invariant_has_a_forged_history() -> None:
    tried = {invariant for invariant, _ in FORGED}

    assert tried | {"vacuous"} == set(INVARIANTS)


def _is_second_start(event: Event) -> bool:
    """Keep a claim whose status change a script without its guard would not repeat."""
    return (
        event.get("what") == "status"
        and event["values"][1:3] == ["queued", "running"]
        and (event["at"] > 1000 + LEASE_MS - 100)
    )


def _number(events: Iterable[Event]) -> None:
    for seq, event in enumerate((each for each in events if each["from"] == "script"), 1):
        event["seq"] = seq
