"""Processes are stopped as by a process manager."""

import signal
import threading
from pathlib import Path

import httpx
import pytest

from tests.eventually import eventually
from tests.processes import is_running
from tests.system.notes import begun, read_notes
from tests.system.stack import Stack


@pytest.mark.parametrize("whom", ["group", "master"])
def test_a_stopping_worker_releases_its_job_uncounted(
    stack: Stack, tmp_path: Path, whom: str
) -> None:
    stack.start(workers=1)
    path = tmp_path / "notes"

    with stack.client() as client:
        job = client.submit("wait", {"seconds": 8, "path": str(path)})
        eventually(lambda: begun(read_notes(path)), what="the job runs")
        first = stack.started[1]
        if whom == "group":
            first.signal(signal.SIGTERM)
        else:
            first.process.terminate()
        stack.worker()
        ended = client.wait(job["id"], timeout=40)

    keys, redis = stack.store.keys, stack.store.redis
    assert first.process.wait(20) == 0
    assert (ended["status"], ended["attempt"]) == ("succeeded", 2)
    assert redis.hmget(keys("job", job["id"]), "failures", "crashes") == [b"0", b"0"]


def test_a_worker_whose_master_was_killed_stops_too(stack: Stack) -> None:
    stack.start(workers=1)
    (pid,) = stack.pids_of_workers()

    stack.started[1].process.kill()

    eventually(lambda: not is_running(pid), what="the orphan ends", timeout=20)


def test_a_stopping_web_process_answers_its_waiting_clients(stack: Stack) -> None:
    stack.start(workers=1)
    answers: list[httpx.Response] = []
    with stack.client() as client:
        job = client.submit("wait", {"seconds": 60})
    eventually(lambda: job_runs(stack, job["id"]), what="the job runs")

    def wait() -> None:
        url = f"{stack.url}/v1/jobs/{job['id']}"
        answers.append(httpx.get(url, headers={"Prefer": "wait=50"}, timeout=60))

    thread = threading.Thread(target=wait)
    thread.start()
    channel = stack.store.keys.channel("events")
    eventually(lambda: listeners(stack, channel) > 0, what="somebody waits for the running job")
    threading.Event().wait(0.5)
    stack.started[0].signal(signal.SIGTERM)
    thread.join(10)

    assert [answer.status_code for answer in answers] == [200]
    assert answers[0].json()["status"] == "running"
    assert stack.started[0].process.wait(20) == 0


def test_an_idle_web_process_stops_at_once(stack: Stack) -> None:
    stack.start(workers=0)
    web = stack.started[0]
    with stack.client() as client:
        client.operations()

    for _ in range(3):
        web.signal(signal.SIGTERM)

    assert web.process.wait(5) == 0
    assert "Traceback" not in web.log.read_text(encoding="utf-8")


def job_runs(stack: Stack, job_id: str) -> bool:
    """Whether a job is running now."""
    return stack.store.redis.hget(stack.store.keys("job", job_id), "status") == b"running"


def listeners(stack: Stack, channel: str) -> int:
    """Count the subscriptions to a channel."""
    ((_, count),) = stack.store.redis.pubsub_numsub(channel)
    return int(count)
