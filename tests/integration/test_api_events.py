"""Event streams over HTTP, with real threads."""

import time
from typing import Any

import fakeredis
import pytest
import redis

from callboard.api.event_stream.event_encoder import REPORTS_EVERY_S
from callboard.api.event_stream.watch import PAGE_LINES
from callboard.jobs.cancel import cancel
from callboard.jobs.fence import Fence
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.progress import ProgressReport
from callboard.jobs.purge import purge
from tests.api_app import ApiApp, hash_of
from tests.event_stream import Follower
from tests.eventually import eventually


@pytest.fixture
def running(api_app: ApiApp) -> Fence:
    return api_app.claim(api_app.submit().json["id"])


def _lines(*texts: str) -> list[str]:
    return [f"{time.time():.3f} {text}" for text in texts]


def _succeed(api_app: ApiApp, fence: Fence, value: Any = 3) -> None:
    outcome = encode_result(value, max_bytes=1024)
    assert finish(api_app.store, fence, outcome) == "finished"


def test_a_stream_reports_a_job_in_order_and_ends_with_it(api_app: ApiApp) -> None:
    job_id = api_app.submit().json["id"]
    follower = Follower(api_app.app, job_id)
    follower.sees("status")

    fence = api_app.claim(job_id)
    follower.sees("status", 2)
    api_app.report(fence, ProgressReport(percent=50.0, step="Half", lines=_lines("first\r\nline")))
    follower.sees("log")
    _succeed(api_app, fence)
    reading = follower.ends()

    assert follower.status == "200 OK"
    assert reading.names == ["status", "status", "progress", "log", "done"]
    assert [each.data["status"] for each in reading.of("status")] == ["queued", "running"]
    assert reading.of("progress")[0].data["percent"] == 50.0
    assert reading.of("log")[0].data["text"] == "first\r\nline"
    assert reading.of("log")[0].data["number"] == 1
    assert (reading.events[-1].data["result"], reading.last_id) == (3, "4.1.succeeded.1")
    assert reading.events[-1].data == api_app.get(job_id).json


def test_a_stream_is_neither_cached_nor_buffered_nor_compressed(api_app: ApiApp) -> None:
    job_id = api_app.submit().json["id"]
    api_app.succeed(job_id, 3)

    follower = Follower(api_app.app, job_id, headers={"Accept-Encoding": "gzip"})
    follower.ends()

    headers = {name.lower(): value for name, value in follower.headers.items()}
    assert headers["content-type"] == "text/event-stream"
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"
    assert not {"content-encoding", "content-length"} & headers.keys()


def test_a_reconnecting_client_gets_what_it_missed_and_nothing_twice(
    api_app: ApiApp, running: Fence
) -> None:
    api_app.report(running, ProgressReport(percent=10.0, lines=_lines("one", "two")))
    first = Follower(api_app.app, running.job_id)
    last_id = first.sees("log", 2)[-1].id

    unchanged = Follower(api_app.app, running.job_id, last_id=last_id)
    unchanged.waits()
    api_app.report(running, ProgressReport(percent=20.0, lines=_lines("three")))
    unchanged.sees("log")  # all streams of a job share the last read
    behind = Follower(api_app.app, running.job_id, last_id=last_id)
    behind.sees("log")
    _succeed(api_app, running)

    assert unchanged.ends().names == ["progress", "log", "done"]
    assert behind.ends().names == ["status", "log", "done"]
    assert [each.data["text"] for each in behind.reading.of("log")] == ["three"]
    assert first.ends().names[-1] == "done"


@pytest.mark.parametrize(
    "last_id", ["", "rubbish", "1.1.running", "1.1.dancing.0", "٣.1.running.0"]
)
def test_a_foreign_last_event_id_is_ignored(api_app: ApiApp, running: Fence, last_id: str) -> None:
    api_app.report(running, ProgressReport(lines=_lines("one")))
    header = last_id.encode().decode("latin-1")

    follower = Follower(api_app.app, running.job_id, last_id=header)
    follower.sees("log")
    _succeed(api_app, running)

    assert follower.ends().names == ["status", "log", "done"]


def test_a_client_that_has_seen_the_end_is_told_not_to_reconnect(
    api_app: ApiApp, running: Fence
) -> None:
    _succeed(api_app, running)
    last_id = Follower(api_app.app, running.job_id).ends().last_id
    url = f"/v1/jobs/{running.job_id}/events"

    again = api_app.http.simulate_get(url, headers={"Last-Event-ID": last_id})
    before = api_app.http.simulate_get(url, headers={"Last-Event-ID": "2.1.running.0"})

    assert (again.status_code, again.text) == (204, "")
    assert "event: done" in before.text


def test_a_client_that_has_seen_the_last_lines_still_gets_the_end(
    api_app: ApiApp, running: Fence
) -> None:
    api_app.report(running, ProgressReport(lines=_lines("one", "two")))
    _succeed(api_app, running)
    told = Follower(api_app.app, running.job_id).ends()
    last_line = told.of("log")[-1].id

    again = Follower(api_app.app, running.job_id, last_id=last_line).ends()

    assert again.names == ["done"]


def test_progress_is_sent_at_most_twice_a_second_and_the_newest_is_sent_last(
    api_app: ApiApp, running: Fence
) -> None:
    follower = Follower(api_app.app, running.job_id)
    follower.sees("status")
    began = time.monotonic()

    for percent in range(1, 31):
        api_app.report(running, ProgressReport(percent=float(percent)))
        api_app.events.closed.wait(0.03)
    eventually(
        lambda: follower.reading.of("progress")[-1].data["percent"] == 30.0,
        what="the newest comes",
        timeout=2,
    )
    took = time.monotonic() - began

    assert len(follower.reading.of("progress")) <= took / REPORTS_EVERY_S + 1


def test_log_lines_and_status_changes_are_sent_at_once(api_app: ApiApp, running: Fence) -> None:
    follower = Follower(api_app.app, running.job_id)
    follower.sees("status")  # otherwise its first read would already include the report
    api_app.report(running, ProgressReport(percent=1.0))
    follower.sees("progress")

    began = time.monotonic()
    api_app.report(running, ProgressReport(percent=2.0, lines=_lines("one")))
    follower.sees("log")
    cancel(api_app.store, running.job_id)
    follower.sees("status", 2)

    assert time.monotonic() - began < REPORTS_EVERY_S
    assert follower.reading.of("status")[-1].data["status"] == "cancelling"


def test_a_long_log_is_sent_completely_and_in_order(api_app: ApiApp, running: Fence) -> None:
    texts = [f"line {number}" for number in range(PAGE_LINES * 3 + 7)]
    api_app.report(running, ProgressReport(lines=_lines(*texts)))
    follower = Follower(api_app.app, running.job_id)
    follower.sees("log", len(texts))

    api_app.report(running, ProgressReport(lines=_lines(*texts)))
    _succeed(api_app, running)

    told = follower.ends().of("log")
    assert [each.data["text"] for each in told] == texts * 2
    assert [each.data["number"] for each in told] == list(range(1, len(texts) * 2 + 1))


class _Counting(fakeredis.FakeRedis):
    """Counts pipelines, and can simulate an outage."""

    sent = 0
    up = True

    def pipeline(self, *args: Any, **kwargs: Any) -> Any:
        if not self.up:
            raise redis.ConnectionError("away")
        self.sent += 1
        return super().pipeline(*args, **kwargs)


def _counting_stage() -> tuple[ApiApp, _Counting]:
    server = fakeredis.FakeServer(version=(7, 2))
    client = _Counting(server=server, protocol=2)
    api_app = ApiApp(client)
    api_app.server = server
    return api_app, client


def test_streams_of_one_job_share_one_read_of_each_change() -> None:
    api_app, client = _counting_stage()
    running = api_app.claim(api_app.submit().json["id"])
    followers = [Follower(api_app.app, running.job_id) for _ in range(10)]
    for each in followers:
        each.sees("status")
    before = client.sent

    api_app.report(running, ProgressReport(lines=_lines("one")))
    for each in followers:
        each.sees("log")
    reads = client.sent - before
    api_app.close()

    assert reads <= 2
    assert {each.ends().retry_ms is not None for each in followers} == {True}


def test_a_stream_outlives_an_outage_of_redis() -> None:
    api_app, client = _counting_stage()
    running = api_app.claim(api_app.submit().json["id"])
    follower = Follower(api_app.app, running.job_id)
    follower.sees("status")

    client.up = False
    cancel(api_app.store, running.job_id)  # it is published to every process, and none can read it
    api_app.events.closed.wait(0.2)
    client.up = True

    assert follower.sees("status", 2)[-1].data["status"] == "cancelling"
    api_app.close()
    follower.ends()


def test_a_stream_reports_that_its_job_was_purged(api_app: ApiApp, running: Fence) -> None:
    follower = Follower(api_app.app, running.job_id)
    follower.sees("status")

    api_app.store.redis.delete(api_app.store.keys("job", running.job_id))
    api_app.store.redis.publish(
        api_app.store.keys.channel("events"), f"{running.job_id} 99 running 1"
    )
    reading = follower.ends()

    assert reading.names[-1] == "gone"
    assert reading.events[-1].data["type"].endswith("/problems/job-gone")
    assert reading.events[-1].data["status"] == 410


def test_a_change_between_reading_and_subscribing_is_not_missed(api_app: ApiApp) -> None:
    fences = [api_app.claim(api_app.submit().json["id"]) for _ in range(20)]

    followers = []
    for number, fence in enumerate(fences):
        followers.append(Follower(api_app.app, fence.job_id))
        api_app.events.closed.wait(number / 10_000)  # at many moments during the start
        _succeed(api_app, fence)

    assert {each.ends().names[-1] for each in followers} == {"done"}


def test_when_the_process_stops_streams_end_with_a_reconnect_delay(
    api_app: ApiApp, running: Fence
) -> None:
    followers = [Follower(api_app.app, running.job_id) for _ in range(8)]
    for each in followers:
        each.sees("status")

    began = time.monotonic()
    api_app.close()
    hints = {each.ends().retry_ms for each in followers}

    assert time.monotonic() - began < 2
    assert len(hints) > 1
    assert all(hint is not None and 1000 <= hint <= 5000 for hint in hints)
    assert Follower(api_app.app, running.job_id).ends().retry_ms is not None


def test_the_number_of_concurrent_streams_is_limited(api_app: ApiApp, running: Fence) -> None:
    taken = Follower(api_app.app, running.job_id)
    taken.sees("status")
    api_app.events.streams.most = 1

    refused = api_app.http.simulate_get(f"/v1/jobs/{running.job_id}/events")
    head = api_app.http.simulate_head(f"/v1/jobs/{running.job_id}/events")
    _succeed(api_app, running)
    taken.ends()
    served = Follower(api_app.app, running.job_id)

    assert (refused.status_code, refused.json["code"]) == (503, "STREAMS_FULL")
    assert int(refused.headers["Retry-After"]) > 0
    assert head.status_code == 200
    assert served.ends().names == ["done"]


def _ask(api_app: ApiApp, method: str, job_id: str, **headers: str) -> Any:
    return api_app.http.simulate_request(method, f"/v1/jobs/{job_id}/events", headers=headers)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 406),
        ("text/event-stream;q=0", 406),
        ("text/event-stream", 200),
        ("text/*", 200),
        ("*/*", 200),
    ],
)
def test_a_client_that_does_not_accept_events_is_told_so(
    api_app: ApiApp, accept: str, status: int
) -> None:
    job_id = api_app.submit().json["id"]
    api_app.succeed(job_id, 3)

    assert _ask(api_app, "GET", job_id, Accept=accept).status_code == status


def test_other_methods_are_refused_and_head_answers_like_get_without_the_events(
    api_app: ApiApp,
) -> None:
    job_id = api_app.submit().json["id"]

    posted, head = _ask(api_app, "POST", job_id), _ask(api_app, "HEAD", job_id)

    assert posted.status_code == 405
    assert "GET" in posted.headers["Allow"]
    assert posted.headers["Content-Type"] == "application/problem+json"
    assert (head.status_code, head.text) == (200, "")
    assert head.headers["Content-Type"] == "text/event-stream"
    assert "Content-Length" not in head.headers


def test_only_operators_get_the_events_of_another_tenants_job() -> None:
    keys = f"one:client:{hash_of('1')},two:client:{hash_of('2')},ops:operator:{hash_of('3')}"
    api_app = ApiApp(api_keys=keys)
    job_id = api_app.submit(headers={"X-API-Key": "1"}).json["id"]
    cancel(api_app.store, job_id)

    answers = [_ask(api_app, "GET", job_id, **{"X-API-Key": key}).status_code for key in "123"]

    assert answers == [200, 404, 200]
    assert _ask(api_app, "GET", job_id).status_code == 401


def test_a_purged_or_unknown_job_has_no_events(api_app: ApiApp) -> None:
    job_id = api_app.submit().json["id"]
    cancel(api_app.store, job_id)
    purge(api_app.store, job_id)

    gone, never = _ask(api_app, "GET", job_id), _ask(api_app, "GET", "nothing")

    assert (gone.status_code, never.status_code) == (410, 404)
