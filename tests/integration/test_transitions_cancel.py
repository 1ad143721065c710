"""Cancelling in one step and in two, in every state of the job."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from redis.client import PubSub

from callboard.jobs.cancel import cancel
from callboard.jobs.fence import Fence
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.limit import limit
from callboard.jobs.promote import promote
from callboard.jobs.purge import purge
from callboard.jobs.renew import renew
from callboard.jobs.retry import retry
from tests.invariants import look
from tests.job_system import LIMITS, JobSystem

MINUTE_MS = 60_000
LEASE = timedelta(seconds=20)
SUCCESS = encode_result(1, max_bytes=100)


def _scheduled(job_system: JobSystem) -> str:
    return job_system.submitted(scheduled_ms=job_system.now_ms + MINUTE_MS)


def _queued(job_system: JobSystem) -> str:
    return job_system.submitted()


def _blocked(job_system: JobSystem) -> str:
    job_system.running("single")
    job_id = job_system.submitted("single")
    assert job_system.claim(job_id).word == "blocked"
    return job_id


def _running(job_system: JobSystem) -> str:
    return job_system.running().job_id


def _cancelling(job_system: JobSystem) -> str:
    job_id = job_system.running().job_id
    cancel(job_system.store, job_id)
    return job_id


def _waiting_for_a_retry(job_system: JobSystem) -> str:
    fence = job_system.running()
    retry(job_system.store, fence, delay=timedelta(minutes=1), error={"type": "failure"})
    return fence.job_id


def _in_one_step(job_system: JobSystem, job_id: str) -> str:
    return cancel(job_system.store, job_id)


def _in_two_steps(job_system: JobSystem, job_id: str) -> str:
    return job_system.confirm_cancel(job_id, job_system.ask_cancel(job_id)[1])


WAYS = pytest.mark.parametrize("way", [_in_one_step, _in_two_steps])
STATES = pytest.mark.parametrize(
    ("begin", "word"),
    [
        (_scheduled, "cancelled"),
        (_queued, "cancelled"),
        (_blocked, "cancelled"),
        (_running, "cancelling"),
        (_cancelling, "cancelling"),
        (_waiting_for_a_retry, "cancelled"),
    ],
)


@WAYS
@STATES
def test_a_cancel_ends_a_job_that_is_not_running_and_asks_a_running_one_to_stop(
    job_system: JobSystem,
    begin: Callable[[JobSystem], str],
    word: str,
    way: Callable[[JobSystem, str], str],
) -> None:
    job_id = begin(job_system)

    answered = way(job_system, job_id)

    assert (answered, job_system.status(job_id)) == (word, word)


@WAYS
def test_a_job_that_was_cancelled_while_it_waited_for_its_retry_never_runs_again(
    job_system: JobSystem, way: Callable[[JobSystem, str], str]
) -> None:
    job_id = _waiting_for_a_retry(job_system)
    way(job_system, job_id)
    job_system.pass_time(2 * MINUTE_MS)

    promoted = promote(job_system.store)

    assert (promoted, job_system.claim(job_id).word) == (0, "ended")


@WAYS
def test_a_repeated_cancel_notifies_again_and_forces_nothing(
    job_system: JobSystem, way: Callable[[JobSystem, str], str]
) -> None:
    fence = job_system.running()
    channel = job_system.store.redis.pubsub()
    channel.subscribe(job_system.store.keys.channel("cancels"))

    words = []
    for _ in range(2):
        way(job_system, fence.job_id)
        words += renew(job_system.store, [fence], lease=LEASE).values()

    assert words == ["cancel", "cancel"]
    told = [message["data"] for message in _heard(channel) if message["type"] == "message"]
    assert told == [fence.job_id.encode()] * 2


def test_a_forced_cancel_stays_forced(job_system: JobSystem) -> None:
    fence = job_system.running()

    assert cancel(job_system.store, fence.job_id, force=True) == "cancelling"
    assert cancel(job_system.store, fence.job_id) == "cancelling"

    assert renew(job_system.store, [fence], lease=LEASE) == {fence.job_id: "force"}
    assert finish(job_system.store, fence, SUCCESS) == "finished"
    assert job_system.status(fence.job_id) == "cancelled"


def test_a_plain_cancel_never_forces(job_system: JobSystem) -> None:
    fence = job_system.running()

    words = [cancel(job_system.store, fence.job_id, force=False) for _ in range(2)]

    assert words == ["cancelling", "cancelling"]
    assert renew(job_system.store, [fence], lease=LEASE) == {fence.job_id: "cancel"}


def test_a_repeated_confirmation_does_not_force(job_system: JobSystem) -> None:
    fence = job_system.running()
    token = job_system.ask_cancel(fence.job_id)[1]

    for _ in range(3):
        job_system.confirm_cancel(fence.job_id, token)

    assert renew(job_system.store, [fence], lease=LEASE) == {fence.job_id: "cancel"}


@STATES
def test_asking_for_a_confirmation_does_not_change_the_job(
    job_system: JobSystem, begin: Callable[[JobSystem], str], word: str
) -> None:
    del word
    job_id = begin(job_system)
    before = look(job_system.store)

    answer, token = job_system.ask_cancel(job_id)

    assert (answer, len(token)) == ("asked", 32)
    assert look(job_system.store) == before


@STATES
def test_the_same_token_gets_the_same_answer_again(
    job_system: JobSystem, begin: Callable[[JobSystem], str], word: str
) -> None:
    job_id = begin(job_system)
    token = job_system.ask_cancel(job_id)[1]

    words = [job_system.confirm_cancel(job_id, token) for _ in range(3)]

    assert words == [word] * 3


def test_a_used_token_answers_cancelled_once_the_run_has_stopped(
    job_system: JobSystem,
) -> None:
    fence = job_system.running()
    token = job_system.ask_cancel(fence.job_id)[1]
    job_system.confirm_cancel(fence.job_id, token)
    finish(job_system.store, fence, SUCCESS)
    job_system.pass_time(60 * MINUTE_MS)

    assert job_system.confirm_cancel(fence.job_id, token) == "cancelled"


def test_a_confirmation_belongs_to_its_job_and_its_caller(job_system: JobSystem) -> None:
    mine, other = job_system.submitted(), job_system.submitted()
    token = job_system.ask_cancel(mine, "default:me")[1]

    words = [
        job_system.confirm_cancel(mine, token, "default:somebody"),
        job_system.confirm_cancel(mine, token, "other:me"),
        job_system.confirm_cancel(other, token, "default:me"),
        job_system.confirm_cancel(mine, f"{token}x", "default:me"),
    ]

    assert words == ["stale"] * 4
    assert (job_system.status(mine), job_system.status(other)) == ("queued", "queued")
    assert job_system.confirm_cancel(mine, token, "default:me") == "cancelled"


def test_a_confirmation_is_valid_for_five_minutes(job_system: JobSystem) -> None:
    early, late = job_system.submitted(), job_system.submitted()
    tokens = [job_system.ask_cancel(early)[1], job_system.ask_cancel(late)[1]]

    job_system.pass_time(5 * MINUTE_MS)
    in_time = job_system.confirm_cancel(early, tokens[0])
    job_system.pass_time(1)
    too_late = job_system.confirm_cancel(late, tokens[1])

    assert (in_time, too_late) == ("cancelled", "stale")
    assert job_system.status(late) == "queued"


def test_each_of_several_confirmations_is_valid(job_system: JobSystem) -> None:
    job_id = job_system.running().job_id
    first, second = job_system.ask_cancel(job_id)[1], job_system.ask_cancel(job_id)[1]

    words = [job_system.confirm_cancel(job_id, token) for token in (first, second)]

    assert first != second
    assert words == ["cancelling"] * 2


def test_a_second_step_after_the_job_succeeded_changes_nothing(job_system: JobSystem) -> None:
    fence = job_system.running()
    token = job_system.ask_cancel(fence.job_id)[1]
    finish(job_system.store, fence, SUCCESS)

    words = [job_system.confirm_cancel(fence.job_id, token) for _ in range(2)]

    assert words == ["ended", "ended"]
    assert job_system.status(fence.job_id) == "succeeded"


def test_a_second_step_after_a_cancel_in_one_step_reports_that_the_job_had_ended(
    job_system: JobSystem,
) -> None:
    job_id = job_system.submitted()
    token = job_system.ask_cancel(job_id)[1]
    cancel(job_system.store, job_id)

    assert job_system.confirm_cancel(job_id, token) == "ended"


def test_a_final_or_purged_job_gets_no_confirmation(job_system: JobSystem) -> None:
    job_id = job_system.submitted()
    token = job_system.ask_cancel(job_id)[1]
    cancel(job_system.store, job_id)
    final = job_system.ask_cancel(job_id)[0]
    purge(job_system.store, job_id)

    assert (final, job_system.ask_cancel(job_id)[0]) == ("ended", "missing")
    assert job_system.confirm_cancel(job_id, token) == "missing"


def test_redis_never_stores_the_token(job_system: JobSystem) -> None:
    job_id = job_system.submitted()
    token = job_system.ask_cancel(job_id)[1]

    (name,) = job_system.redis.keys(f"*confirmation:{job_id}:*")

    assert token.encode() not in name
    assert token.encode() not in (job_system.redis.get(name) or b"")


@WAYS
def test_if_a_cancel_and_a_finish_race_one_wins_and_the_other_is_told(
    redis: Redis, way: Callable[[JobSystem, str], str]
) -> None:
    job_system = JobSystem(redis)
    limit(job_system.store, LIMITS, source="declared")
    ended: set[tuple[str, str]] = set()
    for _ in range(40):
        fence = job_system.running()
        ended.add(_race(job_system, fence, way))

    assert ended <= {("cancelling", "cancelled"), ("ended", "succeeded")}


def _heard(channel: PubSub) -> list[dict[str, Any]]:
    heard = []
    while (message := channel.get_message(timeout=0.2)) is not None:
        heard.append(message)
    channel.close()
    return heard


def _race(
    job_system: JobSystem, fence: Fence, way: Callable[[JobSystem, str], str]
) -> tuple[str, str]:
    """Return the cancel's word and the job's outcome."""
    start, words = threading.Barrier(2), []
    token = job_system.ask_cancel(fence.job_id)[1]

    def stop() -> None:
        start.wait()
        if way is _in_two_steps:
            words.append(job_system.confirm_cancel(fence.job_id, token))
        else:
            words.append(way(job_system, fence.job_id))

    thread = threading.Thread(target=stop)
    thread.start()
    start.wait()
    finished = finish(job_system.store, fence, SUCCESS)
    thread.join()
    assert finished == "finished"
    assert (fence.job_id in look(job_system.store).results) == (words[0] == "ended")
    return words[0], job_system.status(fence.job_id)


def test_a_cancel_of_another_tenant_finds_nothing_and_changes_nothing(
    job_system: JobSystem,
) -> None:
    job_id = job_system.submitted()

    words = [cancel(job_system.store, job_id, tenant=each) for each in ("another", "default")]

    assert words == ["missing", "cancelled"]
