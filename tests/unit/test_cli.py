"""The `callboard` command: what it prints, where, and how it ends."""

import io
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from fcntl import ioctl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from callboard.client.cli import main
from callboard.client.job_output import show_job, show_jobs, show_line
from callboard.config.environment import bare_environment
from tests.scripted_server import Script, Step, answer, client, job, refusal, sse, stream

ROOT = Path(__file__).parents[2]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
ID = "01a201d6-6bb7-710b-ac9e-d05f7cec6712"


def callboard(*arguments: str, steps: tuple[Step, ...] = (), **more: Any) -> tuple[Result, Script]:
    """Run the command through pipes, with a client of a scripted server."""
    made, script = client(*steps, patience=0.3)
    return CliRunner().invoke(main, arguments, obj=made, **more), script


def terminal(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)


def shown(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_run_prints_only_the_result_to_the_standard_output() -> None:
    done, script = callboard(
        *("run", "add", "--params", '{"a": 1}', "--label", "x=y", "--priority", "9"),
        steps=(
            answer(job(), 202),
            stream(
                sse(("1", "status", job("running")), ("2", "progress", {"percent": 50})),
                sse(("3", "done", job("succeeded"))),
            ),
            answer(job("succeeded")),
            answer({"sum": 3}),
        ),
    )

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"sum": 3}
    assert "100%" in done.stderr
    assert json.loads(script.asked[0].content) == {
        "operation": "add",
        "params": {"a": 1},
        "priority": 9,
        "labels": {"x": "y"},
    }


@pytest.mark.parametrize("named", [("a=1",), ("--params", '{"a": 1}')])
def test_run_names_the_dependencies(named: tuple[str, ...]) -> None:
    done, script = callboard(
        *("run", "add", *named, "--after", "j-1", "--after", "j-2"),
        *("--after-policy", "finished", "--detach"),
        steps=(answer(job(), 202),),
    )

    assert done.exit_code == 0, done.output
    asked = script.asked[0]
    if named == ("a=1",):
        query = asked.url.params
        assert (query["after"], query["after_policy"]) == ("j-1,j-2", "finished")
    else:
        body = json.loads(asked.content)
        assert (body["after"], body["after_policy"]) == (["j-1", "j-2"], "finished")


def test_a_depending_job_names_its_dependencies() -> None:
    waiting = {"waiting_for": ["j-1", "j-2"]}

    done, _script = callboard("status", "j-3", steps=(answer(job("scheduled", queue=waiting)),))

    assert re.search(r"waits for\s+j-1 j-2", done.stdout)


def test_a_failed_job_exits_with_1_and_its_reason() -> None:
    failed = job("failed", error={"detail": "No \x1b[31mgenes."})

    done, _script = callboard(
        "run", "add", steps=(answer(job(), 202), stream(sse(("1", "done", failed))))
    )

    assert done.exit_code == 1
    assert done.stdout == ""
    assert "failed: No \N{REPLACEMENT CHARACTER}[31mgenes." in done.stderr


@pytest.mark.parametrize(
    ("steps", "code", "line"),
    [
        ((refusal(404, "job-not-found"),), 3, "callboard: 404 No. Not now."),
        (tuple(httpx.ConnectError("no") for _ in range(9)), 4, "does not answer"),
    ],
)
def test_a_refusal_exits_with_3_and_an_unreachable_server_with_4(
    steps: tuple[Step, ...], code: int, line: str
) -> None:
    done, _script = callboard("status", ID, steps=steps)

    assert (done.exit_code, done.stdout) == (code, "")
    assert line in done.stderr


def test_a_key_on_the_command_line_is_refused_without_repeating_it() -> None:
    done, script = callboard("--api-key", "hush", "list")

    assert done.exit_code == 2
    assert "CALLBOARD_API_KEY" in done.stderr
    assert "hush" not in done.output
    assert script.asked == []


@pytest.mark.parametrize("wrong", [("--params", "[1]"), ("--params", "{"), ("--label", "x")])
def test_wrong_arguments_are_refused_before_the_server_is_asked(wrong: tuple[str, ...]) -> None:
    done, script = callboard("run", "add", *wrong)

    assert (done.exit_code, script.asked) == (2, [])


def test_a_list_through_a_pipe_is_tab_separated_and_with_json_one_object_per_line() -> None:
    page = {"items": [job(id="2"), job(id="1")], "next": None}

    tabs, _ = callboard("list", steps=(answer(page),))
    lines, _ = callboard("list", "--json", "--most", "1", steps=(answer(page),))

    assert [line.split("\t")[0] for line in tabs.stdout.splitlines()] == ["2", "1"]
    assert [json.loads(line)["id"] for line in lines.stdout.splitlines()] == ["2"]


def test_a_list_sends_the_chosen_filters() -> None:
    chosen = ("--status", "failed", "--operation", "add", "--label", "a=b=c")

    _done, script = callboard("list", *chosen, steps=(answer({"items": [], "next": None}),))

    assert dict(script.asked[0].url.params) == {
        "status": "failed",
        "operation": "add",
        "label.a": "b=c",
        "limit": "100",
    }


def test_a_cancel_without_a_terminal_is_one_step() -> None:
    done, script = callboard(
        "cancel", ID, "--json", "--force", steps=(answer(job("cancelling"), 202),)
    )

    assert json.loads(done.stdout)["status"] == "cancelling"
    assert [(asked.method, asked.url.query) for asked in script.asked] == [
        ("DELETE", b"force=true")
    ]


def test_watch_prints_each_event_as_a_line_and_exits_like_the_job() -> None:
    done, _script = callboard(
        *("watch", ID, "--json"),
        steps=(
            stream(sse(("1", "log", {"text": "hello"}), ("2", "done", job("failed")))),
            answer(job("failed")),
        ),
    )

    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["log", "done"]
    assert events[0]["data"] == {"text": "hello"}
    assert done.exit_code == 1


def test_a_wide_terminal_shows_one_line_per_job_and_a_narrow_one_two() -> None:
    jobs = [job("running", id=ID, operation="phenotype_clustering", progress={"percent": 42.4})]
    wide, narrow = terminal(80), terminal(40)

    show_jobs(wide, jobs)
    show_jobs(narrow, jobs)

    (line,) = shown(wide)
    first, second = shown(narrow)
    assert line.startswith(f"{ID}  running 42%")
    assert "phenotype" in line
    assert first == ID
    assert second.split()[:2] == ["running", "42%"]


@pytest.mark.parametrize("width", [80, 40])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(width: int) -> None:
    console = terminal(width)

    show_job(console, job("failed", id=ID, error={"detail": "word " * 40}, labels={"a": "b"}))
    show_line(console, {"time": "2026-11-22T10:00:00.000Z", "text": "hello"})

    lines = shown(console)
    assert all(len(line) <= width for line in lines)
    assert "".join("".join(lines).split()).count("word") == 40
    assert "a=b" in "".join(lines)
    assert lines[-1] == "10:00:00 hello"


def test_a_log_line_stays_one_line_however_long_it_is() -> None:
    text = "word " * 40 + "end"
    console = terminal(80)

    show_line(console, {"time": "2026-11-22T10:00:00.000Z", "text": text})

    assert shown(console) == [f"10:00:00 {text}"]


def test_control_characters_of_the_server_are_shown_and_never_executed() -> None:
    console = terminal(80)

    show_line(console, {"time": "2026-11-22T10:00:00Z", "text": "\x1b]0;title\x07[bold]x[/bold]\r"})
    show_job(console, job(operation="[red]add\x1b[2J"))

    written = "\n".join(shown(console))
    assert "\x1b" not in written
    assert "[bold]x[/bold]" in written
    assert "[red]add" in written


class TwoSteps(BaseHTTPRequestHandler):
    """Cancels in two steps, as documented."""

    asked: list[tuple[str, str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.asked.append((self.command, self.path, body))
        first = {"confirmation": {"token": "t-1", "expires_at": "…"}, "job": job("running", id=ID)}
        answered = json.dumps(job("cancelling", id=ID) if body else first).encode()
        self.send_response(202)
        self.send_header("Content-Length", str(len(answered)))
        self.end_headers()
        self.wfile.write(answered)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def two_steps() -> Iterator[ThreadingHTTPServer]:
    handler = type("Handler", (TwoSteps,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def on_a_terminal(answering: str, *arguments: str, width: int) -> tuple[str, int]:
    """Run the command on a terminal, answer its question, and return its output."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "callboard.client.cli", *arguments],
        cwd=ROOT,
        env=bare_environment(TERM="xterm"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    while select.select([ours], [], [], 30)[0]:
        try:
            seen += os.read(ours, 4096)
        except OSError:  # so a terminal ends
            break
        if answering and b"[y/N]" in seen:
            os.write(ours, answering.encode())
            answering = ""
    os.close(ours)
    return ESCAPES.sub("", seen.decode()), process.wait(30)


@pytest.mark.parametrize(("said", "width", "code"), [("y\n", 80, 0), ("n\n", 40, 1)])
def test_on_a_terminal_a_cancel_shows_the_job_and_asks(
    two_steps: ThreadingHTTPServer, said: str, width: int, code: int
) -> None:
    url = f"http://127.0.0.1:{two_steps.server_port}"

    screen, ended = on_a_terminal(said, "--url", url, "cancel", ID, width=width)

    first, *second = two_steps.RequestHandlerClass.asked  # type: ignore[attr-defined]
    assert first == ("POST", f"/v1/jobs/{ID}/cancel", b"")
    assert second == ([(*first[:2], b'{"confirm":"t-1"}')] if code == 0 else [])
    assert ended == code
    assert "running" in screen
    assert ("cancelling" in screen) == (code == 0)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_traceback_that_the_server_sends_is_shown_in_red(
    monkeypatch: pytest.MonkeyPatch, *, terminal: bool
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1" if terminal else "0")
    monkeypatch.setenv("TERM", "xterm")
    trace = 'Traceback (most recent call last):\n  File "mine.py", line 3\nValueError: no \x1b[0m\n'

    done, _script = callboard(
        "status", ID, steps=(answer(job("failed", error={"detail": "no", "traceback": trace})),)
    )
    red = re.findall(r"\x1b\[31m(.*?)\x1b\[0m", done.stdout, re.DOTALL)

    lines = ESCAPES.sub("", done.stdout).splitlines()
    assert lines[-2:] == [
        '    File "mine.py", line 3',
        "  ValueError: no \N{REPLACEMENT CHARACTER}[0m",
    ]
    assert any("mine.py" in each for each in red) is terminal
