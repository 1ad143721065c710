"""A one-process server of its own for a program's tests: started, asked, and stopped."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

_URL: Final = re.compile(r"^Callboard at (http://\S+)$", re.MULTILINE)
_MAX_LOG_LENGTH: Final = 4000
STOP_SECONDS: Final = 30.0


class ServerDidNotStart(RuntimeError):
    """The one-process server ended, or said nothing in time; the message has its log."""


@contextmanager
def serving(
    *operations: str | os.PathLike[str],
    settings: Mapping[str, str] | None = None,
    folder: str | os.PathLike[str] | None = None,
    timeout: float = 60.0,
) -> Iterator[str]:
    """Run the one-process server while something is tested, and give its address.

    It is a process of its own, on a free port of this machine, with nothing of what another one
    keeps. It needs neither RabbitMQ nor Redis.

    Args:
        operations: modules with operations, or files of such modules.
        settings: as environment variables, such as `{"CALLBOARD_THREADS": "2"}`; those of the
            surroundings do not count.
        folder: from where modules are found; the working folder by default.
        timeout: seconds that its start may take.

    Raises:
        ServerDidNotStart: it ended at once, or said nothing in time.
    """
    with tempfile.TemporaryFile() as told:
        named = [os.fspath(each) for each in operations]
        process = subprocess.Popen(  # noqa: S603 — our own command
            [sys.executable, "-P", "-m", "callboard.client.cli", "dev", "--port", "0", *named],
            cwd=folder or Path.cwd(),
            env={**_surroundings(), **(settings or {})},
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=subprocess.STDOUT,
        )
        try:
            yield _address(process, told, timeout)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: "subprocess.Popen[bytes]", told: IO[bytes], timeout: float) -> str:
    pause = threading.Event()
    looks = max(1, int(timeout / 0.05))
    for _look in range(looks):
        ended = process.poll() is not None
        said = _read(told)
        if found := _URL.search(said):
            return found[1]
        if ended:
            raise ServerDidNotStart(f"The server exited with code {process.returncode}:\n{said}")
        pause.wait(0.05)
    raise ServerDidNotStart(f"The server printed no URL within {timeout:.0f} s:\n{_read(told)}")


def _read(told: IO[bytes]) -> str:
    """Read the last of what was said, from a place of its own in the file."""
    size = os.fstat(told.fileno()).st_size
    begin = max(0, size - _MAX_LOG_LENGTH)
    return os.pread(told.fileno(), _MAX_LOG_LENGTH, begin).decode(errors="replace")


def _surroundings() -> dict[str, str]:
    unwanted = ("CALLBOARD_", "CLOUDAMQP_URL", "RABBITMQ_URL", "REDIS_URL", "PORT")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
