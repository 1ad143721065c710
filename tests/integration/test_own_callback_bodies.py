"""Modules in `CALLBOARD_ROUTES` render the callbacks of the jobs that their routes submitted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callboard.api.callbacks.body import MAX_OWN_RESULT_BYTES, MAX_RESULT_BYTES, CallbackBodies
from callboard.api.extension.callbacks import load_body_renderers
from callboard.config import Settings
from callboard.jobs.errors import OperationError
from callboard.jobs.finish import encode_result, finish
from callboard.routes import CallbackJob
from tests.callback_system import CallbackSystem, callback_to, verify
from tests.receiver import Received, Receiver


@pytest.fixture
def callback_system() -> Iterator[CallbackSystem]:
    opened = CallbackSystem()
    yield opened
    opened.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as opened:
        yield opened


def shown(job: CallbackJob) -> dict[str, Any] | None:
    if job.record.labels.get("api") != "old":
        return None
    return {"ticket": job.record.id, "event": job.event, "found": job.result, "base": job.base}


def delivered(
    callback_system: CallbackSystem, receiver: Receiver, *, render: Any = shown, **more: Any
) -> tuple[str, list[Received]]:
    system = callback_system.job_system
    result = encode_result(more.pop("result", 1), max_bytes=4 * MAX_OWN_RESULT_BYTES)
    fence = system.running(callback=callback_to(receiver), **more)
    finish(system.store, fence, result)
    bodies = CallbackBodies(system.store, Settings(), renderers=[render])
    callback_system.round(callback_system.dispatcher(receiver, render=bodies))
    return fence.job_id, receiver.received


@pytest.mark.parametrize("length", [1, 4 * MAX_RESULT_BYTES])
def test_a_module_renders_the_callbacks_of_its_jobs_with_the_whole_result(
    callback_system: CallbackSystem, receiver: Receiver, length: int
) -> None:
    labels, result = {"api": "old"}, "x" * length

    job_id, (request,) = delivered(callback_system, receiver, labels=labels, result=result)

    assert verify(callback_system.secret(), request) == {
        "ticket": job_id,
        "event": "job.succeeded",
        "found": result,
        "base": "https://jobs.example/base",
    }


def test_a_result_above_a_mebibyte_is_not_put_into_a_callback(
    callback_system: CallbackSystem, receiver: Receiver
) -> None:
    labels, result = {"api": "old"}, "x" * (MAX_OWN_RESULT_BYTES + 1)

    _, (request,) = delivered(callback_system, receiver, labels=labels, result=result)

    assert json.loads(request.body)["found"] is None


def test_other_jobs_have_the_usual_body(
    callback_system: CallbackSystem, receiver: Receiver
) -> None:
    job_id, (request,) = delivered(callback_system, receiver)

    event = verify(callback_system.secret(), request)
    assert (event["type"], event["data"]["id"]) == ("job.succeeded", job_id)


def test_a_renderer_that_fails_costs_an_attempt_which_is_repeated(
    callback_system: CallbackSystem, receiver: Receiver
) -> None:
    def broken(job: CallbackJob) -> None:
        raise LookupError(job.event)

    job_id, received = delivered(callback_system, receiver, render=broken)

    delivery = callback_system.delivery(job_id)
    assert received == []
    assert (delivery.status, delivery.attempts) == ("pending", 1)


def test_a_callback_body_that_is_no_function_is_refused_at_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd_routes.py").write_text("callback_body = {}", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(OperationError, match="odd_routes: callback_body is not a function"):
        load_body_renderers(["/old=odd_routes"])
