"""The verdict on runs in which much happened and nothing was wrong."""

import pytest

from tests.chaos.checker import check, main
from tests.chaos.history import History
from tests.chaos.story import LEASE_MS, MIDDLE_RANK, Story
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
    promised,
    urgent_one_among,
)
from tests.chaos.verdict.order import SETTLE_MS, THREADS


def renewed_in_between_and_reaped_at_the_very_end(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    for _ in range(3):
        story.wait(LEASE_MS - 1)
        story.renewed("job", 1)
    story.wait(LEASE_MS)
    story.reaped("job", 1)
    story.claimed("job", 2)
    story.finished("job", 2)


def released_and_claimed_in_the_same_millisecond(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.released("job", 1)
    story.claimed("job", 2)
    story.finished("job", 2)


def extended_because_everybody_was_away(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.wait(10 * LEASE_MS)
    story.script("reap_leases", "extended", "job", story.now_ms + LEASE_MS)
    story.wait(LEASE_MS)
    story.reaped("job", 1)
    story.claimed("job", 2)
    story.finished("job", 2)


def a_stale_run_reports_late_and_is_refused(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.noted("begin", "job", 1, "first")
    story.wait(LEASE_MS)
    story.reaped("job", 1)
    story.claimed("job", 2)
    story.noted("begin", "job", 2, "second")
    story.noted("end", "job", 1, "first")
    story.script("finish_job", "answered", "stale")
    story.finished("job", 2, "second")
    story.script("finish_job", "answered", "ended")


def purged_and_asked_for_again(story: Story) -> None:
    story.ran("job", unique="same")
    story.called("submit", "job", operation="single", unique="one")
    story.purged("job")
    story.script("recover_job", "answered", "tombstoned")
    story.ran("again", unique="same")
    story.called("submit", "again", operation="single", unique="one")


def a_lost_record_comes_back_with_its_keys(story: Story) -> None:
    for by in ("submit_job", "recover_job"):
        story.made("job", unique="same", digest="digest", by=by)
        if by == "submit_job":
            story.script("lose_job", "lost", "job")
    story.claimed("job", 1)
    story.finished("job", 1)


def its_heir_was_made_while_redis_had_lost_it(story: Story) -> None:
    story.made("job", unique="same", digest="digest")
    story.called("submit", "job", operation="single", unique="one", idempotency_key="key")
    story.script("lose_job", "lost", "job")
    story.made("successor", unique="same", digest="digest")
    story.called("submit", "successor", operation="single", unique="one", idempotency_key="key")
    story.made("job", by="recover_job")
    story.became("job", "queued", "cancelled", by="recover_job")
    story.claimed("successor", 1)
    story.finished("successor", 1)


def a_lowered_limit_lets_running_jobs_run_on(story: Story) -> None:
    for job in ("one", "two"):
        story.made(job, operation="narrow")
        story.claimed(job, 1, slots=NARROW_SLOTS)
    story.script("limit_slots", "limited", "operator", NARROW, "1")
    story.finished("one", 1)
    story.finished("two", 1)
    story.script("limit_slots", "limited", "operator", NARROW, "")
    for job in ("three", "four"):
        story.made(job, operation="narrow")
        story.claimed(job, 1, slots=NARROW_SLOTS)
        story.finished(job, 1)


def a_reservation_yields_to_a_better_newcomer_and_is_claimed_later(story: Story) -> None:
    story.script("limit_slots", "limited", "operator", NARROW, "1")
    story.made("worse", operation="narrow", rank=2)
    story.made("better", operation="narrow", rank=1)
    story.reserved("worse", NARROW, rank=2)
    story.script("claim_job", "evicted", "worse", NARROW, "better")
    story.script("claim_job", "unreserved", "worse")
    story.claimed("better", 1, slots=NARROW_SLOTS)
    story.finished("better", 1)
    story.reserved("worse", NARROW, rank=2)
    story.claimed("worse", 1, slots=NARROW_SLOTS)
    story.finished("worse", 1)


def a_unique_job_is_replaced_before_it_runs(story: Story) -> None:
    story.made("old", unique="same")
    story.called("submit", "old", operation="latest", unique="one")
    story.became("old", "queued", "cancelled", by="submit_job")
    story.ran("new", unique="same")
    story.called("submit", "new", operation="latest", unique="one")


def cancelled_while_it_ran_and_its_result_dropped(story: Story) -> None:
    story.made("job")
    story.claimed("job", 1)
    story.read("job", "cancelling", call="cancel")
    story.became("job", "running", "cancelling", by="cancel_job")
    story.noted("end", "job", 1)
    story.reported("job", 1, "succeeded")
    story.became("job", "cancelling", "cancelled")


def callers_got_no_answer_or_a_refusal(story: Story) -> None:
    story.events.append(
        {"from": "client", "call": "submit", "code": None, "error": "ReadTimeout", "job": None}
    )
    story.called("submit", "other", 409, operation="single", unique="one")
    story.called("cancel", "never made", 404)


def a_worker_begins_what_it_had_fetched_before_an_urgent_job_came(story: Story) -> None:
    urgent_one_among(story, [URGENT + PRIORITY] * THREADS)


def others_go_first_for_as_long_as_ten_reservations(story: Story) -> None:
    older_and_younger_wait(story)
    promised(story, "older", MIDDLE_RANK)
    story.wait(1000)
    story.script("unblock_jobs", "unreserved", "older")
    story.blocked("older", NARROW)
    story.wait(9_999)
    promised(story, "younger", MIDDLE_RANK + 1)
    claimed_in_turn(story, "younger", "older")


def a_job_that_wants_less_is_promised_what_is_free(story: Story) -> None:
    story.made("wide", rank=1)
    story.blocked("wide", GPU, 2)
    story.made("slim", rank=2)
    story.blocked("slim", GPU)
    story.unblocked("slim", GPU)
    story.reserved("slim", GPU, 2)
    for job, places in (("slim", 1), ("wide", 2)):
        story.claimed(job, 1, slots=[[GPU, places]])
        story.unblocked(job, GPU, by="claim_job")
        story.finished(job, 1)


def messages_are_out_of_order_while_something_is_broken(story: Story) -> None:
    story.did("begin")
    urgent_one_among(story, [URGENT + PRIORITY] * 20)
    story.did("over")


def messages_are_out_of_order_until_what_was_broken_has_settled(story: Story) -> None:
    story.did("begin")
    story.did("over")
    story.wait(SETTLE_MS - 1)
    urgent_one_among(story, [URGENT + PRIORITY] * 20)


def jobs_that_were_promised_places_go_before_their_equals(story: Story) -> None:
    story.made("first", rank=URGENT)
    story.confirmed("first")
    for number in range(THREADS + 1):
        job = f"promised-{number}"
        story.made(job, operation="narrow", rank=URGENT + 1)
        story.reserved(job, NARROW, URGENT + 1)
        story.claimed(job, 1, slots=NARROW_SLOTS)
        story.finished(job, 1)
    story.claimed("first", 1)
    story.finished("first", 1)


@pytest.mark.parametrize(
    "tell",
    [
        a_worker_begins_what_it_had_fetched_before_an_urgent_job_came,
        others_go_first_for_as_long_as_ten_reservations,
        a_job_that_wants_less_is_promised_what_is_free,
        messages_are_out_of_order_while_something_is_broken,
        messages_are_out_of_order_until_what_was_broken_has_settled,
        jobs_that_were_promised_places_go_before_their_equals,
        renewed_in_between_and_reaped_at_the_very_end,
        released_and_claimed_in_the_same_millisecond,
        extended_because_everybody_was_away,
        a_stale_run_reports_late_and_is_refused,
        purged_and_asked_for_again,
        a_lost_record_comes_back_with_its_keys,
        its_heir_was_made_while_redis_had_lost_it,
        a_lowered_limit_lets_running_jobs_run_on,
        a_reservation_yields_to_a_better_newcomer_and_is_claimed_later,
        a_unique_job_is_replaced_before_it_runs,
        cancelled_while_it_ran_and_its_result_dropped,
        callers_got_no_answer_or_a_refusal,
    ],
)
def test_what_is_allowed_passes(tell: Forge) -> None:
    story = Story()
    story.ran("other")
    tell(story)

    verdict = check(story.whole())

    assert verdict.holds, verdict.violations
    assert verdict.counts["violations"] == 0


def test_a_run_that_saw_less_than_it_must_is_vacuous_and_nothing_else() -> None:
    story = Story()
    a_stale_run_reports_late_and_is_refused(story)
    story.events.append({"from": "nemesis", "at": 1, "what": "kill", "target": "worker"})
    seen = {"stale": 2, "kills": 1, "kill worker": 1, "reaped": 1}

    enough = check(story.whole(), at_least=seen)
    short = check(story.whole(), at_least={**seen, "kills": 2})
    blind = check(story.whole(), at_least={"recoveries": 1})

    assert enough.holds, enough.violations
    assert names(short) == names(blind) == {"vacuous"}


def test_a_history_without_a_last_look_proves_nothing() -> None:
    story = Story()
    story.ran("job")

    verdict = check(story.events)

    assert names(verdict) == {"whole-history"}


def test_a_thousand_faults_of_a_kind_are_counted_and_a_few_are_told() -> None:
    story = Story()
    story.held = [f"leases still holds {number}" for number in range(1000)]

    verdict = check(story.whole())

    assert verdict.counts["violations"] == 1000
    assert 1 < len(verdict.violations) < 100


def test_the_verdict_on_a_kept_file_is_said_and_given_as_the_exit_code(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    story, codes = Story(), []
    story.ran("job")

    for name, held in (("right", []), ("wrong", ["leases still holds job"])):
        history = History(tmp_path_factory.mktemp(name) / "history.jsonl")
        story.held = list(held)
        history.add(*story.whole())
        history.close()
        codes.append(main([str(history.path)]))

    said = capsys.readouterr().out
    assert codes == [0, 1]
    assert "every promise was kept" in said
    assert "nothing-left: leases still holds job" in said
