"""Clients of large files; `python -m tests.system.uploading PORT BYTES COUNT` uploads some."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.processes import children_of
from tests.system.connection import Connection
from tests.system.stack import ROOT, Stack

BLOCK: Final = bytes(range(256)) * 4096
FILE: Final = ("POST /v1/files HTTP/1.1", "Host: localhost", "Content-Type: application/x-blocks")


def send_head(connection: Connection, *lines: str) -> None:
    """Send the first lines of a request."""
    connection.socket.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())


def upload(port: int, size: int) -> dict[str, Any]:
    """Upload a file of a given size, in equal blocks, and return it."""
    connection = Connection(port)
    connection.socket.settimeout(300)
    send_head(connection, *FILE, f"Content-Length: {size}", "Connection: close")
    for start in range(0, size, len(BLOCK)):
        connection.socket.sendall(BLOCK[: size - start])
    answer = connection.read_to_the_end()
    connection.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201"), answer
    file: dict[str, Any] = json.loads(body)
    return file


def download(port: int, file: dict[str, Any]) -> str:
    """Download a file, and return its SHA-256."""
    connection = Connection(port)
    connection.socket.settimeout(300)
    connection.send(f"/v1/files/{file['id']}/content", "Connection: close")
    connection.read_until(b"\r\n\r\n")
    head, _, begun = connection.read.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    digest = hashlib.sha256(begun)
    buffer = memoryview(bytearray(1024**2))
    while count := connection.socket.recv_into(buffer):
        digest.update(buffer[:count])
    connection.close()
    return digest.hexdigest()


@contextmanager
def uploading(stack: Stack, size: int, count: int) -> Iterator["subprocess.Popen[str]"]:
    """Upload some files at once in a separate process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.system.uploading", str(stack.port), str(size), str(count)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def web_process(stack: Stack) -> int:
    """Return the web server's only serving process; it has a check process itself."""
    (found,) = children_of(stack.started[0].process.pid)
    return found


class Memory:
    """The difference between a process's peak memory and its memory now."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")
        (self._folder / "clear_refs").write_text("5")  # forget the peak
        self._before = self._bytes("VmRSS")

    def growth(self) -> int:
        """Return the growth in bytes so far."""
        return self._bytes("VmHWM") - self._before

    def _bytes(self, name: str) -> int:
        lines = (self._folder / "status").read_text().splitlines()
        (found,) = [line for line in lines if line.startswith(f"{name}:")]
        return int(found.split()[1]) * 1024


def _main() -> None:
    port, size, count = (int(each) for each in sys.argv[1:])
    began = time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        files = list(pool.map(lambda _: upload(port, size), range(count)))
    took = time.monotonic() - began
    sys.stdout.write(json.dumps({"seconds": took, "sha256": [each["sha256"] for each in files]}))


if __name__ == "__main__":
    _main()
