"""Running: the fence, the lease, and every end of a run."""

from datetime import timedelta

import pytest

from callboard.jobs.cancel import cancel
from callboard.jobs.fence import Fence
from callboard.jobs.finish import RunOutcome, encode_result, finish
from callboard.jobs.progress import LogBounds, ProgressReport, progress
from callboard.jobs.promote import promote
from callboard.jobs.read import read
from callboard.jobs.reap import reap
from callboard.jobs.release import release
from callboard.jobs.renew import renew
from callboard.jobs.results import read_result
from callboard.jobs.retry import retry
from tests.invariants import look
from tests.job_system import LEASE, JobSystem

SUCCESS = encode_result({"found": 7}, max_bytes=100)
FAILURE = RunOutcome(error={"type": "failure", "detail": "no"})
BOUNDS = LogBounds(lines=3, bytes=20)
SECOND = timedelta(seconds=1)


def reap_after(job_system: JobSystem, seconds: int) -> int:
    """Let the housekeeper tick each second for some time."""
    ended = reap(job_system.store, lease=LEASE)
    for _ in range(seconds):
        job_system.pass_time(1000)
        ended += reap(job_system.store, lease=LEASE)
    return ended


def leave(job_system: JobSystem, fence: Fence, way: str) -> str:
    if way == "retry":
        return retry(job_system.store, fence, delay=SECOND, error={"type": "failure"})
    if way == "release":
        return release(job_system.store, fence)
    return finish(job_system.store, fence, SUCCESS if way == "finish" else FAILURE)


WAYS = {"finish": "finished", "fail": "finished", "retry": "scheduled", "release": "queued"}


@pytest.mark.parametrize(("way", "word"), WAYS.items())
def test_a_repeat_after_a_lost_reply_gets_the_same_answer(
    job_system: JobSystem, way: str, word: str
) -> None:
    fence = job_system.running()
    first = leave(job_system, fence, way)
    before = look(job_system.store)

    second = leave(job_system, fence, way)

    assert (first, second) == (word, word)
    assert look(job_system.store) == before


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrong", ["attempt", "token"])
def test_a_stale_fence_is_refused_and_changes_nothing(
    job_system: JobSystem, way: str, wrong: str
) -> None:
    fence = job_system.running()
    other = Fence(
        fence.job_id,
        fence.attempt + (wrong == "attempt"),
        "other" if wrong == "token" else fence.token,
    )
    before = look(job_system.store)

    word = leave(job_system, other, way)

    assert word == "stale"
    assert look(job_system.store) == before


@pytest.mark.parametrize("way", WAYS)
def test_every_report_of_a_cancelling_job_ends_it_cancelled(
    job_system: JobSystem, way: str
) -> None:
    fence = job_system.running("single")
    waiter = job_system.submitted("single")
    job_system.claim(waiter)
    cancel(job_system.store, fence.job_id)

    word = leave(job_system, fence, way)

    assert word == ("finished" if way in ("finish", "fail") else "cancelled")
    assert job_system.status(fence.job_id) == "cancelled"
    assert fence.job_id not in look(job_system.store).results
    assert "reserved" in job_system.record(waiter)


@pytest.mark.parametrize("way", WAYS)
def test_every_end_of_a_run_passes_the_places_on_at_once(job_system: JobSystem, way: str) -> None:
    fence = job_system.running("single", slots="resource:gpu=2")
    waiter = job_system.submitted(slots="resource:gpu=1")
    job_system.claim(waiter)

    leave(job_system, fence, way)

    assert "reserved" in job_system.record(waiter)


def test_a_result_is_stored_in_the_same_step_as_its_status(job_system: JobSystem) -> None:
    fence = job_system.running()

    finish(job_system.store, fence, SUCCESS)

    record = read(job_system.store, fence.job_id, tenant="default")
    assert (record.status, record.result) == ("succeeded", {"found": 7})
    assert read_result(job_system.store, fence.job_id) == {"found": 7}


def test_the_first_outcome_stays_whatever_is_reported_later(job_system: JobSystem) -> None:
    fence = job_system.running()
    finish(job_system.store, fence, FAILURE)

    finish(job_system.store, fence, SUCCESS)

    record = read(job_system.store, fence.job_id, tenant="default")
    assert (record.status, record.result) == ("failed", None)


def test_a_finish_of_a_lost_record_answers_missing(job_system: JobSystem) -> None:
    assert finish(job_system.store, Fence("nobody", 1, "token"), SUCCESS) == "missing"


def test_an_expired_lease_passes_the_job_on_and_refuses_its_first_attempt(
    job_system: JobSystem,
) -> None:
    first = job_system.running()

    ended = reap_after(job_system, 21)
    second = job_system.claim(first.job_id).fence

    assert ended == 1
    assert second is not None
    assert second.attempt == first.attempt + 1
    assert [leave(job_system, first, way) for way in WAYS] == ["stale"] * 4
    assert finish(job_system.store, second, SUCCESS) == "finished"


def test_a_heartbeat_keeps_the_lease(job_system: JobSystem) -> None:
    fence = job_system.running()

    for _ in range(5):
        assert reap_after(job_system, 15) == 0
        assert renew(job_system.store, [fence], lease=LEASE) == {fence.job_id: "kept"}

    assert job_system.status(fence.job_id) == "running"


def test_a_reaped_lease_is_never_revived(job_system: JobSystem) -> None:
    fence = job_system.running()
    reap_after(job_system, 21)

    words = renew(job_system.store, [fence], lease=LEASE)

    assert words == {fence.job_id: "lost"}
    assert not look(job_system.store).members("leases")


def test_one_heartbeat_reports_the_state_of_each_run(job_system: JobSystem) -> None:
    kept, stopped, released = job_system.running(), job_system.running(), job_system.running()
    gone = Fence("nobody", 1, "token")
    cancel(job_system.store, stopped.job_id)
    release(job_system.store, released)

    words = renew(job_system.store, [kept, stopped, released, gone], lease=LEASE)

    assert list(words.values()) == ["kept", "cancel", "lost", "missing"]


def test_an_outage_ends_no_lease_and_counts_no_crash(job_system: JobSystem) -> None:
    fence = job_system.running()
    reap(job_system.store, lease=LEASE)
    job_system.pass_time(3_600_000)

    ended = reap(job_system.store, lease=LEASE) + reap_after(job_system, 15)

    assert ended == 0
    assert renew(job_system.store, [fence], lease=LEASE) == {fence.job_id: "kept"}


def test_a_job_that_repeatedly_kills_its_worker_fails(job_system: JobSystem) -> None:
    job_id = job_system.submitted(max_crashes=3)

    for _ in range(3):
        assert job_system.claim(job_id).word == "claimed"
        reap_after(job_system, 21)

    record = read(job_system.store, job_id, tenant="default")
    assert (record.status, record.crashes, record.failures) == ("failed", 3, 0)
    assert record.error is not None
    assert record.error["type"] == "worker-lost"


def test_a_cancelling_job_whose_worker_dies_ends_cancelled(job_system: JobSystem) -> None:
    fence = job_system.running()
    cancel(job_system.store, fence.job_id)

    reap_after(job_system, 21)

    assert job_system.status(fence.job_id) == "cancelled"


def test_a_retry_counts_one_failure_and_waits_until_it_is_due(job_system: JobSystem) -> None:
    fence = job_system.running()

    retry(job_system.store, fence, delay=10 * SECOND, error={"type": "failure"})
    early = promote(job_system.store)
    job_system.pass_time(10_000)
    due = promote(job_system.store)

    assert (early, due) == (0, 1)
    assert job_system.claim(fence.job_id).failures == 1


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(days=365)])
def test_a_claim_returns_the_delay_before_the_last_retry(
    job_system: JobSystem, delay: timedelta
) -> None:
    first = job_system.claim(job_system.submitted(), "first")
    assert first.fence is not None

    retry(job_system.store, first.fence, delay=delay, error={"type": "failure"})
    job_system.pass_time(delay // timedelta(milliseconds=1))
    promote(job_system.store)
    second = job_system.claim(first.fence.job_id, "second")
    repeated = job_system.claim(first.fence.job_id, "second")

    assert first.retry_delay is None
    assert second.retry_delay == repeated.retry_delay == delay


def test_a_late_repeat_of_a_retry_does_not_disturb_the_next_attempt(job_system: JobSystem) -> None:
    fence = job_system.running()
    leave(job_system, fence, "retry")
    job_system.pass_time(1000)
    promote(job_system.store)
    job_system.claim(fence.job_id)

    word = leave(job_system, fence, "retry")

    assert word == "stale"
    assert job_system.record(fence.job_id)["failures"] == "1"


def test_a_release_counts_nothing(job_system: JobSystem) -> None:
    fence = job_system.running()

    leave(job_system, fence, "release")

    claimed = job_system.claim(fence.job_id)
    assert (claimed.failures, claimed.crashes) == (0, 0)


@pytest.mark.parametrize("way", ["finish", "release", "retry"])
def test_progress_after_the_run_is_refused(job_system: JobSystem, way: str) -> None:
    fence = job_system.running()
    leave(job_system, fence, way)
    before = look(job_system.store)

    word = progress(
        job_system.store, fence, ProgressReport(percent=1, lines=["late"]), bounds=BOUNDS
    )

    assert word == "stale"
    assert look(job_system.store) == before


def test_a_log_keeps_its_newest_lines(job_system: JobSystem) -> None:
    fence = job_system.running()

    for line in ("first", "second", "third", "a long fourth one"):
        progress(job_system.store, fence, ProgressReport(lines=[line]), bounds=BOUNDS)

    assert job_system.redis.lrange(job_system.store.keys("log", fence.job_id), 0, -1) == [
        b"a long fourth one"
    ]
    assert job_system.record(fence.job_id)["log_dropped"] == "3"


def test_a_new_attempt_begins_without_the_progress_of_the_last(job_system: JobSystem) -> None:
    fence = job_system.running()
    progress(
        job_system.store,
        fence,
        ProgressReport(percent=50, current=1, total=2, step="x"),
        bounds=BOUNDS,
    )
    release(job_system.store, fence)

    job_system.claim(fence.job_id)

    seen = read(job_system.store, fence.job_id, tenant="default").progress
    assert (seen.percent, seen.current, seen.total, seen.step) == (None, None, None, None)


@pytest.mark.parametrize("state", ["scheduled", "queued", "blocked"])
def test_a_job_that_is_not_running_is_cancelled_at_once_and_permanently(
    job_system: JobSystem, state: str
) -> None:
    job_system.running("single")
    later = job_system.now_ms + 1000
    job_id = job_system.submitted("single", scheduled_ms=later if state == "scheduled" else None)
    if state == "blocked":
        job_system.claim(job_id)

    words = [
        cancel(job_system.store, job_id),
        cancel(job_system.store, job_id),
        job_system.claim(job_id).word,
    ]

    assert words == ["cancelled", "ended", "ended"]


def test_each_cancel_of_a_running_job_notifies_the_workers(job_system: JobSystem) -> None:
    fence = job_system.running()
    listener = job_system.redis.pubsub(ignore_subscribe_messages=True)
    listener.subscribe(job_system.store.keys.channel("cancels"))
    listener.get_message(timeout=1)

    words = [cancel(job_system.store, fence.job_id) for _ in range(2)]

    told = [listener.get_message(timeout=1) for _ in range(2)]
    listener.close()
    assert words == ["cancelling", "cancelling"]
    assert [message["data"].decode() for message in told if message] == [fence.job_id] * 2


def test_the_history_has_what_the_scripts_did_in_the_order_of_redis(job_system: JobSystem) -> None:
    history = job_system.store.keys("history")
    job_system.store.redis.xadd(history, {"what": "begun"})

    finish(job_system.store, job_system.running(), SUCCESS)

    told = [entry for _, entry in job_system.store.redis.xrange(history)[1:]]
    seen = [(entry[b"script"], entry[b"what"]) for entry in told if entry[b"what"] != b"answered"]
    assert seen == [
        (b"submit_job", b"created"),
        (b"confirm_wakeups", b"confirmed"),
        (b"claim_job", b"claimed"),
        (b"claim_job", b"status"),
        (b"finish_job", b"reported"),
        (b"finish_job", b"status"),
    ]
    assert {int(entry[b"at"]) for entry in told} == {job_system.now_ms}
