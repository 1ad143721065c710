"""Streams and waits whose clients leave, do not read, or are too many."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from falcon.testing import create_environ

from callboard.api.event_stream.event_encoder import EventEncoder, EventRenderer
from callboard.api.event_stream.position import Position
from callboard.api.event_stream.stream import Follower, Pace, Stream
from callboard.api.event_stream.watch import Watches
from callboard.api.request import Request
from callboard.api.waiting.peer import Peer, SocketPeer, UnknownPeer, peer_of
from callboard.jobs.api_keys import create_key, list_keys, revoke_key
from callboard.jobs.fence import Fence
from callboard.jobs.progress import ProgressReport
from callboard.jobs.read import read
from callboard.jobs.statuses import FINAL
from tests.api_app import ApiApp
from tests.event_stream import Reading
from tests.eventually import eventually

NOBODY_KNOWN = UnknownPeer()


@pytest.fixture
def running(api_app: ApiApp) -> Fence:
    return api_app.claim(api_app.submit().json["id"])


def _lines(*texts: str) -> list[str]:
    return [f"{time.time():.3f} {text}" for text in texts]


def _stream(
    api_app: ApiApp,
    job_id: str,
    *,
    peer: Peer = NOBODY_KNOWN,
    admitted: Callable[[], bool] = lambda: True,
    **pace: Any,
) -> Stream:
    record = read(api_app.store, job_id, tenant="default")
    watches = Watches(api_app.store, api_app.events, inline_bytes=1024)
    encoder = EventEncoder(
        Position(), EventRenderer(job=lambda record: {"status": record.status}, gone={})
    )
    assert api_app.events.streams.take()
    return Stream(api_app.events, watches, record, encoder, Follower(peer, admitted), Pace(**pace))


def test_an_idle_stream_sends_keep_alive_comments(api_app: ApiApp, running: Fence) -> None:
    stream, reading = _stream(api_app, running.job_id, keep_alive=0.1), Reading()

    for _ in range(5):
        reading.feed(next(stream))
    stream.close()

    assert (reading.names, reading.comments) == (["status"], 4)


def test_a_stream_lives_for_a_bounded_time(api_app: ApiApp, running: Fence) -> None:
    stream = _stream(api_app, running.job_id, keep_alive=0.05, lifetime=0.3)
    reading = Reading()

    for chunk in stream:
        reading.feed(chunk)
    stream.close()

    assert reading.retry_ms is not None


def test_a_stream_ends_soon_after_its_key_was_revoked(api_app: ApiApp, running: Fence) -> None:
    _key, made = create_key(api_app.store, tenant="default", role="viewer")
    stream = _stream(
        api_app,
        running.job_id,
        admitted=lambda: bool(list_keys(api_app.store)),
        admission=0.1,
        keep_alive=0.2,
    )
    next(stream)

    revoke_key(api_app.store, made)
    rest = list(stream)
    stream.close()

    assert len(rest) <= 2


def test_a_closed_stream_frees_its_place(api_app: ApiApp, running: Fence) -> None:
    for _ in range(3):
        stream = _stream(api_app, running.job_id)
        next(stream)
        stream.close()
        stream.close()

    assert api_app.events.streams.taken == 0


def test_a_wait_ends_within_seconds_after_its_client_left(api_app: ApiApp) -> None:
    job_id = api_app.submit().json["id"]
    request = Request({**create_environ(), "waitress.client_disconnected": lambda: True})
    began = time.monotonic()

    record = api_app.events.wait(
        request,
        job_id,
        lambda job_id, _caller: read(api_app.store, job_id, tenant="default"),
        until=FINAL.__contains__,
        timeout=30,
    )

    assert record.status == "queued"
    assert time.monotonic() - began < 5
    assert api_app.events.waiting == 0


def test_beyond_the_wait_limit_requests_are_answered_at_once(api_app: ApiApp) -> None:
    job_id = api_app.submit().json["id"]
    api_app.events.waits.most = 0
    began = time.monotonic()

    answer = api_app.get(job_id, headers={"Prefer": "wait=20"})

    assert (answer.status_code, answer.json["status"]) == (200, "queued")
    assert time.monotonic() - began < 2


def _tcp() -> tuple[socket.socket, socket.socket]:
    """Return the client's and the server's end of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        server, _ = listening.accept()
    return client, server


def test_a_client_that_reads_nothing_is_disconnected(api_app: ApiApp, running: Fence) -> None:
    client, server = _tcp()
    stream = _stream(api_app, running.job_id, peer=SocketPeer(server), patience=0.5)
    for _ in range(8):
        api_app.report(running, ProgressReport(lines=_lines(*["x" * 4000] * 60)))

    def serve() -> str:
        try:
            for chunk in stream:
                server.sendall(chunk)
        except OSError as error:
            return type(error).__name__
        return "the stream ended"

    with client, server, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(serve)
        outcome = sending.result(10)
        stream.close()

    assert outcome == "BrokenPipeError"


@pytest.mark.parametrize("sent_ahead", [b"", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_closed_client_is_detected_whatever_it_sent_before(sent_ahead: bytes) -> None:
    client, server = _tcp()
    peer = peer_of({"gunicorn.socket": server})
    with client, server:
        client.sendall(sent_ahead)
        before = peer.gone()
        client.close()
        eventually(peer.gone, what="it is seen to be gone")
        unread = server.recv(100)

    assert not before
    assert unread == sent_ahead
    assert peer.gone()


def test_one_tenants_streams_leave_places_for_other_tenants(
    api_app: ApiApp, running: Fence
) -> None:
    key, _ = create_key(api_app.store, tenant="default", role="viewer")
    api_app.events.streams.most = 18
    path = f"/v1/jobs/{running.job_id}/events"
    tenant, other = ("tenant default",), ("tenant other",)

    taken = sum(iter(lambda: api_app.events.streams.take(tenant), False))
    refused = api_app.http.simulate_get(path, headers={"X-API-Key": key})
    left = api_app.events.streams.take(other)
    for _ in range(taken):
        api_app.events.streams.free(tenant)
    api_app.events.streams.free(other)

    assert (taken, left) == (16, True)
    assert (refused.status_code, refused.json["code"]) == (503, "STREAMS_FULL")
