"""Uploads to a whole installation: interrupted, killed, refused, and large ones."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from callboard.config.environment import bare_environment
from tests.eventually import eventually
from tests.system.connection import Connection
from tests.system.stack import BOOT_SECONDS, ROOT, Stack, free_port
from tests.system.uploading import (
    BLOCK,
    FILE,
    Memory,
    download,
    send_head,
    upload,
    uploading,
    web_process,
)

MIB = 1024**2
MAX_FILE_BYTES = 8 * MIB
TEXT = {"Content-Type": "text/plain"}


def in_storage(stack: Stack) -> list[Path]:
    return [path for path in (stack.folder / "files").glob("??/*") if path.is_file()]


def staged(stack: Stack) -> list[Path]:
    return list((stack.folder / "files" / ".staging").glob("*"))


def reserved(stack: Stack) -> int:
    return sum(int(each) for each in stack.store.redis.hvals(stack.store.keys("stored")))


def records(stack: Stack) -> list[bytes]:
    return list(stack.store.redis.scan_iter(f"{stack.store.keys.prefix}file:*", count=1000))


def nothing_left(stack: Stack) -> bool:
    return not (in_storage(stack) or staged(stack) or reserved(stack) or records(stack))


def answered(stack: Stack) -> bool:
    return httpx.get(f"{stack.url}/healthz", timeout=5).is_success


def web(stack: Stack, **settings: str) -> None:
    stack.web(CALLBOARD_MAX_FILE_BYTES=str(MAX_FILE_BYTES), **settings)
    eventually(lambda: answered(stack), what="web answers", ignoring=httpx.TransportError)


def begun(stack: Stack, *headers: str) -> Connection:
    """Start an upload, and wait until it uses the quota and is partly staged."""
    connection = Connection(stack.port)
    send_head(connection, *FILE, *headers)
    return connection


@pytest.mark.timeout(60)
def test_an_interrupted_upload_leaves_nothing(stack: Stack) -> None:
    web(stack)

    # A client that disconnects in the middle.
    connection = begun(stack, f"Content-Length: {4 * MIB}")
    connection.socket.sendall(BLOCK)
    eventually(lambda: staged(stack) and reserved(stack) == 4 * MIB, what="it is under way")
    connection.close()
    eventually(lambda: nothing_left(stack), what="a broken off upload leaves nothing")

    # One that ends before its length, and waits for the answer.
    connection = begun(stack, f"Content-Length: {4 * MIB}")
    connection.socket.sendall(BLOCK)
    connection.socket.shutdown(socket.SHUT_WR)
    assert connection.read_to_the_end().startswith(b"HTTP/1.1 400")
    connection.close()
    eventually(lambda: nothing_left(stack), what="a short upload leaves nothing")

    # A chunked one that ends between two chunks.
    connection = begun(stack, "Transfer-Encoding: chunked")
    connection.socket.sendall(b"100000\r\n" + BLOCK + b"\r\n")
    eventually(lambda: staged(stack), what="it is under way")
    connection.close()
    eventually(lambda: nothing_left(stack), what="half of the chunks leave nothing")


@pytest.mark.timeout(60)
def test_a_client_learns_why_its_file_is_refused_however_much_it_sends(stack: Stack) -> None:
    web(stack)

    # One that announces too much gets its answer without sending anything.
    connection = begun(stack, f"Content-Length: {MAX_FILE_BYTES + 1}")
    assert connection.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 413")
    connection.close()

    # Even one that sends it anyway, and only then reads.
    connection = begun(stack, f"Content-Length: {64 * MIB}", "Connection: close")
    for _ in range(64):
        connection.socket.sendall(BLOCK)
    assert connection.read_to_the_end().startswith(b"HTTP/1.1 413")
    connection.close()

    # One that announces nothing is stopped once it has sent too much, and gets the reason.
    def pieces() -> Iterator[bytes]:
        for _ in range(MAX_FILE_BYTES // len(BLOCK) + 1):
            yield BLOCK

    answer = httpx.post(f"{stack.url}/v1/files", content=pieces(), headers=TEXT, timeout=20)
    assert answer.status_code == 413
    assert answer.json()["type"].endswith("/problems/file-too-large")
    assert nothing_left(stack)

    whole = httpx.post(f"{stack.url}/v1/files", content=iter([b"wo", b"rds"]), headers=TEXT)
    assert (whole.status_code, whole.json()["size"]) == (201, 5)


@pytest.mark.timeout(60)
def test_the_upload_of_a_killed_web_process_is_removed_after_its_lease(
    stack: Stack,
) -> None:
    stack.start(workers=1, CALLBOARD_TESTING="true", CALLBOARD_MAX_FILE_BYTES=str(MAX_FILE_BYTES))
    connection = begun(stack, f"Content-Length: {4 * MIB}")
    connection.socket.sendall(BLOCK)
    eventually(lambda: staged(stack) and reserved(stack) == 4 * MIB, what="it is under way")

    os.kill(web_process(stack), signal.SIGKILL)
    later = (int(time.time()) + 120) * 1000
    stack.store.redis.set(stack.store.keys("clock"), later)

    eventually(lambda: nothing_left(stack), what="the housekeeper tidied up", timeout=20)
    connection.close()


@pytest.mark.alone
@pytest.mark.timeout(60)
def test_endless_and_idle_bodies_delay_no_other_client(stack: Stack) -> None:
    web(stack)
    idle = begun(stack, f"Content-Length: {MIB}")
    over, cut_off = threading.Event(), threading.Event()

    def send() -> None:
        """Send a form whose first part never starts, until the server rejects it."""
        sender = Connection(stack.port)
        form = "Content-Type: multipart/form-data; boundary=x"
        send_head(sender, FILE[0], FILE[1], form, "Transfer-Encoding: chunked")
        with suppress(OSError):
            while not over.is_set():
                sender.socket.sendall(b"100000\r\n" + BLOCK + b"\r\n")
        sender.close()
        cut_off.set()

    sender = threading.Thread(target=send)
    sender.start()
    took = []
    try:
        with httpx.Client(base_url=stack.url, timeout=20) as http:
            while len(took) < 20 or not cut_off.is_set():
                began = time.monotonic()
                assert http.get("/healthz").is_success
                took.append(time.monotonic() - began)
    finally:
        over.set()
        sender.join()
    idle.close()

    assert max(took) < 3
    eventually(lambda: nothing_left(stack), what="nothing is left of either")


@pytest.mark.timeout(60)
def test_the_one_process_server_keeps_files_until_it_ends(tmp_path: Path) -> None:
    port = free_port()
    settings = {"CALLBOARD_PORT": str(port), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "callboard.client.cli", "dev"],
        cwd=ROOT,
        env=bare_environment(**settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(
            lambda: httpx.get(f"{url}/healthz").is_success,
            what="it answers",
            timeout=BOOT_SECONDS,
            ignoring=httpx.TransportError,
        )
        file = upload(port, 5 * MIB)
        digest = download(port, file)
        large = httpx.post(f"{url}/v1/jobs", json={"operation": "x" * 2 * MIB, "params": {}})
        kept = list(tmp_path.glob("callboard-*/??/*"))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)

    assert (digest, large.status_code) == (file["sha256"], 413)
    assert [path.name for path in kept] == [file["id"]]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.alone
@pytest.mark.timeout(90)
def test_large_files_take_little_memory_and_delay_no_client(stack: Stack) -> None:
    stack.web()
    eventually(lambda: answered(stack), what="web answers", ignoring=httpx.TransportError)
    upload(stack.port, MIB)  # the first one loads modules
    memory = Memory(web_process(stack))

    file = upload(stack.port, 300 * MIB)
    digest = download(stack.port, file)

    assert digest == file["sha256"]
    assert memory.growth() < 32 * MIB

    took: list[float] = []
    with httpx.Client(base_url=stack.url, timeout=20) as http:
        job = http.post("/v1/jobs", json={"operation": "echo", "params": {}}).json()["id"]
        with uploading(stack, 20 * MIB, 10) as process:
            while process.poll() is None:
                began = time.monotonic()
                assert http.get(f"/v1/jobs/{job}").is_success
                took.append(time.monotonic() - began)
            done = json.loads(process.communicate()[0])

    assert len(set(done["sha256"])) == 1
    assert memory.growth() < 32 * MIB
    took.sort()
    assert took[len(took) // 2] < 0.1
    assert took[-1] < 1
