"""Running: the fence, the lease, and every way out of a run."""

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
from tests.world import LEASE, World

SUCCESS = encode_result({"found": 7}, max_bytes=100)
FAILURE = RunOutcome(error={"type": "failure", "detail": "no"})
BOUNDS = LogBounds(lines=3, bytes=20)
SECOND = timedelta(seconds=1)


def reap_after(world: World, seconds: int) -> int:
    """Let the housekeeper tick each second, as long as that."""
    ended = reap(world.store, lease=LEASE)
    for _ in range(seconds):
        world.pass_time(1000)
        ended += reap(world.store, lease=LEASE)
    return ended


def leave(world: World, fence: Fence, way: str) -> str:
    if way == "retry":
        return retry(world.store, fence, delay=SECOND, error={"type": "failure"})
    if way == "release":
        return release(world.store, fence)
    return finish(world.store, fence, SUCCESS if way == "finish" else FAILURE)


WAYS = {"finish": "finished", "fail": "finished", "retry": "scheduled", "release": "queued"}


@pytest.mark.parametrize(("way", "word"), WAYS.items())
def test_a_repeat_after_a_lost_reply_answers_as_the_first_time(
    world: World, way: str, word: str
) -> None:
    fence = world.running()
    first = leave(world, fence, way)
    before = look(world.store)

    second = leave(world, fence, way)

    assert (first, second) == (word, word)
    assert look(world.store) == before


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrong", ["attempt", "token"])
def test_a_stale_fence_is_refused_and_changes_nothing(world: World, way: str, wrong: str) -> None:
    fence = world.running()
    other = Fence(
        fence.job_id,
        fence.attempt + (wrong == "attempt"),
        "other" if wrong == "token" else fence.token,
    )
    before = look(world.store)

    word = leave(world, other, way)

    assert word == "stale"
    assert look(world.store) == before


@pytest.mark.parametrize("way", WAYS)
def test_every_way_out_of_cancelling_ends_the_job_cancelled(world: World, way: str) -> None:
    fence = world.running("single")
    waiter = world.submitted("single")
    world.claim(waiter)
    cancel(world.store, fence.job_id)

    word = leave(world, fence, way)

    assert word == ("finished" if way in ("finish", "fail") else "cancelled")
    assert world.status(fence.job_id) == "cancelled"
    assert fence.job_id not in look(world.store).results
    assert "reserved" in world.record(waiter)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_out_gives_the_places_to_the_next_at_once(world: World, way: str) -> None:
    fence = world.running("single", slots="resource:gpu=2")
    waiter = world.submitted(slots="resource:gpu=1")
    world.claim(waiter)

    leave(world, fence, way)

    assert "reserved" in world.record(waiter)


def test_a_result_is_there_in_the_same_step_as_its_status(world: World) -> None:
    fence = world.running()

    finish(world.store, fence, SUCCESS)

    record = read(world.store, fence.job_id, tenant="default")
    assert (record.status, record.result) == ("succeeded", {"found": 7})
    assert read_result(world.store, fence.job_id) == {"found": 7}


def test_the_first_outcome_stays_whatever_comes_after_it(world: World) -> None:
    fence = world.running()
    finish(world.store, fence, FAILURE)

    finish(world.store, fence, SUCCESS)

    record = read(world.store, fence.job_id, tenant="default")
    assert (record.status, record.result) == ("failed", None)


def test_a_finish_of_a_lost_record_says_that_it_is_missing(world: World) -> None:
    assert finish(world.store, Fence("nobody", 1, "token"), SUCCESS) == "missing"


def test_a_lease_that_runs_out_gives_the_job_to_another_and_refuses_the_first(
    world: World,
) -> None:
    first = world.running()

    ended = reap_after(world, 21)
    second = world.claim(first.job_id).fence

    assert ended == 1
    assert second is not None
    assert second.attempt == first.attempt + 1
    assert [leave(world, first, way) for way in WAYS] == ["stale"] * 4
    assert finish(world.store, second, SUCCESS) == "finished"


def test_a_heartbeat_keeps_the_lease(world: World) -> None:
    fence = world.running()

    for _ in range(5):
        assert reap_after(world, 15) == 0
        assert renew(world.store, [fence], lease=LEASE) == {fence.job_id: "kept"}

    assert world.status(fence.job_id) == "running"


def test_a_lease_that_reap_ended_is_never_revived(world: World) -> None:
    fence = world.running()
    reap_after(world, 21)

    words = renew(world.store, [fence], lease=LEASE)

    assert words == {fence.job_id: "lost"}
    assert not look(world.store).members("leases")


def test_one_heartbeat_tells_each_job_what_became_of_it(world: World) -> None:
    kept, stopped, released = world.running(), world.running(), world.running()
    gone = Fence("nobody", 1, "token")
    cancel(world.store, stopped.job_id)
    release(world.store, released)

    words = renew(world.store, [kept, stopped, released, gone], lease=LEASE)

    assert list(words.values()) == ["kept", "cancel", "lost", "missing"]


def test_an_outage_ends_no_lease_and_counts_no_crash(world: World) -> None:
    fence = world.running()
    reap(world.store, lease=LEASE)
    world.pass_time(3_600_000)

    ended = reap(world.store, lease=LEASE) + reap_after(world, 15)

    assert ended == 0
    assert renew(world.store, [fence], lease=LEASE) == {fence.job_id: "kept"}


def test_a_job_that_keeps_killing_its_workers_fails(world: World) -> None:
    job_id = world.submitted(max_crashes=3)

    for _ in range(3):
        assert world.claim(job_id).word == "claimed"
        reap_after(world, 21)

    record = read(world.store, job_id, tenant="default")
    assert (record.status, record.crashes, record.failures) == ("failed", 3, 0)
    assert record.error is not None
    assert record.error["type"] == "worker-lost"


def test_a_cancelling_job_whose_worker_dies_ends_cancelled(world: World) -> None:
    fence = world.running()
    cancel(world.store, fence.job_id)

    reap_after(world, 21)

    assert world.status(fence.job_id) == "cancelled"


def test_a_retry_counts_one_failure_and_waits_for_its_time(world: World) -> None:
    fence = world.running()

    retry(world.store, fence, delay=10 * SECOND, error={"type": "failure"})
    early = promote(world.store)
    world.pass_time(10_000)
    due = promote(world.store)

    assert (early, due) == (0, 1)
    assert world.claim(fence.job_id).failures == 1


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(days=365)])
def test_a_claim_says_how_long_the_job_waited_after_its_last_failure(
    world: World, delay: timedelta
) -> None:
    first = world.claim(world.submitted(), "first")
    assert first.fence is not None

    retry(world.store, first.fence, delay=delay, error={"type": "failure"})
    world.pass_time(delay // timedelta(milliseconds=1))
    promote(world.store)
    second = world.claim(first.fence.job_id, "second")
    repeated = world.claim(first.fence.job_id, "second")

    assert first.retry_delay is None
    assert second.retry_delay == repeated.retry_delay == delay


def test_a_late_repeat_of_a_retry_does_not_disturb_the_next_attempt(world: World) -> None:
    fence = world.running()
    leave(world, fence, "retry")
    world.pass_time(1000)
    promote(world.store)
    world.claim(fence.job_id)

    word = leave(world, fence, "retry")

    assert word == "stale"
    assert world.record(fence.job_id)["failures"] == "1"


def test_a_release_counts_nothing(world: World) -> None:
    fence = world.running()

    leave(world, fence, "release")

    claimed = world.claim(fence.job_id)
    assert (claimed.failures, claimed.crashes) == (0, 0)


@pytest.mark.parametrize("way", ["finish", "release", "retry"])
def test_progress_after_the_run_is_stale_and_writes_nothing(world: World, way: str) -> None:
    fence = world.running()
    leave(world, fence, way)
    before = look(world.store)

    word = progress(world.store, fence, ProgressReport(percent=1, lines=["late"]), bounds=BOUNDS)

    assert word == "stale"
    assert look(world.store) == before


def test_a_log_keeps_its_newest_lines_within_its_bounds(world: World) -> None:
    fence = world.running()

    for line in ("first", "second", "third", "a long fourth one"):
        progress(world.store, fence, ProgressReport(lines=[line]), bounds=BOUNDS)

    assert world.redis.lrange(world.store.keys("log", fence.job_id), 0, -1) == [
        b"a long fourth one"
    ]
    assert world.record(fence.job_id)["log_dropped"] == "3"


def test_a_new_attempt_begins_without_the_progress_of_the_last(world: World) -> None:
    fence = world.running()
    progress(
        world.store, fence, ProgressReport(percent=50, current=1, total=2, step="x"), bounds=BOUNDS
    )
    release(world.store, fence)

    world.claim(fence.job_id)

    seen = read(world.store, fence.job_id, tenant="default").progress
    assert (seen.percent, seen.current, seen.total, seen.step) == (None, None, None, None)


@pytest.mark.parametrize("state", ["scheduled", "queued", "blocked"])
def test_a_job_that_does_not_run_is_cancelled_at_once_and_for_good(
    world: World, state: str
) -> None:
    world.running("single")
    later = world.now_ms + 1000
    job_id = world.submitted("single", scheduled_ms=later if state == "scheduled" else None)
    if state == "blocked":
        world.claim(job_id)

    words = [cancel(world.store, job_id), cancel(world.store, job_id), world.claim(job_id).word]

    assert words == ["cancelled", "ended", "ended"]


def test_cancelling_a_running_job_tells_the_workers_each_time(world: World) -> None:
    fence = world.running()
    listener = world.redis.pubsub(ignore_subscribe_messages=True)
    listener.subscribe(world.store.keys.channel("cancels"))
    listener.get_message(timeout=1)

    words = [cancel(world.store, fence.job_id) for _ in range(2)]

    told = [listener.get_message(timeout=1) for _ in range(2)]
    listener.close()
    assert words == ["cancelling", "cancelling"]
    assert [message["data"].decode() for message in told if message] == [fence.job_id] * 2


def test_the_history_says_what_the_scripts_did_and_when_redis_did_it(world: World) -> None:
    history = world.store.keys("history")
    world.store.redis.xadd(history, {"what": "begun"})

    finish(world.store, world.running(), SUCCESS)

    told = [entry for _, entry in world.store.redis.xrange(history)[1:]]
    seen = [(entry[b"script"], entry[b"what"]) for entry in told if entry[b"what"] != b"answered"]
    assert seen == [
        (b"submit_job", b"created"),
        (b"confirm_wakeups", b"confirmed"),
        (b"claim_job", b"claimed"),
        (b"claim_job", b"status"),
        (b"finish_job", b"reported"),
        (b"finish_job", b"status"),
    ]
    assert {int(entry[b"at"]) for entry in told} == {world.now_ms}
