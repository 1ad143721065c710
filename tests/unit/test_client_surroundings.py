"""The `callboard` command in unusual environments: one sentence, an exit code, no traceback."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner, Result

from callboard.client.cli import main
from callboard.client.terminal import PipedGroup
from callboard.config.environment import bare_environment
from tests.scripted_server import Script, Step, answer, client, job, stream

ROOT = Path(__file__).parents[2]
PAGE = httpx.Response(200, headers={"Content-Type": "text/html"}, text="<h1>Log in</h1>")


def callboard(*arguments: str, steps: tuple[Step, ...] = (), **more: Any) -> tuple[Result, Script]:
    made, script = client(*steps, patience=0.2)
    return CliRunner().invoke(main, arguments, obj=made, **more), script


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a separate process."""
    return subprocess.run(
        [sys.executable, "-m", "callboard.client.cli", *arguments],
        cwd=ROOT,
        env=bare_environment(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


@contextmanager
def serving(*documents: Any) -> Iterator[str]:
    """Answer requests with JSON, each on a new connection."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for document in documents:
            connection, _peer = listening.accept()
            with connection:
                connection.recv(65536)
                body = json.dumps(document).encode()
                head = (
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                )
                connection.sendall(head.encode() + body)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread.join(10)


def one_sentence(done: Result | subprocess.CompletedProcess[bytes]) -> str:
    """Return the error, which is one line and no traceback."""
    said = done.stderr.decode() if isinstance(done.stderr, bytes) else done.stderr
    (line,) = said.splitlines()
    assert line.startswith("callboard: ")
    return line


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii", "utf-8"])
def test_a_result_is_json_whatever_the_encoding_of_the_output_is(encoding: str) -> None:
    value = {"name": "Łódź", "more": "é €\N{GRINNING FACE}\ud800"}

    with serving(job("succeeded"), value) as url:
        done = command("--url", url, "result", "j-1", PYTHONIOENCODING=encoding)

    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout.decode(encoding)) == value


@pytest.mark.parametrize(
    "environment", [{"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}]
)
def test_unencodable_characters_are_question_marks_on_a_terminal(
    environment: dict[str, str],
) -> None:
    shown = job("failed", labels={"city": "Łódź"}, error={"detail": "No ł"})

    with serving(shown) as url:
        done = command("--url", url, "status", "j-1", **environment)

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"city=" in done.stdout


def test_an_undecodable_argument_is_wrong_usage() -> None:
    done = command("--url", "http://127.0.0.1:9", "run", "add", os.fsdecode(b"a=\xff"))

    assert done.returncode == 2
    assert "not valid text" in one_sentence(done)


def test_an_invalid_key_is_not_shown() -> None:
    done = command("operations", CALLBOARD_API_KEY="hush-ł")

    assert done.returncode == 2
    assert "hush" not in one_sentence(done)


def test_an_unavailable_socks_proxy_is_named_and_is_no_failure_of_a_job() -> None:
    done = command("operations", ALL_PROXY="socks5://me:hush@127.0.0.1:1")

    line = one_sentence(done)
    assert done.returncode in (2, 4)
    assert "socks5://127.0.0.1:1" in line
    assert "hush" not in line


def test_an_invalid_proxy_is_wrong_usage() -> None:
    done = command("operations", ALL_PROXY="nonsense://x")

    assert done.returncode == 2
    assert "PROXY" in one_sentence(done)


def test_a_proxy_is_used_and_named_when_it_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:hush@127.0.0.1:1")
    away = tuple(httpx.ProxyError("no") for _ in range(9))

    done, _script = callboard("status", "j-1", steps=away)

    assert done.exit_code == 4
    assert "through the proxy http://127.0.0.1:1" in one_sentence(done)


@pytest.mark.parametrize(
    ("steps", "code", "says"),
    [
        ((PAGE,), 4, "text/html"),
        ((httpx.Response(200, json=[1]),), 4, "JSON that Callboard does not send"),
        ((httpx.Response(200, json={"a": 1}),), 4, "JSON that Callboard does not send"),
        ((httpx.Response(200, text="{"),), 4, "text/plain"),
        ((httpx.Response(301, headers={"Location": "https://login.example/"}),), 4, "login"),
        ((httpx.Response(302, headers={"Location": "/sso"}),), 4, "/sso"),
        ((httpx.Response(404, html="<h1>gone</h1>"),), 3, "404"),
        ((httpx.DecodingError("bad gzip"),), 4, "unreadable response"),
        (tuple(httpx.ReadTimeout("slow") for _ in range(9)), 4, "ReadTimeout"),
        (tuple(httpx.ReadError("reset") for _ in range(9)), 4, "ReadError"),
        (tuple(httpx.Response(502, html="<h1>bad</h1>") for _ in range(9)), 3, "502"),
    ],
)
@pytest.mark.parametrize("arguments", [("status", "j-1"), ("list",), ("operations",)])
def test_an_answer_from_another_server_is_reported_in_a_sentence(
    arguments: tuple[str, ...], steps: tuple[Step, ...], code: int, says: str
) -> None:
    done, _script = callboard(*arguments, steps=steps)

    assert (done.exit_code, done.stdout) == (code, "")
    assert says in one_sentence(done)


def test_an_untrusted_certificate_is_reported_at_once() -> None:
    wrong = httpx.ConnectError("no")
    wrong.__cause__ = ssl.SSLCertVerificationError(1, "self-signed certificate")

    done, script = callboard("status", "j-1", steps=(wrong,))

    assert done.exit_code == 2
    assert "SSL_CERT_FILE" in one_sentence(done)
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    "lost",
    [
        tuple(httpx.ReadError("cut") for _ in range(20)),
        (PAGE,),
        (stream(b"id: 1\nevent: status\ndata: {broken\n\n"),),
    ],
)
def test_a_disconnected_caller_is_told_that_the_job_continues(lost: tuple[Step, ...]) -> None:
    done, _script = callboard("run", "add", steps=(answer(job(), 202), *lost))

    assert done.exit_code == 4
    assert done.stderr.splitlines()[-1].endswith("The job continues: callboard watch j-1")
    assert "failed" not in done.stderr


def test_a_closed_pipe_ends_the_command_quietly() -> None:
    page = {"items": [job(id=str(number)) for number in range(100)], "next": None}

    with serving(page) as url:
        process = subprocess.Popen(
            [sys.executable, "-m", "callboard.client.cli", "--url", url, "list"],
            cwd=ROOT,
            env=bare_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        with process.stderr:
            said = process.stderr.read()

    assert (process.wait(30), said) == (141, b"")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">/dev/full"])
def test_a_closed_or_full_output_causes_no_traceback(closed: str, tmp_path: Path) -> None:
    told = tmp_path / "told"
    with serving(job("succeeded"), 3) as url:
        shell = f'"$0" -m callboard.client.cli --url {url} result j-1 2>{told} {closed}'
        done = subprocess.run(
            ["sh", "-c", shell, sys.executable],
            cwd=ROOT,
            env=bare_environment(),
            timeout=60,
            check=False,
        )

    assert done.returncode == (2 if "full" in closed else 0)
    assert "Traceback" not in told.read_text()


@pytest.mark.parametrize("module", ["callboard.client.cli", "callboard.ops.cli"])
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_a_full_disk_is_reported_in_one_line(option: str, module: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", module, option],
            cwd=ROOT,
            env=bare_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 2
    assert done.stderr.endswith(": No space left on device\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("columns", ["1", "20", "40"])
def test_a_narrow_terminal_without_colours_shows_a_job(columns: str) -> None:
    with serving(job("running", progress={"percent": 5.0, "step": "x"})) as url:
        done = command(
            "--url", url, "status", "j-1", COLUMNS=columns, NO_COLOR="1", TTY_COMPATIBLE="1"
        )

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\x1b[3" not in done.stdout


def test_a_duplicate_is_named_with_its_address() -> None:
    body = {
        "type": "http://server/problems/duplicate-job",
        "title": "A job like this is active.",
        "existing_job": {"id": "j-9", "status": "running", "href": "http://server/v1/jobs/j-9"},
    }

    done, _script = callboard("run", "add", steps=(httpx.Response(409, json=body),))

    assert done.exit_code == 3
    assert one_sentence(done).endswith("Job j-9 is running: callboard watch j-9")


@pytest.mark.parametrize("arguments", [("run", "add"), ("retry", "j-0")])
def test_a_detached_job_is_printed_as_only_its_id_through_a_pipe(
    arguments: tuple[str, ...],
) -> None:
    done, _script = callboard(*arguments, "--detach", steps=(answer(job(), 202),))

    assert (done.stdout, done.stderr) == ("j-1\n", "")


def test_text_parameters_are_sent_as_fields_that_the_server_converts() -> None:
    done, script = callboard(
        *("run", "add", "a=3", "b=x", "b=ł", "c:=[1.10]", "--params", '{"d": 1e400}', "--detach"),
        steps=(answer(job(), 202),),
    )

    assert done.exit_code == 0, done.output
    (asked,) = script.asked
    assert asked.url.path == "/base/v1/operations/add"
    parts = asked.content.split(asked.headers["Content-Type"].partition("boundary=")[2].encode())
    bodies = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n--") for part in parts[1:-1]]
    assert bodies == [b'{"d": 1E+400, "c": [1.10]}', b"3", b"x", "ł".encode()]


@pytest.mark.parametrize(
    "arguments",
    [
        ("a:=NaN",),
        ("a:=[" + "[" * 100_000,),
        ("a:=1", "a=2"),
        ("a=1", "--params", '{"a": 1}'),
        ("--params", "@/dev/null/x"),
        ("--params", '{"a": Infinity}'),
    ],
)
def test_unencodable_parameters_are_wrong_usage(arguments: tuple[str, ...]) -> None:
    done, script = callboard("run", "add", *arguments)

    assert (done.exit_code, script.asked) == (2, [])
    assert "Traceback" not in done.output


def test_a_file_with_parameters_in_another_encoding_is_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "params.json"
    file.write_bytes(b'{"a": "\xff"}')

    by_params, _script = callboard("run", "add", "--params", f"@{file}")
    by_batch, _script = callboard("batch", str(file))

    assert (by_params.exit_code, by_batch.exit_code) == (2, 2)


def test_parameters_from_the_standard_input_are_utf_8_in_any_locale() -> None:
    with serving({**job(), "id": "j-3"}) as url:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "callboard.client.cli", "--url", url),
                *("run", "add", "--params", "@-", "--detach"),
            ],
            cwd=ROOT,
            env=bare_environment(PYTHONIOENCODING="ascii"),
            input='{"a": "ł"}'.encode(),
            capture_output=True,
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stdout) == (0, b"j-3\n")


def test_a_closed_pipe_ends_the_operators_command_quietly() -> None:
    @click.group(cls=PipedGroup)
    def operators() -> None:
        pass

    @operators.command()
    def show() -> None:
        raise BrokenPipeError

    done = CliRunner().invoke(operators, ["show"])

    assert (done.exit_code, done.output) == (141, "")
