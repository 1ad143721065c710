"""Different versions work side by side: a job that only some know waits, and then runs."""

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pika
import pytest
from dramatiq import Message
from pydantic import SecretStr

from callboard.actors.encoding import CONTENT_TYPE, MsgpackEncoder
from callboard.actors.wakeups import PUBLISHED_MS
from callboard.client import Client, Problem
from callboard.jobs.callbacks.secrets import derive
from callboard.jobs.ids import new_job_id
from callboard.jobs.orphans import read_orphans
from callboard.jobs.schedules.records import put_schedule, read_schedule
from callboard.jobs.schedules.schedule import Schedule
from callboard.jobs.submission import FORMAT, Submission
from tests.callback_system import verify
from tests.eventually import eventually
from tests.faults.test_clocks import wrong_clock
from tests.receiver import Receiver
from tests.servers import RabbitMQ
from tests.system.stack import BOOT_SECONDS, ROOT, Stack, Started
from tests.system.test_order import started_after_s
from tests.ticks import set_next

BEFORE: Final = "tests.deploys_before"
AFTER: Final = "tests.deploys_after"
KEY: Final = "a signing key of the deploy tests, 32 at least"
NEWER: Final = FORMAT + 1
NEXT_VERSION: Final = f"""
import callboard.jobs.submission

callboard.jobs.submission.FORMAT = {NEWER}
"""


def test_jobs_of_an_operation_whose_queue_changes_continue_in_the_new_one(stack: Stack) -> None:
    stack.start(workers=1, CALLBOARD_OPERATIONS=BEFORE, CALLBOARD_THREADS="2")
    old_worker = stack.started[-1]

    with stack.client() as client:
        job_ids = [client.submit("mover", {"seconds": 1})["id"] for _ in range(20)]
        replace(stack, old_worker, CALLBOARD_OPERATIONS=AFTER, CALLBOARD_THREADS="8")
        # Web still has the old version: it publishes them to a queue without a consumer.
        job_ids += [client.submit("mover", {})["id"] for _ in range(10)]
        ended = [client.wait(job_id, timeout=40) for job_id in job_ids]
        readiness = httpx.get(f"{stack.url}/readyz", timeout=10).json()

    assert [job["status"] for job in ended] == ["succeeded"] * 30
    # Each of its two threads may be stopped in a run; which jobs these are depends on the boot.
    assert sorted(job["attempt"] for job in ended)[:28] == [1] * 28
    assert (readiness["status"], readiness["checks"]["queues"]["unheard_jobs"]) == ("ready", 0)


def test_the_tick_of_a_new_operation_waits_for_a_worker_that_knows_it(stack: Stack) -> None:
    stack.start(workers=1, CALLBOARD_OPERATIONS=BEFORE)
    old_worker = stack.started[-1]
    put_schedule(stack.store, "new", Schedule(cron="0 0 1 1 *", operation="newcomer"), source="api")
    set_next(stack.store, "new", datetime.now(UTC).replace(microsecond=0, second=0))

    eventually(
        lambda: "tick_postponed" in said_by(old_worker), what="the old one leaves it", timeout=20
    )
    waiting = read_schedule(stack.store, "new").last
    stack.worker(CALLBOARD_OPERATIONS=AFTER)
    tick = eventually(
        lambda: read_schedule(stack.store, "new").last, what="the new one takes it", timeout=40
    )

    assert waiting is None
    assert tick is not None
    assert tick.outcome == "submitted"
    with stack.client() as client:
        assert client.wait(str(tick.job_id), timeout=20)["status"] == "succeeded"
    assert old_worker.process.poll() is None


@pytest.mark.alone
@pytest.mark.timeout(240)
def test_forty_messages_of_a_newer_format_delay_no_job_and_run_once_a_worker_knows_it(
    stack: Stack, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    stack.start(workers=1, CALLBOARD_THREADS="1")
    old_worker = stack.started[-1]
    newer = [new_job_id() for _ in range(40)]
    publish(stack, rabbitmq, newer)

    eventually(lambda: read_orphans(stack.store).kept == 40, what="all are kept", timeout=20)
    with stack.client() as client:
        first = client.submit("wait", {"seconds": 1})["id"]
        ranked = [client.submit("echo", {}, priority=each)["id"] for each in (1, 5, 9, 3, 10)]
        first, *shown = (client.wait(job_id, timeout=20) for job_id in (first, *ranked))
        alone = client.wait(client.submit("echo", {})["id"], timeout=20)
        replace(stack, old_worker, PYTHONPATH=path_with(tmp_path, NEXT_VERSION))
        ended = [known(client, job_id) for job_id in newer]

    started = sorted(shown, key=lambda job: str(job["started_at"]))
    assert [job["priority"] for job in started] == [10, 9, 5, 3, 1]
    assert started_after_s(alone) < 1
    assert [(job["status"], job["attempt"]) for job in ended] == [("succeeded", 1)] * 40
    assert [job["result"]["text"] for job in ended] == newer


def test_a_host_whose_clock_is_six_minutes_off_runs_jobs_on_time(
    stack: Stack, tmp_path: Path
) -> None:
    secret = derive(SecretStr(KEY), "default", 1).get_secret_value()
    with Receiver() as receiver:
        settings = {
            "CALLBOARD_SIGNING_KEY": KEY,
            "CALLBOARD_CALLBACK_NETWORKS": "127.0.0.0/8",
            "CALLBOARD_CALLBACK_PORTS": str(receiver.port),
        }
        stack.start(workers=0, **settings)
        stack.worker(**settings, PYTHONPATH=wrong_clock(tmp_path, 0.1))
        stack.await_workers(1)
        with stack.client() as client:
            began = datetime.now(UTC)
            job = client.submit("echo", {}, delay_seconds=2, callback={"url": receiver.url})
            queued = client.job(job["id"])
            ended = client.wait(job["id"], timeout=20)
        (request,) = receiver.await_requests(1)

    assert verify(secret, request)["data"]["id"] == job["id"]
    created, started, finished = (
        datetime.fromisoformat(ended[f"{name}_at"]) for name in ("created", "started", "finished")
    )
    second = timedelta(seconds=1)
    assert began - second < created <= started - 2 * second
    assert finished < datetime.now(UTC) + second
    assert queued["status"] == "scheduled"


def replace(stack: Stack, worker: Started, **settings: str) -> None:
    """Start another worker, and stop this one once the other is alive, like a deploy."""
    before = set(stack.pids_of_workers())
    stack.worker(**settings)
    eventually(
        lambda: set(stack.pids_of_workers()) - before,
        what="the new worker says hello",
        timeout=BOOT_SECONDS,
    )
    worker.signal(signal.SIGTERM)
    assert worker.process.wait(20) == 0


def publish(stack: Stack, rabbitmq: RabbitMQ, job_ids: list[str]) -> None:
    """Publish messages of the next version, which have no records in Redis."""
    queue, now_ms = f"{stack.settings['CALLBOARD_NAMESPACE']}.default", stack.store.now_ms()
    properties = pika.BasicProperties(content_type=CONTENT_TYPE, delivery_mode=2)
    with rabbitmq.connect() as connection:
        channel = connection.channel()
        for job_id in job_ids:
            submission = Submission(
                job_id=job_id,
                operation="echo",
                params={"text": job_id},
                result_ttl=timedelta(hours=1),
                created_ms=now_ms,
            )
            options = {**submission.to_options(), "format": NEWER, PUBLISHED_MS: now_ms}
            message: Message[Any] = Message(
                queue, "echo", (), dict(submission.params), options, job_id, now_ms
            )
            body = MsgpackEncoder().encode(message.asdict())
            channel.basic_publish("", queue, body, properties)


def path_with(folder: Path, text: str) -> str:
    """Create a path that makes every Python process run some code first."""
    (folder / "sitecustomize.py").write_text(text, encoding="utf-8")
    return f"{folder}{os.pathsep}{ROOT}"


def known(client: Client, job_id: str) -> dict[str, Any]:
    """Wait until a job has a record, and has ended."""
    eventually(
        lambda: client.job(job_id),
        what="it has a record",
        timeout=40,
        interval=0.2,
        ignoring=Problem,
    )
    return dict(client.wait(job_id, timeout=40))


def said_by(process: Started) -> str:
    return process.log.read_text(encoding="utf-8")
