"""Stopping the one-process server during downloads logs no error."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest

from callboard.config.environment import bare_environment
from tests.eventually import eventually

pytestmark = pytest.mark.timeout(180)

DOWNLOADS: Final = 4
BYTES: Final = 16 * 1024**2
STOP_SECONDS: Final = 40


def _download(address: tuple[str, int], path: str) -> socket.socket:
    """Request a file, and read only the start of the answer."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30)
    connection.connect(address)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {address[0]}\r\n\r\n".encode())
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection


def test_a_stop_ends_downloads_without_errors_in_the_log(tmp_path: Path) -> None:
    told = tmp_path / "told.txt"
    with told.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "callboard.client.cli", "dev", "--port", "0"],
            cwd=tmp_path,
            env=bare_environment(),
            stdout=log,
            stderr=log,
        )
    try:
        line = eventually(
            lambda: next(
                (each for each in told.read_text().splitlines() if "Callboard at" in each), ""
            ),
            what="it serves",
            timeout=120,
        )
        url = line.rpartition(" ")[2]
        sent = httpx.post(
            f"{url}/v1/files",
            content=b"x" * BYTES,
            headers={"Content-Type": "application/octet-stream"},
            timeout=60,
        )
        path = f"/v1/files/{sent.json()['id']}/content"
        parts = urlsplit(url)
        address = (parts.hostname or "", parts.port or 0)
        connections = [_download(address, path) for _ in range(DOWNLOADS)]

        process.send_signal(signal.SIGTERM)
        code = process.wait(STOP_SECONDS)
    finally:
        process.kill()
        process.wait()
    for each in connections:
        each.close()

    assert code == 0
    assert "aborted" in told.read_text()
    assert [line for line in told.read_text().splitlines() if _complains(line)] == []


def _complains(line: str) -> bool:
    return any(word in line for word in ("Bad file", "Traceback", "Error", "Exception", "xception"))
