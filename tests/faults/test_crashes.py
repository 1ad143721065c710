"""Processes that die, and messages that arrive twice."""

import os
import signal
import threading
from pathlib import Path

import httpx
import pytest

from callboard.actors.container import build_container
from callboard.config import load_settings
from callboard.jobs.publisher import Wakeup
from callboard.jobs.read import read_submissions
from tests.eventually import eventually
from tests.system.notes import begun, read_notes
from tests.system.stack import Stack


def test_a_job_survives_the_kill_of_its_worker_under_honcho(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    for name in ("web", "worker", "worker"):
        stack.spawn(["honcho", "start", "--no-prefix", name], f"honcho-{name}")
    eventually(stack.ready, what="web is ready", timeout=30)
    stack.await_workers(2)

    with stack.client() as client:
        job = client.submit("wait", {"seconds": 3, "path": str(path)})
        first = eventually(lambda: begun(read_notes(path)), what="the job runs")[0]
        os.kill(int(first.label), signal.SIGKILL)
        ended = client.wait(job["id"], timeout=30)

    notes = read_notes(path)
    assert ended["status"] == "succeeded"
    assert ended["result"] == 2
    assert [note.attempt for note in begun(notes)] == [1, 2]
    assert [note.attempt for note in notes if note.kind == "end"] == [2]
    assert notes[0].label != notes[1].label


def test_a_job_runs_even_if_web_is_killed_before_publishing(stack: Stack) -> None:
    stack.start(workers=1)
    doomed = stack.web(
        CALLBOARD_TESTING="true",
        CALLBOARD_FAULT_POINTS="between-record-and-publish",
        CALLBOARD_PORT=str(stack.port + 1),
    )
    body = {"operation": "echo", "params": {"text": "still here"}}
    key = {"Idempotency-Key": "the-same"}
    doomed_url = f"http://127.0.0.1:{stack.port + 1}"
    eventually(
        lambda: httpx.get(f"{doomed_url}/healthz").status_code == 200,
        what="the doomed web process serves",
        timeout=30,
        ignoring=(httpx.TransportError,),
    )

    with pytest.raises(httpx.TransportError):
        httpx.post(f"{doomed_url}/v1/jobs", json=body, headers=key)
    doomed.end()

    eventually(
        lambda: stack.store.redis.zcard(stack.store.keys("active")) == 0,
        what="the job that was recorded runs within 5 s",
        timeout=5,
    )
    again = httpx.post(f"{stack.url}/v1/jobs", json=body, headers=key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json()["result"] == {"text": "still here", "attempt": 1}


def test_two_copies_of_a_message_run_the_job_once(stack: Stack, tmp_path: Path) -> None:
    stack.start(workers=2)
    path = tmp_path / "notes"

    with stack.client() as client:
        job = client.submit("wait", {"seconds": 1, "path": str(path)})
        publish_again(stack, job["id"], copies=4)
        assert client.wait(job["id"], timeout=20)["result"] == 1
        publish_stale(stack, job["id"])
        eventually(lambda: waiting_messages(stack) == 0, what="the copies are gone")
        client.wait(client.submit("echo")["id"])

        assert len(begun(read_notes(path))) == 1
        assert client.job(job["id"])["attempt"] == 1


def test_a_copy_that_arrives_after_the_purge_does_not_run(stack: Stack, tmp_path: Path) -> None:
    stack.start(workers=1)
    path = tmp_path / "notes"

    with stack.client() as client:
        job = client.submit("wait", {"seconds": 0.1, "path": str(path)})
        client.wait(job["id"], timeout=20)
        wakeup = wakeup_of(stack, job["id"])
        purged = httpx.delete(f"{stack.url}/v1/jobs/{job['id']}?purge=true")
        publish(stack, [wakeup])
        eventually(lambda: waiting_messages(stack) == 0, what="the copy is gone")
        client.wait(client.submit("echo")["id"])

    assert purged.status_code == 204
    assert len(begun(read_notes(path))) == 1
    assert httpx.get(f"{stack.url}/v1/jobs/{job['id']}").status_code == 410


def test_a_job_that_kills_three_workers_fails_as_worker_lost(stack: Stack) -> None:
    stack.start(workers=3, CALLBOARD_LEASE="2s")
    survivor = threading.Timer(6.0, stack.worker)
    survivor.start()

    with stack.client() as client:
        job = client.submit("kill_worker")
        ended = client.wait(job["id"], timeout=60)
        survivor.join()

    assert ended["status"] == "failed"
    assert ended["error"]["type"].endswith("/problems/worker-lost")
    assert ended["attempt"] == 3


def waiting_messages(stack: Stack) -> int:
    """Count the messages that no worker has prefetched."""
    container = build_container(load_settings(**programmatic(stack)))
    try:
        return container.publisher.ready("default") or 0
    finally:
        container.close()


def wakeup_of(stack: Stack, job_id: str) -> Wakeup:
    """Rebuild the message of an existing job."""
    submitted = read_submissions(stack.store, [job_id])[job_id]
    return Wakeup(submitted.submission, 1, reserved=False, published_ms=submitted.now_ms)


def publish_again(stack: Stack, job_id: str, *, copies: int) -> None:
    """Publish further copies of a job's message."""
    publish(stack, [wakeup_of(stack, job_id)] * copies)


def publish_stale(stack: Stack, job_id: str) -> None:
    """Publish a copy after the job has ended."""
    publish_again(stack, job_id, copies=1)


def publish(stack: Stack, wakeups: list[Wakeup]) -> None:
    """Publish messages as another process would."""
    container = build_container(load_settings(**programmatic(stack)))
    try:
        assert all(container.publisher.publish(wakeups))
    finally:
        container.close()


def programmatic(stack: Stack) -> dict[str, object]:
    """Set this installation's servers in the test's own process."""
    names = ("broker_url", "redis_url", "namespace")
    values = {name: stack.settings[f"CALLBOARD_{name.upper()}"] for name in names}
    return {**values, "resources": "gpu=2", "operations": "tests.system.operations"}
