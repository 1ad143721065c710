"""The `callboard` command with an interrupt, a wrong address, or an unreachable server."""

import json
import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from click.testing import CliRunner, Result

from callboard.client.cli import main
from callboard.config.environment import bare_environment
from tests.scripted_server import Script, Step, answer, client, job, sse, stream

ROOT = Path(__file__).parents[2]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def callboard(*arguments: str, steps: tuple[Step, ...] = (), **more: Any) -> tuple[Result, Script]:
    """Run the command through pipes, with a client of a scripted server."""
    made, script = client(*steps, patience=0.3)
    return CliRunner().invoke(main, arguments, obj=made, **more), script


def interrupt(_request: httpx.Request) -> NoReturn:
    """Press Ctrl-C during a request."""
    raise KeyboardInterrupt


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def first_shown(*arguments: str) -> str:
    """Run the command with a terminal as its standard error, and end it after its output."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "callboard.client.cli", *arguments],
        cwd=ROOT,
        env=bare_environment(TERM="xterm"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    while select.select([ours], [], [], 2 if seen else 30)[0]:
        try:
            seen += os.read(ours, 4096)
        except OSError:  # so a terminal ends
            break
    process.terminate()
    process.wait(30)
    os.close(ours)
    return ESCAPES.sub("", seen.decode())


@pytest.mark.parametrize("arguments", [("run", "add"), ("retry", "j-0")])
def test_a_job_is_named_when_it_is_submitted(
    arguments: tuple[str, ...],
) -> None:
    done, _script = callboard(
        *arguments,
        steps=(
            answer(job(id="j-7"), 202),
            stream(sse(("1", "done", job("succeeded", id="j-7")))),
            answer(job("succeeded", id="j-7")),
            answer(3),
        ),
    )

    assert done.stderr.splitlines()[0] == "Job j-7"
    assert done.stdout == "3\n"


@pytest.mark.parametrize(
    ("arguments", "steps"),
    [
        (("run", "add"), (answer(job(), 202), interrupt)),
        (("retry", "j-0"), (answer(job(), 202), interrupt)),
        (("watch", "j-1"), (answer(job()), interrupt)),
        (("watch", "j-1", "--json"), (interrupt,)),
        (("result", "j-1"), (interrupt,)),
    ],
)
def test_an_interrupt_exits_with_130_and_explains_how_to_see_the_job_again(
    arguments: tuple[str, ...], steps: tuple[Step, ...]
) -> None:
    done, script = callboard(*arguments, steps=steps)

    assert done.exit_code == 130
    assert done.stderr.splitlines()[-1] == "The job continues: callboard watch j-1"
    assert {asked.method for asked in script.asked} <= {"GET", "POST"}


def test_an_interrupt_before_the_submission_names_no_job() -> None:
    done, _script = callboard("run", "add", steps=(interrupt,))

    assert done.exit_code == 1
    assert "goes on" not in done.stderr


@pytest.mark.parametrize(
    "url", ["foo", "localhost:8000", "ftp://host", "http://", "http:///v1", "http://host:port", ""]
)
def test_an_unusable_server_address_is_wrong_usage(url: str) -> None:
    began = time.monotonic()

    done = CliRunner().invoke(main, ["--url", url, "list"])

    assert done.exit_code == 2
    assert "--url" in done.stderr
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("wrong", [httpx.UnsupportedProtocol, httpx.LocalProtocolError])
def test_an_invalid_request_is_wrong_usage_and_hides_the_key(
    wrong: type[httpx.TransportError],
) -> None:
    done, script = callboard("watch", "j-1", "--json", steps=(wrong("Bearer hush"),))

    assert done.exit_code == 2
    assert "http://server/base" in done.stderr
    assert "hush" not in done.output
    assert len(script.asked) == 1


def test_a_terminal_shows_once_that_the_server_is_unavailable_and_retried() -> None:
    url = f"http://127.0.0.1:{free_port()}"

    (line,) = first_shown("--url", url, "list").splitlines()

    assert re.fullmatch(rf"{url} does not answer; trying again for (29|30) s", line)


def test_a_pipe_gets_an_unavailable_server_only_as_the_final_error() -> None:
    done, _script = callboard("list", steps=tuple(httpx.ConnectError("no") for _ in range(9)))

    (line,) = done.stderr.splitlines()
    assert "trying again" not in line


def test_a_refusal_on_the_command_line_is_reported_once() -> None:
    wrong = {"pointer": "/params/a", "detail": "Input should be a number"}
    body = {"title": "The parameters are wrong.", "errors": [wrong]}
    refused = httpx.Response(422, json={**body, "detail": "/params/a: Input should be a number"})

    done, _script = callboard("run", "add", steps=(refused,))

    assert done.stderr == (
        "callboard: 422 The parameters are wrong. /params/a: Input should be a number\n"
    )


def test_the_command_prints_its_version_without_a_server() -> None:
    done, script = callboard("--version")

    assert done.stdout == f"callboard {version('callboard')}\n"
    assert (done.exit_code, script.asked) == (0, [])


@pytest.mark.parametrize("arguments", [("run", "add"), ("retry", "j-0")])
@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("asked", [(), ("--json",)])
def test_a_detached_job_is_printed_as_its_id_or_on_request_as_json(
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    asked: tuple[str, ...],
    *,
    terminal: bool,
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1" if terminal else "0")

    done, _script = callboard(
        *arguments, "--detach", *asked, steps=(answer(job(labels={"x": "y"}), 202),)
    )

    assert done.stderr == ""
    if terminal and not asked:
        lines = [line.split() for line in ESCAPES.sub("", done.stdout).splitlines()]
        assert ["status", "queued"] in lines
        assert ["labels", "x=y"] in lines
    elif asked:
        assert json.loads(done.stdout)["id"] == "j-1"
    else:
        assert done.stdout == "j-1\n"
