"""A server's process: started, signalled and ended by its id, and never outliving the session."""

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.eventually import eventually

_SECONDS_TO_STOP = 30.0
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, prctl(2)
# Below the kernel's ephemeral ports, so that no client takes a stopped server's port.
_PORTS = range(20_000, 32_000)


class MissingServer(Exception):
    """A server that the tests need is not installed; the message says how to install it."""


def find_program(name: str, *folders: str) -> str:
    """Find a program in its usual folders, or on the PATH.

    Raises:
        MissingServer: it is in neither.

    """
    usual = (Path(folder) / name for folder in folders)
    found = next((str(path) for path in usual if os.access(path, os.X_OK)), shutil.which(name))
    if found is None:
        raise MissingServer(
            f"{name} is not installed, and the tests need it: run .ci/install-servers "
            "(Debian and Ubuntu: apt-get install rabbitmq-server redis-server; "
            "macOS: brew install rabbitmq redis)"
        )
    return found


def free_port() -> int:
    """Find an unused TCP port on the loopback address."""
    while True:
        port = secrets.choice(_PORTS)  # not `random`: all workers of a session share its seed
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class ServerProcess:
    """Successive runs of one command, which is the server itself and no wrapper."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path
    ) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.paused = False

    @property
    def output(self) -> Path:
        return self._folder / "output.log"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server has not been started"
        return self._process.pid

    def start(self, ready: Callable[[], bool], *, timeout: float) -> None:
        """Start the process and wait until it is ready; ends it again if it never is."""
        assert not self.running, "the server runs already"
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        try:
            eventually(
                lambda: not self.running or ready(), what="the server answers", timeout=timeout
            )
            assert self.running, f"the server ended at once with code {self._process.returncode}"
        except BaseException as error:
            self.kill()
            error.add_note(f"{self._command[0]} said:\n{self._tail()}")
            raise

    def stop(self) -> None:
        """Stop the process as an administrator would, and wait for its end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process without warning."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Suspend the process: it keeps its connections and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        """Resume a suspended process."""
        os.kill(self.pid, signal.SIGCONT)
        self.paused = False

    def _end(self, with_signal: signal.Signals) -> None:
        if not self.running:
            return
        assert self._process is not None
        if self.paused:
            self.resume()
        self._process.send_signal(with_signal)
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def _tail(self) -> str:
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-30:])


class Server(ABC):
    """A server that tests start, break and restore."""

    def __init__(self, process: ServerProcess, *, seconds_to_start: float) -> None:
        self._process = process
        self._seconds_to_start = seconds_to_start

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    def start(self) -> None:
        """Start the server with its existing data; wait until it answers."""
        self._process.start(self._answers, timeout=self._seconds_to_start)

    def stop(self) -> None:
        """Stop gracefully."""
        self._process.stop()

    def kill(self) -> None:
        """SIGKILL: like a crash or an out-of-memory kill."""
        self._process.kill()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        self._process.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self._process.resume()

    def restore(self) -> None:
        """Make the server answer, whatever a test did to it."""
        if not self.running:
            self.start()
        elif self._process.paused:
            self.resume()

    def close(self) -> None:
        """End the server for good, at the end of a session."""
        self.kill()

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it answers now."""


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
