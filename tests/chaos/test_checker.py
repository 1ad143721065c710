"""The verdict on a run: each forged history fails by the name of its fault, and by no other."""
# long: a list of short stories, two or more for each invariant

from collections.abc import Callable, Iterable
from typing import Final

import pytest

from tests.chaos.checker import INVARIANTS, Verdict, check
from tests.chaos.story import LEASE_MS, MIDDLE_RANK, Story
from tests.chaos.verdict.order import SETTLE_MS
from tests.chaos.verdict.violation import Event

Forge = Callable[[Story], None]

NARROW: Final = "operation:narrow"
NARROW_SLOTS: Final = [[NARROW, 1]]
GPU: Final = "resource:gpu"
PRIORITY: Final = 10**13
URGENT: Final = PRIORITY + MIDDLE_RANK
FORGED: Final[list[tuple[str, Forge]]] = []


def forged(invariant: str) -> Callable[[Forge], Forge]:
    """Say which invariant a story breaks, and that it breaks no other."""

    def keep(forge: Forge) -> Forge:
        FORGED.append((invariant, forge))
        return forge

    return keep


def names(verdict: Verdict) -> set[str]:
    return {violation.invariant for violation in verdict.violations}


def told(forge: Forge) -> list[Event]:
    story = Story()
    story.ran("other")
    forge(story)
    return story.whole()


def older_and_younger_wait(story: Story) -> None:
    for job, rank in (("older", MIDDLE_RANK), ("younger", MIDDLE_RANK + 1)):
        story.made(job, operation="narrow", rank=rank)
        story.blocked(job, NARROW)


def promised(story: Story, job: str, rank: int) -> None:
    story.unblocked(job, NARROW)
    story.reserved(job, NARROW, rank)


def claimed_in_turn(story: Story, *jobs: str) -> None:
    for job in jobs:
        story.claimed(job, 1, slots=NARROW_SLOTS)
        story.unblocked(job, NARROW, by="claim_job")
        story.finished(job, 1)


def urgent_one_among(story: Story, ranks: Iterable[int]) -> None:
    """Let a job wait whose message RabbitMQ has, while its worker begins others."""
    for number, rank in enumerate(ranks):
        story.made(f"other-{number}", rank=rank)
        story.confirmed(f"other-{number}")
    story.made("urgent", rank=URGENT)
    story.confirmed("urgent")
    story.wait(10)
    jobs = [job for job in story.jobs if job.startswith("other-")]
    for job in (*jobs, "urgent"):
        story.claimed(job, 1)
        story.finished(job, 1)


# accepted-ends


@forged("accepted-ends")
def accepted_and_never_made(story: Story) -> None:
    story.called("submit", "job")


@forged("accepted-ends")
def accepted_in_a_batch_and_never_made(story: Story) -> None:
    story.called("batch", "", 201, jobs=["job"])


@forged("accepted-ends")
def still_queued_at_the_end(story: Story) -> None:
    story.made("job")
    story.called("submit", "job")


@forged("accepted-ends")
def still_running_at_the_end_though_nobody_heard_of_it(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)


@forged("accepted-ends")
def gone_without_a_purge(story: Story) -> None:
    story.ran("job")
    del story.jobs["job"]


@forged("accepted-ends")
def purged_while_it_ran(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    gone = story.jobs["job"]
    story.purged("job")
    story.jobs["job"] = gone
    story.finished("job", 1)


@forged("accepted-ends")
def a_final_status_changes(story: Story) -> None:
    story.ran("job")
    story.became("job", "succeeded", "failed")


@forged("accepted-ends")
def a_final_job_is_queued_again(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.failed("job", 1)
    story.became("job", "failed", "queued")
    story.became("job", "queued", "cancelled", by="cancel_job")


@forged("accepted-ends")
def the_record_says_something_else_than_its_last_script(story: Story) -> None:
    story.ran("job")
    story.jobs["job"]["status"] = "failed"


@forged("accepted-ends")
def a_caller_reads_another_end(story: Story) -> None:
    story.ran("job")
    story.read("job", "failed")


@forged("accepted-ends")
def a_caller_reads_that_an_ended_job_runs(story: Story) -> None:
    story.ran("job")
    story.wait(1)
    story.read("job", "running")


@forged("accepted-ends")
def made_twice(story: Story) -> None:
    story.made("job")
    story.made("job")
    story.became("job", "queued", "cancelled", by="cancel_job")


@forged("accepted-ends")
def lost_by_redis_and_never_recovered(story: Story) -> None:
    story.made("job")
    story.script("lose_job", "lost", "job")
    del story.jobs["job"]


@forged("accepted-ends")
def a_caller_does_not_find_what_was_accepted(story: Story) -> None:
    story.ran("job")
    story.called("poll", "job", 404)


@forged("accepted-ends")
def a_job_that_redis_lost_ends_in_another_way_for_a_caller(story: Story) -> None:
    story.made("job")
    story.script("lose_job", "lost", "job")
    story.made("job", by="recover_job")
    story.claimed("job", 1)
    story.finished("job", 1)
    story.read("job", "failed")


# cancelled-stays


@forged("cancelled-stays")
def a_job_that_was_asked_to_stop_succeeds(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.became("job", "running", "cancelling", by="cancel_job")
    story.noted("end", "job", 1)
    story.reported("job", 1, "succeeded")
    story.became("job", "cancelling", "succeeded")
    story.jobs["job"]["result_nonce"] = "nonce"


@forged("cancelled-stays")
def a_job_that_was_asked_to_stop_is_queued_again(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.became("job", "running", "cancelling", by="cancel_job")
    story.reported("job", 1, "queued", by="release_job")
    story.became("job", "cancelling", "queued", by="release_job")
    story.became("job", "queued", "cancelled", by="cancel_job")


@forged("cancelled-stays")
def a_caller_was_told_of_a_cancel_that_came_to_nothing(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.read("job", "cancelling", call="cancel")
    story.finished("job", 1)


# claimed-runs


@forged("claimed-runs")
def a_function_runs_and_nobody_claimed_its_job(story: Story) -> None:
    story.made("job")
    story.noted("begin", "job", 1)
    story.became("job", "queued", "cancelled", by="cancel_job")


@forged("claimed-runs")
def a_function_runs_as_an_attempt_too_many(story: Story) -> None:
    story.ran("job")
    story.noted("begin", "job", 2)


@forged("claimed-runs")
def one_attempt_runs_twice(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.noted("begin", "job", 1, "first")
    story.noted("begin", "job", 1, "second")
    story.finished("job", 1, "second")


@forged("claimed-runs")
def an_attempt_runs_twice_after_redis_had_lost_its_job(story: Story) -> None:
    story.made("job")
    story.script("lose_job", "lost", "job")
    story.made("job", by="recover_job")
    story.claimed("job", 1)
    story.noted("begin", "job", 1, "first")
    story.noted("begin", "job", 1, "second")
    story.finished("job", 1, "second")


# counted


@forged("counted")
def a_crash_is_not_counted(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.wait(LEASE_MS)
    story.reaped("job", 1)
    story.jobs["job"]["crashes"] = 0
    story.claimed("job", 2)
    story.finished("job", 2)


@forged("counted")
def a_preempted_attempt_is_counted(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.script("preempt_job", "preempted", "job", 1)
    story.wait(LEASE_MS)
    story.reaped("job", 1)
    story.claimed("job", 2)
    story.finished("job", 2)


@forged("counted")
def a_release_is_counted_as_a_failure(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.released("job", 1)
    story.jobs["job"]["failures"] = 1
    story.claimed("job", 2)
    story.finished("job", 2)


@forged("counted")
def one_failure_is_counted_twice(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.failed("job", 1, "scheduled")
    story.became("job", "scheduled", "queued", by="promote_due")
    story.jobs["job"]["failures"] = 2
    story.claimed("job", 2)
    story.finished("job", 2)


# idempotent


@forged("idempotent")
def one_key_answers_two_jobs(story: Story) -> None:
    story.ran("first")
    story.ran("second")
    story.called("submit", "first", idempotency_key="key")
    story.called("submit", "second", idempotency_key="key")


@forged("idempotent")
def one_key_makes_two_jobs_and_nobody_is_told(story: Story) -> None:
    story.ran("first", digest="digest")
    story.ran("second", digest="digest")


@forged("idempotent")
def a_key_that_made_a_job_is_refused_later(story: Story) -> None:
    story.ran("job")
    story.called("submit", "job", idempotency_key="key")
    story.wait(1)
    story.called("submit", "", 409, idempotency_key="key")


# limits


@forged("limits")
def one_more_runs_than_the_limit(story: Story) -> None:
    for job in ("one", "two", "three"):
        story.made(job, operation="narrow")
        story.claimed(job, 1, slots=NARROW_SLOTS)
    for job in ("one", "two", "three"):
        story.finished(job, 1)


@forged("limits")
def a_job_of_two_places_takes_one_too_many(story: Story) -> None:
    story.script("limit_slots", "limited", "operator", "resource:gpu", "2")
    for job, places in (("one", 1), ("two", 2)):
        story.made(job, operation=f"of {places}")
        story.claimed(job, 1, slots=[["resource:gpu", places]])
    for job in ("one", "two"):
        story.finished(job, 1)


@forged("limits")
def a_job_begins_during_a_pause(story: Story) -> None:
    story.script("limit_slots", "limited", "pause", NARROW, "0")
    story.script("limit_slots", "limited", "operator", NARROW, "5")
    story.made("job", operation="narrow")
    story.claimed("job", 1, slots=NARROW_SLOTS)
    story.finished("job", 1)


@forged("limits")
def a_lease_that_is_over_but_not_reaped_still_counts(story: Story) -> None:
    for job in ("one", "two"):
        story.made(job, operation="narrow")
        story.claimed(job, 1, slots=NARROW_SLOTS)
    story.wait(LEASE_MS + 1)
    story.made("three", operation="narrow")
    story.claimed("three", 1, slots=NARROW_SLOTS)
    for job in ("one", "two", "three"):
        story.finished(job, 1)


@forged("limits")
def a_job_runs_without_the_places_that_it_needs(story: Story) -> None:
    needs = {"wide": {"resource:gpu": 2}}
    story.events.append({"from": "limits", "at": 0, "limits": {}, "needs": needs})
    story.made("job", operation="wide")
    story.claimed("job", 1, slots=[["operation:wide", 1]])
    story.finished("job", 1)


# nothing-left


@forged("nothing-left")
def an_entry_is_left(story: Story) -> None:
    story.held.append("leases still holds job")


@forged("nothing-left")
def a_set_differs_from_the_records(story: Story) -> None:
    story.complaints.append("active holds a job that ended")


# one-lease


@forged("one-lease")
def claimed_in_the_last_millisecond_of_another_lease(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.wait(LEASE_MS - 1)
    story.claimed("job", 2)
    story.finished("job", 2)
    story.events = [e for e in story.events if not _is_second_start(e)]
    _number(story.events)


@forged("one-lease")
def claimed_after_a_lease_that_nobody_ended(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.wait(LEASE_MS)
    story.claimed("job", 2)
    story.finished("job", 2)
    story.events = [e for e in story.events if not _is_second_start(e)]
    _number(story.events)


@forged("one-lease")
def reaped_though_a_heartbeat_renewed_it(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.wait(LEASE_MS - 1)
    story.renewed("job", 1)
    story.wait(LEASE_MS - 1)
    story.reaped("job", 1)
    story.claimed("job", 2)
    story.finished("job", 2)


@forged("one-lease")
def a_lease_of_before_is_renewed(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.wait(LEASE_MS)
    story.reaped("job", 1)
    story.claimed("job", 2)
    story.renewed("job", 1)
    story.finished("job", 2)


@forged("one-lease")
def an_attempt_has_the_number_of_the_one_before(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.released("job", 1)
    story.claimed("job", 1)
    story.finished("job", 1)


@forged("one-lease")
def a_running_job_is_queued_again_and_nobody_had_left_it(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.became("job", "running", "queued", by="promote_due")
    story.claimed("job", 2)
    story.finished("job", 2)


@forged("one-lease")
def the_record_counts_more_attempts_than_were_claimed(story: Story) -> None:
    story.ran("job")
    story.jobs["job"]["attempt"] = 2


# one-outcome


@forged("one-outcome")
def a_job_fails_and_nobody_said_so(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.became("job", "running", "failed")


@forged("one-outcome")
def a_job_fails_whose_attempt_said_that_it_is_to_be_retried(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.reported("job", 1, "scheduled", by="retry_job")
    story.became("job", "running", "failed", by="retry_job")


@forged("one-outcome")
def the_outcome_of_a_reaped_attempt_counts(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.wait(LEASE_MS)
    story.reaped("job", 1)
    story.claimed("job", 2)
    story.noted("end", "job", 1, "nonce")
    story.noted("end", "job", 2, "nonce")
    story.reported("job", 1, "succeeded")
    story.became("job", "running", "succeeded")
    story.jobs["job"]["result_nonce"] = "nonce"


@forged("one-outcome")
def the_same_number_with_another_token_reports(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1, token="another")
    story.finished("job", 1)


@forged("one-outcome")
def two_outcomes_are_taken(story: Story) -> None:
    story.ran("job")
    story.reported("job", 1, "failed")


@forged("one-outcome")
def a_job_succeeds_and_nobody_said_so(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.noted("end", "job", 1)
    story.became("job", "running", "succeeded")
    story.jobs["job"]["result_nonce"] = "nonce"


# purged-stays


@forged("purged-stays")
def a_late_message_brings_a_purged_job_back(story: Story) -> None:
    story.made("job")
    story.became("job", "queued", "cancelled", by="cancel_job")
    story.purged("job")
    story.made("job", by="recover_job")
    story.became("job", "queued", "cancelled", by="cancel_job")


@forged("purged-stays")
def a_caller_reads_a_job_that_was_purged(story: Story) -> None:
    story.ran("job")
    story.purged("job")
    story.called("purge", "job", 204)
    story.wait(1)
    story.read("job", "succeeded", "nonce")


# reservations


@forged("reservations")
def a_reservation_is_dropped_by_a_claim_that_is_ranked_no_better(story: Story) -> None:
    story.made("promised", operation="narrow")
    story.reserved("promised", NARROW)
    story.made("newcomer", operation="narrow")
    story.script("claim_job", "unreserved", "promised")
    story.claimed("newcomer", 1, slots=NARROW_SLOTS)
    story.finished("newcomer", 1)
    story.became("promised", "queued", "cancelled", by="cancel_job")


@forged("reservations")
def a_reservation_lapses_too_early(story: Story) -> None:
    story.made("job", operation="narrow")
    story.reserved("job", NARROW)
    story.wait(999)
    story.script("unblock_jobs", "unreserved", "job")
    story.became("job", "queued", "cancelled", by="cancel_job")


@forged("reservations")
def a_reservation_is_dropped_by_who_should_not_care(story: Story) -> None:
    story.made("job", operation="narrow")
    story.reserved("job", NARROW)
    story.script("progress_job", "unreserved", "job")
    story.reserved("job", NARROW)
    story.claimed("job", 1, slots=NARROW_SLOTS)
    story.finished("job", 1)


@forged("reservations")
def a_newcomer_of_the_same_rank_takes_a_reserved_place(story: Story) -> None:
    story.made("runs", operation="narrow")
    story.claimed("runs", 1, slots=NARROW_SLOTS)
    for job in ("promised", "newcomer"):
        story.made(job, operation="narrow")
    story.reserved("promised", NARROW)
    story.claimed("newcomer", 1, slots=NARROW_SLOTS)
    story.became("promised", "queued", "cancelled", by="cancel_job")
    for job in ("runs", "newcomer"):
        story.finished(job, 1)


@forged("reservations")
def a_reservation_is_taken_from_a_better_job(story: Story) -> None:
    story.made("better", operation="narrow", rank=1)
    story.made("worse", operation="narrow", rank=2)
    story.reserved("better", NARROW, rank=1)
    story.script("claim_job", "evicted", "better", NARROW, "worse")
    story.script("claim_job", "unreserved", "better")
    story.claimed("worse", 1, slots=NARROW_SLOTS)
    story.finished("worse", 1)
    story.became("better", "queued", "cancelled", by="cancel_job")


@forged("reservations")
def more_is_promised_than_there_is(story: Story) -> None:
    for job in ("one", "two", "three"):
        story.made(job, operation="narrow")
        story.reserved(job, NARROW)
    for job in ("one", "two", "three"):
        story.script("cancel_job", "unreserved", job)
        story.became(job, "queued", "cancelled", by="cancel_job")


# order


@forged("order")
def a_younger_job_is_promised_the_place_for_which_an_older_one_waits(story: Story) -> None:
    older_and_younger_wait(story)
    promised(story, "younger", MIDDLE_RANK + 1)
    claimed_in_turn(story, "younger", "older")


@forged("order")
def a_job_that_wants_more_waits_where_a_worse_one_is_promised_as_much(story: Story) -> None:
    for job, rank in (("better", 1), ("worse", 2)):
        story.made(job, operation="wide", rank=rank)
        story.blocked(job, GPU, 2)
    story.unblocked("worse", GPU)
    story.script("finish_job", "reserved", "worse", "2", [["operation:wide", 1], [GPU, 2]])
    for job in ("worse", "better"):
        story.claimed(job, 1, slots=[["operation:wide", 1], [GPU, 2]])
        story.finished(job, 1)


@forged("order")
def a_lapsed_job_is_passed_over_for_longer_than_ten_times_its_reservation(story: Story) -> None:
    older_and_younger_wait(story)
    promised(story, "older", MIDDLE_RANK)
    story.wait(1000)
    story.script("unblock_jobs", "unreserved", "older")
    story.blocked("older", NARROW)
    story.wait(10_000)
    promised(story, "younger", MIDDLE_RANK + 1)
    claimed_in_turn(story, "younger", "older")


@forged("order")
def a_job_without_a_promise_takes_a_place_where_a_better_one_waits(story: Story) -> None:
    story.made("older", operation="narrow")
    story.blocked("older", NARROW)
    story.made("younger", operation="narrow", rank=MIDDLE_RANK + 1)
    claimed_in_turn(story, "younger", "older")


@forged("order")
def a_worker_begins_five_of_a_lower_priority_before_one_that_is_ready(story: Story) -> None:
    urgent_one_among(story, [URGENT + PRIORITY] * 5)


@forged("order")
def a_worker_begins_five_that_came_to_the_queue_later(story: Story) -> None:
    story.made("first", rank=URGENT)
    story.confirmed("first")
    for number in range(5):
        story.ran(f"later-{number}", rank=URGENT + 1)
    story.claimed("first", 1)
    story.finished("first", 1)


@forged("order")
def a_job_is_overtaken_after_a_fault_is_undone_and_has_settled(story: Story) -> None:
    story.did("begin")
    story.did("over")
    story.wait(SETTLE_MS + 1)
    urgent_one_among(story, [URGENT + PRIORITY] * 5)


@forged("order")
def a_job_is_overtaken_in_the_calm_at_the_end(story: Story) -> None:
    story.did("begin")
    story.did("calm")
    story.wait(SETTLE_MS + 1)
    urgent_one_among(story, [URGENT + PRIORITY] * 5)


# result-of-attempt


@forged("result-of-attempt")
def the_result_is_of_the_attempt_before(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.noted("end", "job", 1, "first")
    story.wait(LEASE_MS)
    story.reaped("job", 1)
    story.claimed("job", 2)
    story.finished("job", 2, "second")
    story.jobs["job"]["result_nonce"] = "first"


@forged("result-of-attempt")
def a_result_came_from_no_function(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.reported("job", 1, "succeeded")
    story.became("job", "running", "succeeded")
    story.jobs["job"]["result_nonce"] = "nonce"


@forged("result-of-attempt")
def the_stored_result_is_empty(story: Story) -> None:
    story.ran("job")
    story.jobs["job"]["result_nonce"] = None


@forged("result-of-attempt")
def a_caller_read_another_result_before_the_purge(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.finished("job", 1)
    story.read("job", "succeeded", "another")
    story.purged("job")


# transitions


@forged("transitions")
def a_queued_job_succeeds_without_a_run(story: Story) -> None:
    story.made("job")
    story.became("job", "queued", "scheduled")
    story.became("job", "scheduled", "cancelled", by="cancel_job")


@forged("transitions")
def a_script_saw_another_status_than_there_was(story: Story) -> None:
    story.made("job")
    story.became("job", "scheduled", "cancelled", by="cancel_job")


@forged("transitions")
def a_record_is_there_that_no_script_made(story: Story) -> None:
    counted = {"attempt": 0, "failures": 0, "crashes": 0}
    story.jobs["job"] = {"status": "succeeded", **counted, "result_nonce": "nonce"}


# unique


@forged("unique")
def two_active_jobs_share_a_fingerprint(story: Story) -> None:
    story.made("first", unique="same")
    story.made("second", unique="same")
    for job in ("first", "second"):
        story.became(job, "queued", "cancelled", by="cancel_job")


@forged("unique")
def two_active_jobs_are_the_same_to_callers_and_not_to_the_scripts(story: Story) -> None:
    for job in ("first", "second"):
        story.made(job, operation="single", unique=f"print of {job}")
        story.called("submit", job, operation="single", unique="one")
    for job in ("first", "second"):
        story.became(job, "queued", "cancelled", by="cancel_job")


@forged("transitions")
def a_queued_job_fails_though_its_operation_is_known(story: Story) -> None:
    story.made("job")
    story.became("job", "queued", "failed", by="claim_job")


# whole-history


@forged("whole-history")
def the_first_events_of_the_scripts_are_missing(story: Story) -> None:
    for event in story.events:
        if event["from"] == "script":
            event["seq"] += 1


@forged("whole-history")
def the_scripts_tell_what_nobody_judges(story: Story) -> None:
    story.script("claim_job", "clamied", "job")


@forged("whole-history")
def an_event_of_the_scripts_is_missing(story: Story) -> None:
    story.script("claim_job", "answered", "taken")
    story.script("claim_job", "answered", "taken")
    story.script("claim_job", "answered", "taken")
    del story.events[-2]


@pytest.mark.parametrize(
    ("invariant", "forge"), [pytest.param(*each, id=each[1].__name__) for each in FORGED]
)
def test_a_forged_history_fails_by_the_name_of_its_fault_alone(
    invariant: str, forge: Forge
) -> None:
    verdict = check(told(forge))

    assert names(verdict) == {invariant}, verdict.violations


def test_each_invariant_has_a_forged_history() -> None:
    tried = {invariant for invariant, _ in FORGED}

    assert tried | {"vacuous"} == set(INVARIANTS)


def _is_second_start(event: Event) -> bool:
    """Leave a claim alone whose status change a script without its guard would not repeat."""
    return (
        event.get("what") == "status"
        and event["values"][1:3] == ["queued", "running"]
        and (event["at"] > 1000 + LEASE_MS - 100)
    )


def _number(events: Iterable[Event]) -> None:
    for seq, event in enumerate((each for each in events if each["from"] == "script"), 1):
        event["seq"] = seq
