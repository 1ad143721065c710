"""Requests that web servers refuse before the application get problems like all others."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
import waitress.server

from callboard.config.environment import bare_environment
from callboard.ops.servers.gunicorn_connection import Connection
from callboard.ops.servers.slow_clients import Allowance
from callboard.ops.servers.waitress_channel import answer_with_problems
from tests.api_app import ADD, ApiApp
from tests.eventually import eventually
from tests.servers import RedisServer
from tests.servers.process import free_port

BODY: Final = json.dumps(ADD).encode()
POST: Final = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET: Final = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED_AS: Final = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n"
CHUNKED: Final = POST + b"Transfer-Encoding: chunked\r\n\r\n"

REFUSED_BY_BOTH: Final = {
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "one word": b"garbage\r\n\r\n",
    "a method in lower case": b"get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a method with a sign": b"G@T /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a header without a colon": GET + b"Xabc\r\n\r\n",
    "a header's name with a space": GET + b"X A: b\r\n\r\n",
    "a NUL in a header": GET + b"X-A: b\x00c\r\n\r\n",
    "a header that injects": GET + b"X-Request-ID: b\rX-Evil: c\r\n\r\n",
    "a length that is no number": POST + b"Content-Length: ten\r\n\r\n",
    "a negative length": POST + b"Content-Length: -5\r\n\r\n",
    "a length with a sign": POST + b"Content-Length: +5\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\n",
    "very long headers": GET + b"X-A: " + b"a" * 300_000 + b"\r\n\r\n",
    "a very long address": b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a transfer coding": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "a chunk whose size is no number": CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
    "a chunk without an end": CHUNKED + b"5\r\nhelloXX0\r\n\r\n",
    "a method that nobody knows": b"FOO /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a length beyond what is read": POST + b"Content-Length: 99999999999\r\n\r\n",
}

REFUSED_BY_GUNICORN: Final = {
    "length and chunks": CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 4\r\n\r\n"),
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "another version": b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "a folded header": GET + b"X-A: b\r\n c\r\n\r\n",
    "a control character": b"GET /\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "too many headers": GET + b"".join(b"X-%d: a\r\n" % n for n in range(150)) + b"\r\n",
    "a query beyond 8 KiB": b"GET /v1/jobs?"
    + b"a" * 9000
    + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an expectation": POST + b"Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.fixture(scope="module")
def gunicorn(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """One process started from the Procfile, without RabbitMQ, which no refusal needs."""
    port = free_port()
    settings = {
        "CALLBOARD_REDIS_URL": redis_server.url,
        "CALLBOARD_BROKER_URL": f"amqp://127.0.0.1:{free_port()}",
        "CALLBOARD_NAMESPACE": "refusals",
        "CALLBOARD_PORT": str(port),
        "CALLBOARD_WEB_CONCURRENCY": "1",
        "CALLBOARD_PUBLISH_DEADLINE": "100ms",
    }
    command = ["callboardctl", "web"]
    with (tmp_path_factory.mktemp("gunicorn") / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name(command[0])), *command[1:]],
            env=bare_environment(**settings),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        eventually(lambda: _lives(port), what="gunicorn serves", timeout=30)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


@pytest.fixture(scope="module")
def waitress_server() -> Iterator[int]:
    api_app = ApiApp()
    server = waitress.server.create_server(
        api_app.app, host="127.0.0.1", port=0, threads=2, ident=None, max_request_body_size=2**21
    )
    answer_with_problems(server)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield int(server.effective_port)
    server.close()
    thread.join(10)
    api_app.close()


def _lives(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def _exchange(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        received = bytearray()
        try:
            connection.sendall(request)
            while b"\r\n\r\n" not in received or not _whole(bytes(received)):
                piece = connection.recv(65_536)
                if not piece:
                    break
                received += piece
        except ConnectionError:  # it closed the connection without reading the body
            pass
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split(" ")[1]), headers, body


def _whole(received: bytes) -> bool:
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(lengths) and len(body) >= int(lengths[0].partition(b":")[2])


def _assert_refused(port: int, request: bytes) -> None:
    status, headers, body = _exchange(port, request)

    problem = json.loads(body)
    assert 400 <= status < 600
    assert status != 500
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-request-id"] == problem["request_id"]
    assert problem["status"] == status
    assert problem["type"] == "about:blank" or "/problems/" in problem["type"]
    assert problem["title"]
    assert len(problem["detail"]) <= 300
    assert "x-evil" not in headers
    assert b"Traceback" not in body
    assert _lives(port)


@pytest.mark.parametrize(
    "request_bytes",
    [*REFUSED_BY_BOTH.values(), *REFUSED_BY_GUNICORN.values()],
    ids=[*REFUSED_BY_BOTH, *REFUSED_BY_GUNICORN],
)
def test_a_request_that_gunicorn_refuses_gets_a_problem(
    gunicorn: int, request_bytes: bytes
) -> None:
    _assert_refused(gunicorn, request_bytes)


@pytest.mark.parametrize("request_bytes", REFUSED_BY_BOTH.values(), ids=REFUSED_BY_BOTH)
def test_a_request_that_waitress_refuses_gets_a_problem(
    waitress_server: int, request_bytes: bytes
) -> None:
    _assert_refused(waitress_server, request_bytes)


@pytest.mark.parametrize("head", [b"Content-Length: %d\r\n\r\n", CHUNKED_AS])
def test_a_client_whose_large_body_is_refused_is_told_that_the_connection_closes(
    gunicorn: int, head: bytes
) -> None:
    body = b'"' + b"a" * 1_600_000 + b'"'

    status, headers, _answer = _exchange(gunicorn, POST + head % len(body) + body)

    assert (status, headers.get("connection")) == (413, "close")


@pytest.mark.parametrize("server", ["gunicorn", "waitress_server"])
def test_a_chunked_body_is_read(server: str, request: pytest.FixtureRequest) -> None:
    port: int = request.getfixturevalue(server)
    body = json.dumps({"operation": "nothing", "params": {}}).encode()

    status, _headers, answer = _exchange(
        port, CHUNKED + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    )

    assert (status, b"unknown-operation" in answer) == (404, True)


def test_a_missing_body_is_not_awaited_forever() -> None:
    here, there = socket.socketpair()
    with here, there:
        incoming = Connection(here, receiving=Allowance(patience_s=0.05))
        incoming.begin_body()
        there.sendall(b"some")
        assert incoming.recv(100) == b"some"

        with pytest.raises(TimeoutError):
            incoming.recv(100)

        assert here.gettimeout() is None


def test_a_client_that_stops_within_its_body_is_answered(gunicorn: int) -> None:
    half = POST + b"Content-Length: 10\r\n\r\n12345"
    with socket.create_connection(("127.0.0.1", gunicorn), timeout=10) as connection:
        connection.sendall(half)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65_536)

    assert b" 400 " in answer.split(b"\r\n", 1)[0]
    assert _lives(gunicorn)
