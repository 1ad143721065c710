"""Overload is refused with a reason, and affects no other client."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx
import pytest

from bench.overload import Storm, drained, weather
from tests.eventually import eventually
from tests.invariants import complaints, look
from tests.system.stack import Stack
from tests.system.uploading import Memory

CAPACITY = 20
MAX_LINES = 1000
MAX_BYTES = 256 * 1024
REPORTS_PER_S = 4


@pytest.mark.timeout(120)
def test_a_storm_of_submissions_is_refused_beyond_capacity_and_leaves_nothing(
    stack: Stack,
) -> None:
    stack.start(workers=1, CALLBOARD_MAX_ACTIVE=str(CAPACITY), CALLBOARD_THREADS="2")
    storm = Storm(seconds=2, submissions=10 * CAPACITY, clients=8, pollers=2, job_s=1)

    seen = weather(stack, storm)

    assert set(seen.codes) == {202, 503}
    assert seen.codes.total() >= 10 * max(1, seen.done), seen.codes
    assert seen.without_advice == 0
    assert seen.peak_active <= CAPACITY
    assert set(seen.poll_codes) == {200}
    # A generous bound: it would be many seconds if polls queued behind submissions.
    assert sorted(seen.polls_s)[len(seen.polls_s) // 2] < 2
    with stack.client() as client:
        for job_id in seen.accepted[-CAPACITY:]:
            client.cancel(job_id)
    eventually(lambda: drained(stack), what="all accepted jobs end", timeout=40)
    names = [key.decode().partition("}:")[2] for key in stack.store.redis.scan_iter("*")]
    records = [name for name in names if name.startswith("job:") and name.count(":") == 1]
    promises = [name for name in names if name.startswith("idempotency:")]
    assert len(records) == len(promises) == len(seen.accepted)
    assert list(complaints(look(stack.store))) == []


@pytest.mark.timeout(120)
def test_a_functions_excess_output_is_truncated_with_a_notice(stack: Stack) -> None:
    stack.start(workers=1)
    lines = 100_000
    memory = Memory(stack.pids_of_workers()[0])
    with stack.client() as client, _heard(stack) as heard:
        job = client.submit("chatty", {"lines": lines})
        other = client.submit("echo", {"text": "meanwhile"})
        assert client.result(other["id"], timeout=30)["text"] == "meanwhile"
        ended = client.wait(job["id"], timeout=60)
        log = _log(stack, job["id"])
        too_large = client.wait(client.submit("large", {"size": 20_000_000})["id"], timeout=60)
        after = client.submit("echo", {"text": "still here"})
        assert client.result(after["id"], timeout=30)["text"] == "still here"

    assert (ended["status"], ended["progress"]["percent"]) == ("succeeded", 100)
    assert len(log) <= MAX_LINES
    assert sum(len(line.encode()) for line in log) <= MAX_BYTES
    dropped = [line for line in log if "lines dropped)" in line]
    assert dropped, log[-3:]
    took = datetime.fromisoformat(ended["finished_at"]) - datetime.fromisoformat(
        ended["started_at"]
    )
    # Claim and end also announce changes, and a last report is sent with the end.
    assert heard.count(job["id"]) <= REPORTS_PER_S * (took.total_seconds() + 1) + 4
    assert heard.count(job["id"]) >= 2
    assert too_large["status"] == "failed"
    assert too_large["error"]["type"].endswith("result-too-large"), too_large["error"]
    assert "16777216" in too_large["error"]["detail"]
    assert stack.store.redis.info("memory")["used_memory"] < 64 * 1024**2
    # The result had several copies: returned, encoded and checked, one of them in hex.
    assert memory.growth() < 160 * 1024**2


@contextmanager
def _heard(stack: Stack) -> Iterator[list[str]]:
    """Collect the ids of jobs that announced a change."""
    heard: list[str] = []
    ended = threading.Event()
    subscription = stack.store.redis.pubsub(ignore_subscribe_messages=True)
    subscription.subscribe(stack.store.keys.channel("events"))

    def listen() -> None:
        while not ended.is_set():
            message: dict[str, Any] | None = subscription.get_message(timeout=0.1)
            if message is not None:
                heard.append(message["data"].decode().partition(" ")[0])

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        ended.set()
        thread.join(10)
        subscription.close()


def _log(stack: Stack, job_id: str) -> list[str]:
    answer = httpx.get(f"{stack.url}/v1/jobs/{job_id}/log", params={"limit": 1000}, timeout=10)
    assert answer.status_code == 200, answer.text
    return [str(line["text"]) for line in answer.json()["items"]]
