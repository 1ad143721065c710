"""Redis and RabbitMQ go away for a while, and nothing is lost."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.eventually import eventually
from tests.servers import RabbitMQ, RedisServer
from tests.system.notes import begun, read_notes
from tests.system.stack import Stack

ECHO = {"operation": "echo", "params": {}}
AWAY_SECONDS = 60.0
LEASE = "20s"


def pause_and_resume(server: RedisServer) -> None:
    """Stop Redis as a hang does, and let it go on."""
    server.pause()
    wait_out(AWAY_SECONDS)
    server.resume()


def kill_and_restart(server: RedisServer) -> None:
    """Kill Redis, and start it from what it had written."""
    server.kill()
    wait_out(AWAY_SECONDS)
    server.start()


def wait_out(seconds: float) -> None:
    """Let real time pass: an outage has a length."""
    ends_at = time.monotonic() + seconds
    eventually(lambda: time.monotonic() > ends_at, what="the outage is over", timeout=seconds + 5)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("outage", [pause_and_resume, kill_and_restart])
def test_an_outage_of_redis_repeats_no_run_and_loses_no_result(
    stack: Stack, tmp_path: Path, outage: Callable[[RedisServer], None]
) -> None:
    stack.start(workers=2, CALLBOARD_LEASE=LEASE)
    path = tmp_path / "notes"

    with stack.client() as client:
        long = [client.submit("wait", {"seconds": 75, "path": str(path)})["id"] for _ in range(2)]
        short = [client.submit("wait", {"seconds": 10, "path": str(path)})["id"] for _ in range(4)]
        queued = [client.submit("echo")["id"] for _ in range(20)]
        eventually(lambda: len(begun(read_notes(path))) == 6, what="six jobs run")
        for job_id in queued:
            client.wait(job_id, timeout=10)
        # What is younger than two seconds may not be in the append-only file yet.
        wait_out(3)
        outage(stack.redis_server)
        ended = [client.wait(job_id, timeout=90) for job_id in (*long, *short)]

    assert [job["status"] for job in ended] == ["succeeded"] * 6
    assert [job["attempt"] for job in ended] == [1] * 6
    assert len(begun(read_notes(path))) == 6
    keys, redis = stack.store.keys, stack.store.redis
    assert [redis.hget(keys("job", job["id"]), "crashes") for job in ended] == [b"0"] * 6


def test_while_redis_is_away_callers_hear_when_to_come_back(stack: Stack) -> None:
    stack.start(workers=1)

    stack.redis_server.kill()
    answer = httpx.post(f"{stack.url}/v1/jobs", json=ECHO, timeout=10)
    stack.redis_server.start()

    assert answer.status_code == 503
    assert answer.json()["type"].endswith("#temporary-reduced-capacity")
    assert int(answer.headers["Retry-After"]) >= 1
    with stack.client() as client:
        assert client.wait(client.submit("echo")["id"], timeout=20)["status"] == "succeeded"


def test_submissions_are_accepted_while_rabbitmq_is_away(stack: Stack, rabbitmq: RabbitMQ) -> None:
    stack.start(workers=2)

    with stack.client() as client:
        client.wait(client.submit("echo")["id"], timeout=20)
        rabbitmq.stop()
        answers = [timed_submit(stack) for _ in range(10)]
        degraded = httpx.get(f"{stack.url}/readyz")
        rabbitmq.start()
        ended = [client.wait(job_id, timeout=40)["status"] for _, job_id, _ in answers]

    assert [status for status, _, _ in answers] == [202] * 10
    assert max(seconds for _, _, seconds in answers) < 3.0
    assert degraded.json()["checks"]["rabbitmq"]["status"] == "down"
    assert ended == ["succeeded"] * 10


def timed_submit(stack: Stack) -> tuple[int, str, float]:
    """Submit a job, and measure how long that took."""
    began = time.monotonic()
    answer = httpx.post(f"{stack.url}/v1/jobs", json=ECHO, timeout=10)
    return answer.status_code, answer.json()["id"], time.monotonic() - began


def test_messages_that_rabbitmq_lost_are_published_again(stack: Stack, rabbitmq: RabbitMQ) -> None:
    stack.web()
    eventually(
        lambda: httpx.get(f"{stack.url}/healthz").status_code == 200,
        what="web serves",
        timeout=30,
        ignoring=(httpx.TransportError,),
    )

    with stack.client() as client:
        jobs = [client.submit("echo")["id"] for _ in range(10)]
        rabbitmq.ctl("purge_queue", f"{stack.store.keys.prefix[1:-2]}.default")
        hurry_checks(stack)
        stack.worker()
        ended = [client.wait(job_id, timeout=40)["status"] for job_id in jobs]

    assert ended == ["succeeded"] * 10


def hurry_checks(stack: Stack) -> None:
    """Let a minute pass for the check of messages that should have come."""
    key = stack.store.keys("awaiting", "default")
    eventually(lambda: stack.store.redis.zcard(key) == 10, what="all messages are confirmed")
    for member in stack.store.redis.zrange(key, 0, -1):
        stack.store.redis.zadd(key, {member: 1})


def test_of_thirty_equal_unique_submissions_one_makes_a_job(stack: Stack) -> None:
    stack.start(workers=1)
    body = {"operation": "single", "params": {"number": 7, "seconds": 3}}

    def submit(_index: int) -> httpx.Response:
        return httpx.post(f"{stack.url}/v1/jobs", json=body, timeout=20)

    with ThreadPoolExecutor(30) as threads:
        answers = list(threads.map(submit, range(30)))

    accepted = [answer for answer in answers if answer.status_code == 202]
    refused = [answer for answer in answers if answer.status_code == 409]
    assert (len(accepted), len(refused)) == (1, 29)
    assert {answer.headers["Location"] for answer in refused} == {accepted[0].headers["Location"]}
