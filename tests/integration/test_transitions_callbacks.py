"""Callbacks: every end queues one in the same step, and none twice."""

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
from tests.job_system import LEASE, JobSystem

FAILURE = RunOutcome(error={"type": "failure", "detail": "no"})


def _succeed(job_system: JobSystem) -> str:
    return ended(job_system)


def _fail(job_system: JobSystem) -> str:
    fence = job_system.running(callback=callback())
    finish(job_system.store, fence, FAILURE)
    return fence.job_id


def _cancel(job_system: JobSystem, **chosen: object) -> str:
    job_id = job_system.submitted(callback=callback(), **chosen)
    assert cancel(job_system.store, job_id) == "cancelled"
    return job_id


def _cancel_blocked(job_system: JobSystem) -> str:
    job_system.running("single")
    job_id = job_system.submitted("single", callback=callback())
    assert job_system.claim(job_id).word == "blocked"
    assert cancel(job_system.store, job_id) == "cancelled"
    return job_id


def _cancel_running(job_system: JobSystem) -> str:
    fence = job_system.running(callback=callback())
    assert cancel(job_system.store, fence.job_id) == "cancelling"
    assert types(job_system, fence.job_id) == []
    finish(job_system.store, fence, SUCCESS)
    return fence.job_id


def _replace(job_system: JobSystem) -> str:
    same = {"fingerprint": "same", "on_conflict": "replace", "callback": callback()}
    job_id = job_system.submitted(**same)
    job_system.submitted(**same)
    return job_id


def _lose_workers(job_system: JobSystem) -> str:
    fence = job_system.running(callback=callback(), max_crashes=1)
    for _ in range(4):
        job_system.pass_time(7000)
        reap(job_system.store, lease=LEASE)
    return fence.job_id


def _adopt_late(job_system: JobSystem) -> str:
    same = {"fingerprint": "same", "callback": callback()}
    job_id = job_system.submitted(**same)
    message = job_system.broker.messages[-1]
    job_system.lose(job_id)
    job_system.submitted(**same)
    assert job_system.recover(message) == "superseded"
    return job_id


@pytest.mark.parametrize(
    ("end", "event"),
    [
        (_succeed, "job.succeeded"),
        (_fail, "job.failed"),
        (_lose_workers, "job.failed"),
        (_cancel, "job.cancelled"),
        (
            lambda job_system: _cancel(job_system, scheduled_ms=job_system.now_ms + 9000),
            "job.cancelled",
        ),
        (_cancel_blocked, "job.cancelled"),
        (_cancel_running, "job.cancelled"),
        (_replace, "job.cancelled"),
        (_adopt_late, "job.cancelled"),
    ],
)
def test_every_end_queues_one_callback_in_the_same_step(
    job_system: JobSystem, end: Callable[[JobSystem], str], event: str
) -> None:
    job_id = end(job_system)

    (delivery,) = take(job_system)
    assert (delivery.owner, delivery.kind, delivery.type) == (job_id, "job", event)
    plain = job_id.replace("-", "")
    assert delivery.id == f"msg_{plain}_{event.removeprefix('job.')}"
    assert (delivery.url, delivery.host) == (callback()["url"], "hooks.example")
    assert (delivery.tenant, delivery.base) == ("default", "https://jobs.example")
    assert delivery.at.timestamp() * 1000 == job_system.now_ms


def test_an_unrequested_event_is_not_queued(job_system: JobSystem) -> None:
    silent, picky = (
        job_system.running(),
        job_system.running(callback=callback(events=["job.failed"])),
    )
    finish(job_system.store, silent, SUCCESS)
    finish(job_system.store, picky, SUCCESS)

    assert take(job_system) == []


def test_a_repeated_finish_queues_nothing_again(job_system: JobSystem) -> None:
    fence = job_system.running(callback=callback())

    for _ in range(2):
        finish(job_system.store, fence, SUCCESS)

    assert types(job_system, fence.job_id) == ["job.succeeded"]
    assert len(take(job_system)) == 1


def test_the_event_running_is_sent_only_for_the_first_attempt(job_system: JobSystem) -> None:
    fence = job_system.running(callback=callback(events=["job.running", "job.succeeded"]))
    release(job_system.store, fence)
    again = job_system.claim(fence.job_id)
    assert again.fence is not None

    finish(job_system.store, again.fence, SUCCESS)

    assert types(job_system, fence.job_id) == ["job.running", "job.succeeded"]


def test_a_later_attempt_of_a_recovered_job_is_not_its_first(job_system: JobSystem) -> None:
    job_id = job_system.submitted(callback=callback(events=["job.running"]))
    message = job_system.broker.messages[-1]
    job_system.lose(job_id)
    job_system.recover(replace(message, submission=replace(message.submission, attempt=1)))

    assert job_system.claim(job_id).word == "claimed"
    assert types(job_system, job_id) == []


def test_a_delivered_event_is_not_repeated_when_its_job_is_recovered(
    job_system: JobSystem,
) -> None:
    job_id = ended(job_system)
    message = job_system.broker.messages[-1]
    done(job_system, take(job_system)[0])
    job_system.lose(job_id)
    job_system.recover(message)

    claimed = job_system.claim(job_id)
    assert claimed.fence is not None
    finish(job_system.store, claimed.fence, SUCCESS)

    assert take(job_system) == []
    assert types(job_system, job_id) == ["job.succeeded"]


def test_a_retry_queues_no_callback(job_system: JobSystem) -> None:
    fence = job_system.running(callback=callback())

    retry(job_system.store, fence, delay=timedelta(seconds=1), error={"type": "failure"})

    assert types(job_system, fence.job_id) == []


def test_a_recovered_job_has_the_same_event_ids(job_system: JobSystem) -> None:
    asked = callback(events=["job.running", "job.succeeded"])
    kept = job_system.keep()
    job_id = job_system.submitted(callback=asked, request_id="r-1", traceparent="00-a-b-01")
    message = job_system.broker.messages[-1]

    seen = []
    for _ in range(2):
        claimed = job_system.claim(job_id)
        assert claimed.fence is not None
        finish(job_system.store, claimed.fence, SUCCESS)
        seen.append([(each.id, each.request_id, each.traceparent) for each in take(job_system)])
        job_system.go_back(kept)
        assert job_system.recover(message) == "recovered"

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
def test_the_host_is_parsed_from_the_url(job_system: JobSystem, url: str, host: str) -> None:
    ended(job_system, callback={**callback(), "url": url})

    assert take(job_system)[0].host == host
