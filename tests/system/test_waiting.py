"""Many clients with waits and streams, on real web processes."""

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from bench.changes import claim_new_job
from bench.clients import Clients
from bench.waiting import Changes, Load, measure
from callboard.client import Client
from callboard.jobs.progress import LogBounds, ProgressReport, progress
from callboard.ops.servers.one_process import MAX_STREAMS, MAX_WAITS
from tests.eventually import eventually
from tests.servers import RabbitMQ, RedisServer
from tests.system.connection import Connection, left_alone
from tests.system.stack import BOOT_SECONDS, Stack, free_port, installation

JOBS = 2000
SECONDS = 11.0
BOUNDS = LogBounds(lines=10_000, bytes=16 * 1024**2)
AROUND_S = 0.05
QUIET = 0.05


Connect = Callable[..., Connection]


def _web(stack: Stack) -> Stack:
    stack.web()
    eventually(stack.ready, what="web is ready", timeout=BOOT_SECONDS)
    return stack


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens connections, and closes them all at the end."""
    with ExitStack() as opened:
        yield lambda *args, **more: opened.enter_context(closing(Connection(*args, **more)))


@pytest.mark.alone
def test_polls_stay_fast_during_thousands_of_waits_and_hundreds_of_streams(stack: Stack) -> None:
    figures = measure(_web(stack), Load(seconds=9))

    shown = json.dumps(figures)
    assert figures["wrong"] == [], shown
    assert (figures["waits"], figures["streams"], figures["unanswered"]) == (2000, 500, 0), shown
    assert figures["events_a_second"] > 300, shown
    # What else runs on the machine is not ours to judge: the best third counts, and the bound
    # holds where the process had a core when it wanted one.
    best = min(figures["polls_by_third"], key=lambda third: third["p99"])
    assert best["p99"] < (50 if best["no_core_free"] < QUIET else 1000), shown


async def _lateness(stack: Stack, changes: Changes, starts: list[float]) -> tuple[float, float]:
    """Return the delay of the latest answer, and the slowest plain request in between."""
    clients = Clients(stack.url)
    began = time.monotonic() + 0.5
    changes.start(began)
    clients.poll(changes.ids["watched"], per_second=20)
    clients.wait_from([began + at for at in starts], changes.ids["waited"])
    finished = await changes.finished()
    heard = clients.heard
    await clients.settled(answers=len(starts))
    await clients.close()
    late = [
        heard.answers[job_id] - max(finished[job_id], began + at)
        for job_id, at in zip(changes.ids["waited"], starts, strict=True)
    ]
    assert heard.wrong == []
    return max(late), max(seconds for _, seconds in heard.polls)


@pytest.mark.alone
def test_no_wait_misses_a_finish(stack: Stack) -> None:
    dice = random.Random(2000)
    starts = [dice.uniform(0, SECONDS) for _ in range(JOBS)]
    moments = [(max(0.0, at + dice.uniform(-AROUND_S, AROUND_S)), n) for n, at in enumerate(starts)]
    plan = {"watched": 1, "waited": JOBS, "reports": 0, "finishes": moments, "seconds": SECONDS}
    _web(stack)

    with Changes(stack, plan) as changes:
        latest, slowest_poll = asyncio.run(_lateness(stack, changes, starts))

    # A finish that is missed is noticed 2.5 s later on average. What slows every request down
    # is no miss, and slows a wait three times: its notice, its answer, and this process.
    assert latest < 0.25 + 3 * slowest_poll, f"{latest=:.3f} {slowest_poll=:.3f}"


def test_a_closed_client_frees_its_place_and_a_half_closed_one_is_answered(
    stack: Stack, connect: Connect
) -> None:
    _web(stack)
    with stack.client() as client:
        path = f"/v1/jobs/{client.submit('wait', {'seconds': 60})['id']}"
    waits = [connect(stack.port) for _ in range(20)]
    streams = [connect(stack.port) for _ in range(20)]
    for each in waits:
        each.send(path, "Prefer: wait=50")
    waits[0].send("/healthz")  # sent ahead
    for each in streams:
        each.send(f"{path}/events")
        each.read_until(b"event: status")

    waits[1].socket.shutdown(1)
    streams[1].socket.shutdown(1)
    for each in (*waits[2:], *streams[2:]):
        each.close()
    left = eventually(lambda: left_alone(stack.port), what="the server has yet to notice")
    eventually(lambda: left_alone(stack.port) == 0, what="it has noticed", timeout=5)

    assert left >= 30
    assert b'"status":"queued"' in waits[1].read_to_the_end()
    assert streams[1].read_to_the_end().endswith(b"0\r\n\r\n")
    # Those that are still there wait on, and end with the process.
    stack.started[0].signal(signal.SIGTERM)
    assert b'"status":"queued"' in waits[0].read_until(b"}}")
    assert b"retry: " in streams[0].read_until(b"\r\n0\r\n\r\n")
    waits[0].close()
    streams[0].close()
    assert stack.started[0].process.wait(12) == 0
    assert "Traceback" not in stack.started[0].log.read_text("utf-8")


def test_a_client_that_reads_nothing_delays_nobody(stack: Stack, connect: Connect) -> None:
    _web(stack)
    fence = claim_new_job(stack.store)
    path = f"/v1/jobs/{fence.job_id}/events"
    deaf = [connect(stack.port, receive_bytes=4096) for _ in range(10)]
    for each in deaf:
        each.send(path)

    reader = connect(stack.port)
    reader.send(path)
    delays = []
    for number in range(100):
        line = f"{time.time():.3f} line {number}: " + "x" * 4000
        began = time.monotonic()
        progress(stack.store, fence, ProgressReport(lines=[line] * 10), bounds=BOUNDS)
        reader.read_until(b"line %d:" % number)
        delays.append(time.monotonic() - began)

    # Now 4 MB, far more than their sockets hold.
    assert sorted(delays)[90] < 0.5
    for each in deaf:
        each.close()


@pytest.mark.alone
def test_waits_and_streams_leave_threads_free_in_the_one_process_server(
    tmp_path: Path, rabbitmq: RabbitMQ, redis_server: RedisServer, connect: Connect
) -> None:
    with installation(tmp_path, rabbitmq, redis_server, "unused") as stack:
        port = free_port()
        stack.settings.clear()
        settings = {
            "CALLBOARD_PORT": str(port),
            "CALLBOARD_OPERATIONS": "tests.system.operations",
            "CALLBOARD_RESOURCES": "gpu=2",
        }
        stack.url = f"http://127.0.0.1:{port}"
        dev = stack.spawn([sys.executable, "-m", "callboard.client.cli", "dev"], "dev", **settings)
        eventually(stack.ready, what="the server is ready", timeout=BOOT_SECONDS)
        with Client(stack.url) as client:
            path = f"/v1/jobs/{client.submit('wait', {'seconds': 60})['id']}"
            eventually(
                lambda: httpx.get(stack.url + path).json()["status"] == "running",
                what="the job runs",
            )

        streams = [connect(port) for _ in range(MAX_STREAMS + 4)]
        for each in streams:
            each.send(f"{path}/events")
        answers = [each.read_until(b"\r\n\r\n")[:12] for each in streams]
        waits = [connect(port) for _ in range(MAX_WAITS + 4)]
        for each in waits:
            each.send(path, "Prefer: wait=50")
        began = time.monotonic()
        polls = [httpx.get(stack.url + path).status_code for _ in range(5)]
        took = time.monotonic() - began
        for each in (*waits, *streams):
            each.close()
        again = eventually(
            lambda: _has_places(connect, port, path), what="places are free again", timeout=5
        )
        last = connect(port)
        last.send(f"{path}/events")
        last.read_until(b"event: status")
        dev.process.send_signal(signal.SIGTERM)

        assert sorted(answers) == [b"HTTP/1.1 200"] * MAX_STREAMS + [b"HTTP/1.1 503"] * 4
        assert (polls, again) == ([200] * 5, True)
        assert took < 2
        assert b"retry: " in last.read_to_the_end()


def _has_places(connect: Connect, port: int, path: str) -> bool:
    """Whether a stream is served and a request may wait."""
    stream, wait = connect(port), connect(port)
    stream.send(f"{path}/events")
    wait.send(path, "Prefer: wait=1")
    began = time.monotonic()
    wait.read_until(b"\r\n\r\n")
    served = stream.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 200")
    stream.close()
    wait.close()
    return served and time.monotonic() - began > 0.9
