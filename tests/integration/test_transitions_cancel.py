"""Cancelling in one step and in two, whatever the job is doing at that moment."""

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
from tests.world import LIMITS, World

MINUTE_MS = 60_000
LEASE = timedelta(seconds=20)
SUCCESS = encode_result(1, max_bytes=100)


def _scheduled(world: World) -> str:
    return world.submitted(scheduled_ms=world.now_ms + MINUTE_MS)


def _queued(world: World) -> str:
    return world.submitted()


def _blocked(world: World) -> str:
    world.running("single")
    job_id = world.submitted("single")
    assert world.claim(job_id).word == "blocked"
    return job_id


def _running(world: World) -> str:
    return world.running().job_id


def _cancelling(world: World) -> str:
    job_id = world.running().job_id
    cancel(world.store, job_id)
    return job_id


def _waiting_for_a_retry(world: World) -> str:
    fence = world.running()
    retry(world.store, fence, delay=timedelta(minutes=1), error={"type": "failure"})
    return fence.job_id


def _in_one_step(world: World, job_id: str) -> str:
    return cancel(world.store, job_id)


def _in_two_steps(world: World, job_id: str) -> str:
    return world.confirm_cancel(job_id, world.ask_cancel(job_id)[1])


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
def test_a_cancel_ends_what_no_worker_runs_and_asks_what_one_runs(
    world: World,
    begin: Callable[[World], str],
    word: str,
    way: Callable[[World, str], str],
) -> None:
    job_id = begin(world)

    answered = way(world, job_id)

    assert (answered, world.status(job_id)) == (word, word)


@WAYS
def test_a_job_that_was_cancelled_while_it_waited_for_its_retry_never_runs_again(
    world: World, way: Callable[[World, str], str]
) -> None:
    job_id = _waiting_for_a_retry(world)
    way(world, job_id)
    world.pass_time(2 * MINUTE_MS)

    promoted = promote(world.store)

    assert (promoted, world.claim(job_id).word) == (0, "ended")


@WAYS
def test_a_cancel_of_what_is_cancelling_already_tells_it_again_and_forces_nothing(
    world: World, way: Callable[[World, str], str]
) -> None:
    fence = world.running()
    channel = world.store.redis.pubsub()
    channel.subscribe(world.store.keys.channel("cancels"))

    words = []
    for _ in range(2):
        way(world, fence.job_id)
        words += renew(world.store, [fence], lease=LEASE).values()

    assert words == ["cancel", "cancel"]
    told = [message["data"] for message in _heard(channel) if message["type"] == "message"]
    assert told == [fence.job_id.encode()] * 2


def test_a_cancel_can_be_forced_at_once_and_stays_that(world: World) -> None:
    fence = world.running()

    assert cancel(world.store, fence.job_id, force=True) == "cancelling"
    assert cancel(world.store, fence.job_id) == "cancelling"

    assert renew(world.store, [fence], lease=LEASE) == {fence.job_id: "force"}
    assert finish(world.store, fence, SUCCESS) == "finished"
    assert world.status(fence.job_id) == "cancelled"


def test_a_cancel_that_is_not_to_force_never_does(world: World) -> None:
    fence = world.running()

    words = [cancel(world.store, fence.job_id, force=False) for _ in range(2)]

    assert words == ["cancelling", "cancelling"]
    assert renew(world.store, [fence], lease=LEASE) == {fence.job_id: "cancel"}


def test_a_confirmation_that_is_repeated_does_not_force(world: World) -> None:
    fence = world.running()
    token = world.ask_cancel(fence.job_id)[1]

    for _ in range(3):
        world.confirm_cancel(fence.job_id, token)

    assert renew(world.store, [fence], lease=LEASE) == {fence.job_id: "cancel"}


@STATES
def test_asking_changes_nothing_of_the_job(
    world: World, begin: Callable[[World], str], word: str
) -> None:
    del word
    job_id = begin(world)
    before = look(world.store)

    answer, token = world.ask_cancel(job_id)

    assert (answer, len(token)) == ("asked", 32)
    assert look(world.store) == before


@STATES
def test_the_same_token_again_answers_as_before(
    world: World, begin: Callable[[World], str], word: str
) -> None:
    job_id = begin(world)
    token = world.ask_cancel(job_id)[1]

    words = [world.confirm_cancel(job_id, token) for _ in range(3)]

    assert words == [word] * 3


def test_a_token_that_was_used_on_a_run_answers_cancelled_once_the_run_has_stopped(
    world: World,
) -> None:
    fence = world.running()
    token = world.ask_cancel(fence.job_id)[1]
    world.confirm_cancel(fence.job_id, token)
    finish(world.store, fence, SUCCESS)
    world.pass_time(60 * MINUTE_MS)

    assert world.confirm_cancel(fence.job_id, token) == "cancelled"


def test_a_confirmation_belongs_to_its_job_and_its_caller(world: World) -> None:
    mine, other = world.submitted(), world.submitted()
    token = world.ask_cancel(mine, "default:me")[1]

    words = [
        world.confirm_cancel(mine, token, "default:somebody"),
        world.confirm_cancel(mine, token, "other:me"),
        world.confirm_cancel(other, token, "default:me"),
        world.confirm_cancel(mine, f"{token}x", "default:me"),
    ]

    assert words == ["stale"] * 4
    assert (world.status(mine), world.status(other)) == ("queued", "queued")
    assert world.confirm_cancel(mine, token, "default:me") == "cancelled"


def test_a_confirmation_is_good_for_five_minutes(world: World) -> None:
    early, late = world.submitted(), world.submitted()
    tokens = [world.ask_cancel(early)[1], world.ask_cancel(late)[1]]

    world.pass_time(5 * MINUTE_MS)
    in_time = world.confirm_cancel(early, tokens[0])
    world.pass_time(1)
    too_late = world.confirm_cancel(late, tokens[1])

    assert (in_time, too_late) == ("cancelled", "stale")
    assert world.status(late) == "queued"


def test_each_of_several_confirmations_is_good(world: World) -> None:
    job_id = world.running().job_id
    first, second = world.ask_cancel(job_id)[1], world.ask_cancel(job_id)[1]

    words = [world.confirm_cancel(job_id, token) for token in (first, second)]

    assert first != second
    assert words == ["cancelling"] * 2


def test_a_second_step_after_the_job_succeeded_changes_nothing(world: World) -> None:
    fence = world.running()
    token = world.ask_cancel(fence.job_id)[1]
    finish(world.store, fence, SUCCESS)

    words = [world.confirm_cancel(fence.job_id, token) for _ in range(2)]

    assert words == ["ended", "ended"]
    assert world.status(fence.job_id) == "succeeded"


def test_a_second_step_after_a_cancel_in_one_step_says_that_the_job_had_ended(
    world: World,
) -> None:
    job_id = world.submitted()
    token = world.ask_cancel(job_id)[1]
    cancel(world.store, job_id)

    assert world.confirm_cancel(job_id, token) == "ended"


def test_a_job_that_is_final_or_gone_cannot_be_asked_for(world: World) -> None:
    job_id = world.submitted()
    token = world.ask_cancel(job_id)[1]
    cancel(world.store, job_id)
    final = world.ask_cancel(job_id)[0]
    purge(world.store, job_id)

    assert (final, world.ask_cancel(job_id)[0]) == ("ended", "missing")
    assert world.confirm_cancel(job_id, token) == "missing"


def test_redis_never_has_the_token(world: World) -> None:
    job_id = world.submitted()
    token = world.ask_cancel(job_id)[1]

    (name,) = world.redis.keys(f"*confirmation:{job_id}:*")

    assert token.encode() not in name
    assert token.encode() not in (world.redis.get(name) or b"")


@WAYS
def test_of_a_cancel_and_a_finish_at_the_same_time_one_wins_and_the_other_knows(
    redis: Redis, way: Callable[[World, str], str]
) -> None:
    world = World(redis)
    limit(world.store, LIMITS, source="declared")
    ended: set[tuple[str, str]] = set()
    for _ in range(40):
        fence = world.running()
        ended.add(_race(world, fence, way))

    assert ended <= {("cancelling", "cancelled"), ("ended", "succeeded")}


def _heard(channel: PubSub) -> list[dict[str, Any]]:
    heard = []
    while (message := channel.get_message(timeout=0.2)) is not None:
        heard.append(message)
    channel.close()
    return heard


def _race(world: World, fence: Fence, way: Callable[[World, str], str]) -> tuple[str, str]:
    """Give the cancel's word and what became of the job."""
    start, words = threading.Barrier(2), []
    token = world.ask_cancel(fence.job_id)[1]

    def stop() -> None:
        start.wait()
        if way is _in_two_steps:
            words.append(world.confirm_cancel(fence.job_id, token))
        else:
            words.append(way(world, fence.job_id))

    thread = threading.Thread(target=stop)
    thread.start()
    start.wait()
    finished = finish(world.store, fence, SUCCESS)
    thread.join()
    assert finished == "finished"
    assert (fence.job_id in look(world.store).results) == (words[0] == "ended")
    return words[0], world.status(fence.job_id)


def test_a_cancel_of_another_tenant_finds_nothing_and_changes_nothing(world: World) -> None:
    job_id = world.submitted()

    words = [cancel(world.store, job_id, tenant=each) for each in ("another", "default")]

    assert words == ["missing", "cancelled"]
