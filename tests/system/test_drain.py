"""Stopping web processes cut off no client."""

import http.client
import json
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from callboard.config.environment import bare_environment
from tests.eventually import eventually
from tests.system.connection import Connection
from tests.system.stack import BOOT_SECONDS, Stack
from tests.system.uploading import FILE, send_head

MIB = 1024**2

Connect = Callable[[int], Connection]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Connect to a port; the connections are closed in the end."""
    made: list[Connection] = []

    def new(port: int) -> Connection:
        made.append(Connection(port))
        return made[-1]

    yield new
    for each in made:
        each.close()


def test_a_draining_web_process_serves_requests_for_the_delay_and_cuts_no_client_off(
    stack: Stack, connect: Connect
) -> None:
    stack.web(CALLBOARD_DRAIN_DELAY="3s")
    eventually(stack.ready, what="web is ready", timeout=BOOT_SECONDS)
    web, port = stack.started[0], stack.port
    kept = [connect(port), connect(port)]
    for each in kept:
        each.send("/healthz")
        each.read_until(b"alive")
    path = f"/v1/jobs/{submit(stack)}"
    wait, stream, upload = connect(port), connect(port), connect(port)
    wait.send(path, "Prefer: wait=50")
    stream.send(f"{path}/events")
    stream.read_until(b"event: status")
    send_head(upload, *FILE, f"Content-Length: {2 * MIB}")
    upload.socket.sendall(bytes(MIB))

    web.signal(signal.SIGTERM)
    refusal = eventually(lambda: not_ready(stack), what="readiness says no", timeout=3)
    submit(stack)
    kept[0].send("/healthz")

    assert refusal == "DRAINING"
    assert b"Connection: close" in kept[0].read_to_the_end()
    # The others are closed after the delay.
    answer = wait.read_to_the_end()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"Connection: close" in answer
    assert b"retry: " in stream.read_until(b"\r\n0\r\n\r\n")
    kept[1].send("/healthz")
    assert b"Connection: close" in kept[1].read_to_the_end()
    upload.socket.sendall(bytes(MIB))
    assert upload.read_to_the_end().startswith(b"HTTP/1.1 201")
    assert web.process.wait(10) == 0
    assert "Traceback" not in web.log.read_text("utf-8")


def test_the_one_process_server_lets_requests_end_when_it_stops(
    stack: Stack, connect: Connect
) -> None:
    settings = bare_environment(CALLBOARD_BROKER_URL="", CALLBOARD_REDIS_URL="")
    dev = stack.spawn([sys.executable, "-m", "callboard.client.cli", "dev"], "dev", **settings)
    eventually(stack.ready, what="the server is ready", timeout=BOOT_SECONDS)
    upload, wait, kept = (connect(stack.port) for _ in range(3))
    path = f"/v1/jobs/{submit(stack, seconds=60)}"
    wait.send(path, "Prefer: wait=50")
    kept.send("/healthz")
    kept.read_until(b"alive")
    send_head(upload, *FILE, f"Content-Length: {2 * MIB}")
    upload.socket.sendall(bytes(MIB))

    dev.process.send_signal(signal.SIGTERM)
    answer = wait.read_to_the_end()
    kept.send("/readyz")
    refusal = kept.read_to_the_end()
    upload.socket.sendall(bytes(MIB))

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"Connection: close" in answer
    assert b"DRAINING" in refusal
    assert upload.read_to_the_end().startswith(b"HTTP/1.1 201")
    assert dev.process.wait(15) == 0


def submit(stack: Stack, *, seconds: float = 0) -> str:
    """Submit a job on a new connection, and return its id."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=10)
    body = json.dumps({"operation": "wait", "params": {"seconds": seconds}})
    connection.request("POST", "/v1/jobs", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    job: dict[str, Any] = json.loads(answer.read())
    connection.close()
    assert answer.status == 202, job
    return str(job["id"])


def not_ready(stack: Stack) -> str | None:
    """Return the problem with which readiness fails, if it does."""
    answer = httpx.get(f"{stack.url}/readyz", timeout=5)
    return None if answer.is_success else str(answer.json()["code"])
