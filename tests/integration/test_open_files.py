"""A limit of open files leaves enough for serving, or the process does not start."""

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from callboard.ops.open_files import MIN_FILES, room_for_clients
from tests.eventually import eventually
from tests.servers import free_port

SERVERS = {
    "CALLBOARD_BROKER_URL": "amqp://127.0.0.1:1",
    "CALLBOARD_REDIS_URL": "redis://127.0.0.1:1",
}


@pytest.mark.parametrize(
    ("files", "clients"),
    [(192, 54), (256, 109), (1024, 658), (4096, 3291), (14_256, 12_000), (65_536, 12_000)],
)
def test_there_is_a_file_descriptor_for_every_sixth_client(files: int, clients: int) -> None:
    assert room_for_clients(files) == clients
    assert clients + clients // 6 <= files - min(256, max(128, files // 4))


def _start(command: list[str], files: int, **settings: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(command[0])
    return subprocess.run(
        ["sh", "-c", f'ulimit -n {files}; exec "$0" "$@"', program, *command[1:]],
        env={"PATH": os.defpath, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_web_server_with_too_few_files_reports_it_in_a_sentence() -> None:
    ended = _start(
        ["gunicorn", "--config", "ops/servers/gunicorn_config.py", "nothing:here"],
        MIN_FILES - 1,
        **SERVERS,
    )

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "may open 191 files, but serving needs at least 192" in ended.stderr


def test_a_worker_with_too_few_files_reports_it_in_a_sentence() -> None:
    ended = _start(["callboardctl", "worker", "--threads", "20"], 287, **SERVERS)

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "may open 287 files, but a worker with CALLBOARD_THREADS=20 needs at least 288" in (
        ended.stderr
    )


def test_a_worker_raises_its_limit_of_files_as_far_as_allowed(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("callboardctl")
    log = tmp_path / "log"
    with log.open("wb") as errors:
        worker = subprocess.Popen(
            ["sh", "-c", 'ulimit -Sn 200; exec "$0" worker', program],
            env={"PATH": os.defpath, **SERVERS},
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        eventually(
            lambda: any(
                child.rlimit(resource.RLIMIT_NOFILE)[0] > 200
                for child in psutil.Process(worker.pid).children()
            ),
            what="the limit is raised",
            timeout=60,
        )
    finally:
        master = psutil.Process(worker.pid)
        for each in (*master.children(recursive=True), master):
            each.kill()
        worker.wait(60)


def test_the_one_process_server_with_too_few_files_reports_it() -> None:
    ended = _start(["callboard", "dev", "--port", "1"], MIN_FILES - 1)

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "may open 191 files, but serving needs at least 192" in ended.stderr


def _web(port: int) -> tuple[list[str], dict[str, str]]:
    return ["callboardctl", "web", "--processes", "1"], {**SERVERS, "CALLBOARD_PORT": str(port)}


def _one_process(port: int) -> tuple[list[str], dict[str, str]]:
    return ["callboard", "dev"], {"CALLBOARD_PORT": str(port)}


@contextmanager
def _serving(
    command: list[str], settings: dict[str, str], log: Path
) -> Iterator[tuple[str, psutil.Process]]:
    url = f"http://127.0.0.1:{settings['CALLBOARD_PORT']}"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [
                "sh",
                "-c",
                'ulimit -n 256; exec "$0" "$@"',
                Path(sys.executable).with_name(command[0]),
                *command[1:],
            ],
            env={"PATH": os.defpath, **settings},
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        eventually(lambda: _is_alive(url), what="it serves", timeout=60)
        children = psutil.Process(process.pid).children()
        yield url, children[0] if "web" in command else psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _is_alive(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=10).is_success
    except httpx.TransportError:
        return False


def _allow(process: psutil.Process, files: int) -> None:
    _soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (files, hard))


@pytest.mark.parametrize("server", [_web, _one_process])
def test_a_server_without_free_files_waits_and_continues(
    server: Callable[[int], tuple[list[str], dict[str, str]]], tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / "log"

    with _serving(*server(port), log) as (url, process), ExitStack() as opened:
        before = process.num_fds()
        _allow(process, before + 4)
        for _ in range(12):
            opened.enter_context(socket.create_connection(("127.0.0.1", port)))
        eventually(lambda: b"accepting_paused" in log.read_bytes(), what="it says so")
        alive_then = process.is_running()
        _allow(process, before + 100)
        eventually(lambda: _is_alive(url), what="it goes on")

    said = log.read_text()
    assert alive_then
    assert said.count("accepting_paused") <= 2
    assert "accept()" not in said  # as a traceback would show


@pytest.mark.parametrize("server", [_web, _one_process])
def test_connections_are_kept_only_while_half_of_the_places_are_free(
    server: Callable[[int], tuple[list[str], dict[str, str]]], tmp_path: Path
) -> None:
    port = free_port()

    with _serving(*server(port), tmp_path / "log") as (url, _process), ExitStack() as opened:
        alone = httpx.get(f"{url}/healthz", timeout=30)
        for _ in range(room_for_clients(256) // 2 + 5):
            opened.enter_context(socket.create_connection(("127.0.0.1", port)))
        crowded = httpx.get(f"{url}/healthz", timeout=30)

    assert (alone.status_code, crowded.status_code) == (200, 200)
    assert alone.headers.get("Connection", "keep-alive") == "keep-alive"
    assert crowded.headers["Connection"] == "close"
