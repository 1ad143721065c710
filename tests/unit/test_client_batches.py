"""Batches through the client and the command: submitted, followed and reported."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from callboard.client.cli import main
from tests.scripted_server import BUSY, Script, Step, answer, client, refusal

SOON = {"Retry-After": "0"}


def batch(status: str = "active", total: int = 2, items: Any = None, **counts: int) -> Any:
    found = {"id": "b-1", "status": status, "total": total, "counts": counts}
    return found if items is None else {**found, "items": items}


def item(index: int, status: str = "accepted", detail: str = "") -> dict[str, Any]:
    accepted = status == "accepted"
    return {
        "index": index,
        "status": status,
        "job": {"id": f"j-{index}", "status": "queued", "href": "x"} if accepted else None,
        "problem": None if accepted else {"detail": detail},
    }


def command(*arguments: str, steps: tuple[Step, ...], **more: Any) -> tuple[Result, Script]:
    made, script = client(*steps, patience=0.3)
    return CliRunner().invoke(main, arguments, obj=made, **more), script


def test_a_batch_whose_response_was_lost_is_repeated_with_the_same_key() -> None:
    callboard, script = client(
        httpx.ReadError("cut"),
        refusal(503, "x", **BUSY),
        answer(batch(items=[item(0)]), 202),
    )

    made = callboard.batch(
        [{"operation": "add", "params": {"a": 1}}], labels={"a": "b"}, callback="https://h/x"
    )

    assert made["items"][0]["job"]["id"] == "j-0"
    assert len({request.headers["Idempotency-Key"] for request in script.asked}) == 1
    assert script.asked[2].url.path == "/base/v1/batches"
    assert json.loads(script.asked[2].content) == {
        "items": [{"operation": "add", "params": {"a": 1}}],
        "labels": {"a": "b"},
        "callback": {"url": "https://h/x"},
    }


def test_a_batch_is_polled_until_it_is_completed() -> None:
    callboard, script = client(
        answer(batch("submitting"), **SOON),
        answer(batch("active", running=2), **{"Retry-After": "1"}),
        answer(batch("completed", succeeded=2)),
    )
    seen: list[str] = []
    began = time.monotonic()

    ended = callboard.wait_batch("b-1", on_change=lambda each: seen.append(each["status"]))

    assert ended["counts"] == {"succeeded": 2}
    assert seen == ["submitting", "active", "completed"]
    assert {request.url.path for request in script.asked} == {"/base/v1/batches/b-1"}
    assert time.monotonic() - began > 1


def test_a_batch_that_takes_too_long_is_a_timeout() -> None:
    callboard, _script = client(*(answer(batch(), **SOON) for _ in range(9)))

    with pytest.raises(TimeoutError, match="b-1 is active"):
        callboard.wait_batch("b-1", timeout=0.3)


def test_a_batch_is_cancelled_and_its_jobs_are_listed() -> None:
    callboard, script = client(answer(batch()), answer({"items": [], "next": None}))

    callboard.cancel_batch("b-1")
    list(callboard.list(batch="b-1"))

    assert (script.asked[0].method, script.asked[0].url.path) == ("DELETE", "/base/v1/batches/b-1")
    assert script.asked[1].url.params["batch"] == "b-1"


def test_the_command_submits_a_file_and_shows_how_the_jobs_ended(tmp_path: Path) -> None:
    path = tmp_path / "jobs.jsonl"
    path.write_text('{"operation": "add", "params": {"a": 1}}\n\n{"operation": "nothing"}\n')
    items = [item(0), item(1, "invalid", "There is\x1b[2J no operation.")]

    done, script = command(
        *("batch", str(path), "--label", "a=b"),
        steps=(
            answer(batch(items=items, refused=1), 202),
            answer(batch("completed", succeeded=1, refused=1)),
        ),
    )

    sent = json.loads(script.asked[0].content)
    assert sent["items"] == [{"operation": "add", "params": {"a": 1}}, {"operation": "nothing"}]
    assert sent["labels"] == {"a": "b"}
    assert done.exit_code == 1
    assert done.stdout == "1 succeeded, 1 refused\n"
    assert "line 3: invalid: There is�[2J no operation.\n" in done.stderr
    assert "Batch b-1\n" in done.stderr


def test_the_command_names_the_active_job_of_a_duplicate() -> None:
    items = [item(0), {**item(0, detail="It is active."), "index": 1, "status": "duplicate"}]

    done, _script = command(
        *("batch", "-"),
        steps=(
            answer(batch(items=items, refused=1), 202),
            answer(batch("completed", succeeded=1, refused=1)),
        ),
        input='{"operation": "add"}\n{"operation": "add"}\n',
    )

    assert "line 2: duplicate: job j-0 is active\n" in done.stderr


def test_the_command_exits_with_0_when_all_jobs_succeeded_and_prints_json() -> None:
    made = batch("completed", 1, items=[item(0)], succeeded=1)

    done, _script = command(
        *("batch", "-", "--json"),
        steps=(answer(made, 202), answer(batch("completed", 1, succeeded=1))),
        input='{"operation": "add"}\n',
    )

    assert done.exit_code == 0
    assert json.loads(done.stdout)["counts"] == {"succeeded": 1}


def test_many_lines_become_several_batches() -> None:
    lines = "".join(f'{{"operation": "add", "params": {{"a": {n}}}}}\n' for n in range(1001))

    done, script = command(
        *("batch", "-", "--detach"),
        steps=(
            answer(batch(total=1000, items=[item(n) for n in range(1000)], queued=1000), 202),
            answer(batch(total=1, items=[item(0)], queued=1), 202),
        ),
        input=lines,
    )

    sizes = [len(json.loads(request.content)["items"]) for request in script.asked]
    assert sizes == [1000, 1]
    assert (done.exit_code, done.stdout) == (0, "b-1\nb-1\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("{\n", "line 1: invalid JSON"),
        ("\n\n[1]\n", "line 3: must be a JSON object"),
    ],
)
def test_an_invalid_batch_file_is_refused_before_anything_is_sent(text: str, said: str) -> None:
    done, script = command("batch", "-", steps=(), input=text)

    assert (done.exit_code, script.asked) == (2, [])
    assert said in done.stderr


def test_an_interrupt_leaves_the_jobs_running_and_explains_how_to_see_them() -> None:
    def interrupt(_request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    done, _script = command(
        "batch", "-", steps=(answer(batch(items=[item(0)]), 202), interrupt), input="{}\n"
    )

    assert done.exit_code == 130
    assert "callboard list --batch b-1" in done.stderr
