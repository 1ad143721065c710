"""Waiting for jobs over HTTP, with real threads."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import fakeredis
import pytest
import redis
from falcon.testing import create_environ
from redis.exceptions import RedisError

from callboard.api.jobs.responder import JobReader
from callboard.api.request import KEYLESS, Caller, Request
from callboard.api.waiting.events import Events
from callboard.api.waiting.subscription import REREAD_S
from callboard.jobs.cancel import cancel
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.progress import ProgressReport
from callboard.jobs.record import Record
from callboard.jobs.statuses import FINAL
from tests.api_app import ApiApp
from tests.eventually import eventually
from tests.servers import RedisServer

if TYPE_CHECKING:
    from falcon import testing

Answer = TypeVar("Answer")

AT_ONCE_S = 4.0
"""More than a slow machine needs for a request, and less than any wait that is asked for."""


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as executor:
        yield executor


def _waiting(api_app: ApiApp, number: int = 1) -> None:
    eventually(lambda: api_app.events.waiting == number, what=f"{number} wait")


def _submitted(api_app: ApiApp) -> str:
    eventually(lambda: api_app.publisher.published, what="the message is published")
    return api_app.publisher.published[-1].submission.job_id


def _took(call: Callable[[], Answer]) -> tuple[Answer, float]:
    began = time.monotonic()
    answer = call()
    return answer, time.monotonic() - began


def test_a_job_that_finishes_within_the_wait_is_answered_with_its_result(
    api_app: ApiApp, pool: ThreadPoolExecutor
) -> None:
    answer = pool.submit(api_app.submit, headers={"Prefer": "respond-async, wait=20"})
    _waiting(api_app)

    began = time.monotonic()
    api_app.succeed(_submitted(api_app), 3)

    done = answer.result(10)
    assert time.monotonic() - began < REREAD_S / 2
    assert (done.status_code, done.json["result"]) == (200, 3)
    assert done.headers["Preference-Applied"] == "wait=20"
    assert done.headers["Location"] == done.json["links"]["self"]
    assert "Retry-After" not in done.headers


def test_a_job_that_takes_longer_than_the_wait_is_answered_as_accepted(api_app: ApiApp) -> None:
    answer, seconds = _took(lambda: api_app.submit(headers={"Prefer": "respond-async, wait=1"}))

    assert 1 <= seconds < 3
    assert (answer.status_code, answer.json["status"]) == (202, "queued")
    assert answer.headers["Preference-Applied"] == "respond-async, wait=1"
    assert "Retry-After" in answer.headers


def test_a_wait_above_the_bound_is_clamped_and_echoed() -> None:
    api_app = ApiApp(max_wait="1s")

    answer, seconds = _took(lambda: api_app.submit(headers={"Prefer": "wait=100"}))

    assert seconds < 3
    assert answer.headers["Preference-Applied"] == "wait=1"


def test_an_operation_may_wait_by_default_unless_the_client_prefers_not_to(
    api_app: ApiApp, pool: ThreadPoolExecutor
) -> None:
    body = {"operation": "quick", "params": {}}
    waiting = pool.submit(api_app.submit, body)
    _waiting(api_app)
    api_app.succeed(_submitted(api_app), 1)

    hurried, seconds = _took(lambda: api_app.submit(body, headers={"Prefer": "respond-async"}))

    assert waiting.result(10).status_code == 200
    assert "Preference-Applied" not in waiting.result().headers
    assert hurried.status_code == 202
    assert hurried.headers["Preference-Applied"] == "respond-async"
    assert seconds < AT_ONCE_S


def test_a_malformed_preference_is_ignored(api_app: ApiApp) -> None:
    answer, seconds = _took(lambda: api_app.submit(headers={"Prefer": "wait=soon"}))

    assert (answer.status_code, seconds < AT_ONCE_S) == (202, True)
    assert "Preference-Applied" not in answer.headers


def test_a_job_that_fails_ends_the_wait(api_app: ApiApp, pool: ThreadPoolExecutor) -> None:
    answer = pool.submit(api_app.submit, headers={"Prefer": "wait=20"})
    _waiting(api_app)

    api_app.fail(_submitted(api_app), {"type": "failure", "detail": "No."})

    assert (answer.result(10).status_code, answer.result().json["status"]) == (200, "failed")


@pytest.mark.parametrize("claimed", [False, True], ids=["queued", "running"])
def test_a_cancel_ends_a_wait_and_a_later_wait_returns_at_once(
    api_app: ApiApp, pool: ThreadPoolExecutor, claimed: bool
) -> None:
    waiter = pool.submit(api_app.submit, headers={"Prefer": "wait=20"})
    _waiting(api_app)
    job_id = _submitted(api_app)
    fence = api_app.claim(job_id) if claimed else None

    api_app.http.simulate_delete(f"/v1/jobs/{job_id}")
    if fence is not None:
        finish(api_app.store, fence, encode_result(3, max_bytes=1024))
    late, seconds = _took(lambda: api_app.get(job_id, headers={"Prefer": "wait=20"}))

    assert (waiter.result(10).status_code, waiter.result().json["status"]) == (200, "cancelled")
    assert (late.json["status"], late.json["result"]) == ("cancelled", None)
    assert seconds < AT_ONCE_S


def test_a_read_waits_only_for_a_change_of_status(
    api_app: ApiApp, pool: ThreadPoolExecutor
) -> None:
    job_id = api_app.submit().json["id"]
    fence = api_app.claim(job_id)
    answer = pool.submit(api_app.get, job_id, headers={"Prefer": "wait=20"})
    _waiting(api_app)

    api_app.report(fence, ProgressReport(percent=50.0))
    progressed = answer.done()
    cancel(api_app.store, job_id)

    assert not progressed
    assert answer.result(10).json["status"] == "cancelling"
    assert answer.result().headers["Preference-Applied"] == "wait=20"


def test_a_read_of_a_final_job_does_not_wait(api_app: ApiApp) -> None:
    job_id = api_app.submit().json["id"]
    api_app.succeed(job_id, 3)

    answer, seconds = _took(lambda: api_app.get(job_id, headers={"Prefer": "wait=20"}))

    assert (answer.json["status"], seconds < AT_ONCE_S) == ("succeeded", True)


def test_a_client_with_an_outdated_status_does_not_wait(api_app: ApiApp) -> None:
    job_id = api_app.submit().json["id"]
    tag = api_app.get(job_id).headers["ETag"]
    api_app.claim(job_id)

    headers = {"Prefer": "wait=20", "If-None-Match": tag}
    answer, seconds = _took(lambda: api_app.get(job_id, headers=headers))

    assert (answer.json["status"], seconds < AT_ONCE_S) == ("running", True)


def test_a_wait_in_which_nothing_changes_ends_with_304(api_app: ApiApp) -> None:
    job_id = api_app.submit().json["id"]
    tag = api_app.get(job_id).headers["ETag"]

    headers = {"Prefer": "wait=1", "If-None-Match": tag}
    answer, seconds = _took(lambda: api_app.get(job_id, headers=headers))

    assert (answer.status_code, seconds >= 1) == (304, True)


def test_many_waits_share_one_subscription(api_app: ApiApp, pool: ThreadPoolExecutor) -> None:
    ids = [api_app.submit().json["id"] for _ in range(20)]
    answers = [pool.submit(api_app.get, job_id, headers={"Prefer": "wait=20"}) for job_id in ids]
    _waiting(api_app, 20)
    subscribers = dict(api_app.store.redis.pubsub_numsub(api_app.store.keys.channel("events")))

    for job_id in ids:
        cancel(api_app.store, job_id)

    assert set(subscribers.values()) == {1}
    assert {each.result(10).json["status"] for each in answers} == {"cancelled"}
    assert api_app.events.waiting == 0


def test_a_finish_between_reading_and_subscribing_is_not_missed(api_app: ApiApp) -> None:
    job_id = api_app.submit().json["id"]
    reader = JobReader(api_app.store)
    reads: list[str] = []

    def read_and_finish(job_id: str, _caller: Caller) -> Record:
        record = reader.read(job_id, KEYLESS)
        if not reads:
            api_app.succeed(job_id, 3)  # right after the read, before the wait
        reads.append(record.status)
        return record

    record, seconds = _took(
        lambda: api_app.events.wait(
            Request(create_environ()),
            job_id,
            read_and_finish,
            until=FINAL.__contains__,
            timeout=20,
        )
    )

    assert record.status == "succeeded"
    assert seconds < REREAD_S / 2
    assert reads[0] == "queued"


class _FirstFails:
    """Creates a client that loses its connection at its first subscription."""

    def __init__(self, api_app: ApiApp) -> None:
        self._api_app = api_app
        self.calls = 0

    def __call__(self) -> redis.Redis:
        self.calls += 1
        if self.calls == 1:
            raise redis.ConnectionError("away")
        return self._api_app.connect()


def test_a_wait_reads_again_after_each_subscription(
    api_app: ApiApp, pool: ThreadPoolExecutor
) -> None:
    connect = _FirstFails(api_app)
    events = Events(connect, api_app.store.keys.channel("events"))
    job_id = api_app.submit().json["id"]
    reads: list[float] = []

    def read(job_id: str, _caller: Caller) -> Record:
        reads.append(time.monotonic())
        return JobReader(api_app.store).read(job_id, KEYLESS)

    began = time.monotonic()
    waiting = pool.submit(
        events.wait,
        Request(create_environ()),
        job_id,
        read,
        until=FINAL.__contains__,
        timeout=20,
    )
    eventually(lambda: len(reads) >= 2, what="it reads again")
    again = time.monotonic() - began
    api_app.succeed(job_id, 3)

    assert connect.calls == 2
    assert again < REREAD_S / 2
    assert waiting.result(10).status == "succeeded"
    events.close()


def test_an_unpublished_change_is_seen_within_seconds(
    api_app: ApiApp, pool: ThreadPoolExecutor
) -> None:
    waiting = pool.submit(api_app.submit, headers={"Prefer": "wait=20"})
    _waiting(api_app)

    api_app.store.redis.hset(api_app.store.keys("job", _submitted(api_app)), "status", "failed")

    assert waiting.result(REREAD_S + 4).json["status"] == "failed"


def test_a_wait_for_a_purged_job_is_told_so(api_app: ApiApp, pool: ThreadPoolExecutor) -> None:
    job_id = api_app.submit().json["id"]
    api_app.claim(job_id)
    waiting = pool.submit(api_app.get, job_id, headers={"Prefer": "wait=20"})
    _waiting(api_app)

    api_app.store.redis.zadd(api_app.store.keys("tombstones"), {f"{job_id} default": 1e15})
    api_app.store.redis.delete(api_app.store.keys("job", job_id))

    assert waiting.result(REREAD_S + 4).status_code == 410


def test_without_notifications_a_wait_reads_every_five_seconds(
    api_app: ApiApp, pool: ThreadPoolExecutor
) -> None:
    events = Events(api_app.connect, "another channel")
    job_id = api_app.submit().json["id"]
    waiting = pool.submit(
        events.wait,
        Request(create_environ()),
        job_id,
        lambda job_id, _caller: JobReader(api_app.store).read(job_id, KEYLESS),
        until=FINAL.__contains__,
        timeout=20,
    )
    eventually(lambda: events.waiting, what="it waits")

    api_app.succeed(job_id, 3)

    assert waiting.result(REREAD_S + 2).status == "succeeded"
    events.close()


class _Flaky(fakeredis.FakeRedis):
    """A Redis that can stop answering."""

    up = True

    def pipeline(self, *args: Any, **kwargs: Any) -> Any:
        if not self.up:
            raise redis.ConnectionError("away")
        return super().pipeline(*args, **kwargs)


def test_an_accepted_job_is_answered_even_if_redis_fails_during_the_wait(
    pool: ThreadPoolExecutor,
) -> None:
    client = _Flaky(server=(server := fakeredis.FakeServer(version=(7, 2))), protocol=2)
    api_app = ApiApp(client)
    api_app.server = server
    answer: Future[testing.Result] = pool.submit(api_app.submit, headers={"Prefer": "wait=1"})
    _waiting(api_app)

    client.up = False

    assert (answer.result(10).status_code, answer.result().json["status"]) == (202, "queued")
    api_app.close()


def test_a_wait_sees_the_end_after_a_restart_of_redis(
    redis: redis.Redis, redis_server: RedisServer, pool: ThreadPoolExecutor
) -> None:
    api_app = ApiApp(redis, connect=redis_server.connect)
    job_id = api_app.submit().json["id"]
    waiting = pool.submit(api_app.get, job_id, headers={"Prefer": "wait=30"})
    _waiting(api_app)

    redis_server.stop()
    while_away = api_app.get(job_id)
    redis_server.start()
    channel = api_app.store.keys.channel("events")
    eventually(
        lambda: dict(redis.pubsub_numsub(channel))[channel.encode()],
        what="it listens again",
        ignoring=RedisError,
    )
    began = time.monotonic()
    cancel(api_app.store, job_id)

    assert while_away.status_code == 503
    assert waiting.result(10).json["status"] == "cancelled"
    assert time.monotonic() - began < 2
    api_app.close()


def test_when_the_process_stops_waits_are_answered_with_the_current_state(
    api_app: ApiApp, pool: ThreadPoolExecutor
) -> None:
    submission = pool.submit(api_app.submit, headers={"Prefer": "wait=60"})
    look = pool.submit(api_app.get, api_app.submit().json["id"], headers={"Prefer": "wait=60"})
    _waiting(api_app, 2)

    api_app.close()

    assert submission.result(5).status_code == 202
    assert look.result(5).status_code == 200
    assert api_app.submit(headers={"Prefer": "wait=60"}).status_code == 202


def test_there_is_no_subscription_before_the_first_wait(api_app: ApiApp) -> None:
    before = threading.active_count()

    api_app.get(api_app.submit().json["id"])

    assert threading.active_count() == before
