"""Callbacks of a whole installation arrive, whatever is killed or unavailable."""

import json
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from pydantic import SecretStr

from callboard.jobs.callbacks.deliver import LEASE
from callboard.jobs.callbacks.secrets import derive
from tests.callback_system import verify
from tests.eventually import eventually
from tests.receiver import Receiver, answering, hanging
from tests.servers import RabbitMQ
from tests.system.stack import Stack

KEY: Final = "a signing key of the system tests, 32 at least"
SECRET: Final = derive(SecretStr(KEY), "default", 1).get_secret_value()


def _settings(receiver: Receiver) -> dict[str, str]:
    return {
        "CALLBOARD_SIGNING_KEY": KEY,
        "CALLBOARD_CALLBACK_NETWORKS": "127.0.0.0/8",
        "CALLBOARD_CALLBACK_PORTS": str(receiver.port),
        "CALLBOARD_TESTING": "true",
        "CALLBOARD_LOG_LEVEL": "debug",
    }


def _submit(url: str, receiver: Receiver, operation: str = "echo", **params: Any) -> str:
    body = {"operation": operation, "params": params, "callback": {"url": receiver.url}}
    answer = httpx.post(f"{url}/v1/jobs", json=body, timeout=10)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def _let_leases_run_out(stack: Stack) -> None:
    clock = stack.store.keys("clock")
    now_ms = int(stack.store.redis.get(clock) or stack.store.now_ms())
    stack.store.redis.set(clock, now_ms + LEASE // timedelta(milliseconds=1) + 1)


@pytest.mark.timeout(180)
def test_callbacks_survive_kills_of_their_dispatchers_and_need_no_rabbitmq(
    stack: Stack, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    with Receiver(hanging, answering()) as receiver:
        settings = _settings(receiver)
        stack.start(workers=1, **settings, CALLBOARD_FAULT_POINTS="before-attempt")
        doomed = stack.started[-1]
        job_id = _submit(stack.url, receiver)
        # The job has ended; the dispatcher dies before it delivers.
        doomed.process.wait(20)
        requests_of_doomed = receiver.connections

        _let_leases_run_out(stack)
        killed = stack.worker(**settings)
        receiver.await_requests(1, timeout=30)
        killed.signal(signal.SIGKILL)

        _let_leases_run_out(stack)
        stack.worker(**settings)
        first, second = receiver.await_requests(2, timeout=30)
        eventually(
            lambda: _delivery(stack, job_id)["status"] == "delivered", what="it is delivered"
        )

        note = tmp_path / "notes"
        other_id = _submit(stack.url, receiver, "wait", seconds=1, path=str(note))
        eventually(note.exists, what="another job runs")
        rabbitmq.pause()
        *_, third = receiver.await_requests(3, timeout=15)
        rabbitmq.resume()

    said = verify(SECRET, second)
    assert requests_of_doomed == 0
    assert (said["type"], said["data"]["id"]) == ("job.succeeded", job_id)
    assert said["data"]["result"] == {"text": "", "attempt": 1}
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert _delivery(stack, job_id)["attempts"] == 3
    assert verify(SECRET, third)["data"]["id"] == other_id
    _keeps_its_secrets(stack)


def _delivery(stack: Stack, job_id: str) -> dict[str, Any]:
    answer = httpx.get(f"{stack.url}/v1/jobs/{job_id}/callbacks", timeout=10)
    (delivery,) = answer.json()["items"]
    found: dict[str, Any] = delivery
    return found


def _keeps_its_secrets(stack: Stack) -> None:
    logs = "".join(started.log.read_text(errors="replace") for started in stack.started)
    for hidden in (KEY, SECRET, SECRET.removeprefix("whsec_"), "token=hush", "/hook"):
        assert hidden not in logs


def test_the_one_process_server_delivers_callbacks(stack: Stack) -> None:
    with Receiver() as receiver:
        settings = _settings(receiver) | {
            "CALLBOARD_BROKER_URL": "",
            "CALLBOARD_REDIS_URL": "",
            "CALLBOARD_TESTING": "",
        }
        stack.spawn([sys.executable, "-m", "callboard.client.cli", "dev"], "dev", **settings)
        eventually(
            lambda: httpx.get(f"{stack.url}/readyz").status_code == 200,
            what="the server is ready",
            timeout=30,
            ignoring=(httpx.TransportError,),
        )
        job_id = _submit(stack.url, receiver, text="hello")
        (request,) = receiver.await_requests(1)

    assert verify(SECRET, request)["data"]["id"] == job_id
    assert json.loads(request.body)["data"]["result"]["text"] == "hello"
    _keeps_its_secrets(stack)
