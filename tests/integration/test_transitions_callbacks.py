"""Callbacks: each way to an end queues one in the same step, and none twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from callboard.jobs.cancel import cancel
from callboard.jobs.finish import RunOutcome, finish
from callboard.jobs.reap import reap
from callboard.jobs.release import release
from callboard.jobs.retry import retry
from tests.delivery_moves import SUCCESS, callback, done, ended, take, types
from tests.world import LEASE, World

FAILURE = RunOutcome(error={"type": "failure", "detail": "no"})


def _succeed(world: World) -> str:
    return ended(world)


def _fail(world: World) -> str:
    fence = world.running(callback=callback())
    finish(world.store, fence, FAILURE)
    return fence.job_id


def _cancel(world: World, **chosen: object) -> str:
    job_id = world.submitted(callback=callback(), **chosen)
    assert cancel(world.store, job_id) == "cancelled"
    return job_id


def _cancel_blocked(world: World) -> str:
    world.running("single")
    job_id = world.submitted("single", callback=callback())
    assert world.claim(job_id).word == "blocked"
    assert cancel(world.store, job_id) == "cancelled"
    return job_id


def _cancel_running(world: World) -> str:
    fence = world.running(callback=callback())
    assert cancel(world.store, fence.job_id) == "cancelling"
    assert types(world, fence.job_id) == []
    finish(world.store, fence, SUCCESS)
    return fence.job_id


def _replace(world: World) -> str:
    same = {"fingerprint": "same", "on_conflict": "replace", "callback": callback()}
    job_id = world.submitted(**same)
    world.submitted(**same)
    return job_id


def _lose_workers(world: World) -> str:
    fence = world.running(callback=callback(), max_crashes=1)
    for _ in range(4):
        world.pass_time(7000)
        reap(world.store, lease=LEASE)
    return fence.job_id


def _adopt_late(world: World) -> str:
    same = {"fingerprint": "same", "callback": callback()}
    job_id = world.submitted(**same)
    message = world.broker.messages[-1]
    world.lose(job_id)
    world.submitted(**same)
    assert world.recover(message) == "superseded"
    return job_id


@pytest.mark.parametrize(
    ("end", "event"),
    [
        (_succeed, "job.succeeded"),
        (_fail, "job.failed"),
        (_lose_workers, "job.failed"),
        (_cancel, "job.cancelled"),
        (lambda world: _cancel(world, scheduled_ms=world.now_ms + 9000), "job.cancelled"),
        (_cancel_blocked, "job.cancelled"),
        (_cancel_running, "job.cancelled"),
        (_replace, "job.cancelled"),
        (_adopt_late, "job.cancelled"),
    ],
)
def test_each_way_to_an_end_queues_one_callback_in_the_same_step(
    world: World, end: Callable[[World], str], event: str
) -> None:
    job_id = end(world)

    (delivery,) = take(world)
    assert (delivery.owner, delivery.kind, delivery.type) == (job_id, "job", event)
    plain = job_id.replace("-", "")
    assert delivery.id == f"msg_{plain}_{event.removeprefix('job.')}"
    assert (delivery.url, delivery.host) == (callback()["url"], "hooks.example")
    assert (delivery.tenant, delivery.base) == ("default", "https://jobs.example")
    assert delivery.at.timestamp() * 1000 == world.now_ms


def test_what_nobody_asked_for_is_not_queued(world: World) -> None:
    silent, picky = world.running(), world.running(callback=callback(events=["job.failed"]))
    finish(world.store, silent, SUCCESS)
    finish(world.store, picky, SUCCESS)

    assert take(world) == []


def test_a_repeated_finish_queues_nothing_twice(world: World) -> None:
    fence = world.running(callback=callback())

    for _ in range(2):
        finish(world.store, fence, SUCCESS)

    assert types(world, fence.job_id) == ["job.succeeded"]
    assert len(take(world)) == 1


def test_that_a_job_runs_is_said_at_its_first_attempt_alone(world: World) -> None:
    fence = world.running(callback=callback(events=["job.running", "job.succeeded"]))
    release(world.store, fence)
    again = world.claim(fence.job_id)
    assert again.fence is not None

    finish(world.store, again.fence, SUCCESS)

    assert types(world, fence.job_id) == ["job.running", "job.succeeded"]


def test_a_later_attempt_of_a_job_that_came_back_is_not_its_first(world: World) -> None:
    job_id = world.submitted(callback=callback(events=["job.running"]))
    message = world.broker.messages[-1]
    world.lose(job_id)
    world.recover(replace(message, submission=replace(message.submission, attempt=1)))

    assert world.claim(job_id).word == "claimed"
    assert types(world, job_id) == []


def test_what_was_delivered_is_not_delivered_again_when_its_job_comes_back(world: World) -> None:
    job_id = ended(world)
    message = world.broker.messages[-1]
    done(world, take(world)[0])
    world.lose(job_id)
    world.recover(message)

    claimed = world.claim(job_id)
    assert claimed.fence is not None
    finish(world.store, claimed.fence, SUCCESS)

    assert take(world) == []
    assert types(world, job_id) == ["job.succeeded"]


def test_a_retry_is_no_end(world: World) -> None:
    fence = world.running(callback=callback())

    retry(world.store, fence, delay=timedelta(seconds=1), error={"type": "failure"})

    assert types(world, fence.job_id) == []


def test_a_job_that_redis_lost_says_the_same_ids_when_it_runs_again(world: World) -> None:
    asked = callback(events=["job.running", "job.succeeded"])
    kept = world.keep()
    job_id = world.submitted(callback=asked, request_id="r-1", traceparent="00-a-b-01")
    message = world.broker.messages[-1]

    seen = []
    for _ in range(2):
        claimed = world.claim(job_id)
        assert claimed.fence is not None
        finish(world.store, claimed.fence, SUCCESS)
        seen.append([(each.id, each.request_id, each.traceparent) for each in take(world)])
        world.go_back(kept)
        assert world.recover(message) == "recovered"

    assert seen[0] == seen[1]
    assert [(each[1], each[2]) for each in seen[0]] == [("r-1", "00-a-b-01")] * 2


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Hooks.Example/x", "hooks.example"),
        ("http://[2001:db8::1]:8443/x", "[2001:db8::1]"),
        ("https://hooks.example:443?x=/y:z", "hooks.example"),
    ],
)
def test_the_host_is_taken_from_the_address(world: World, url: str, host: str) -> None:
    ended(world, callback={**callback(), "url": url})

    assert take(world)[0].host == host
