"""The worker's side of its fork server: start it, ask it for children, replace it if it dies."""

import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from callboard.actors.isolation.fork_server import FORK, NUMBER
from callboard.actors.isolation.operations_process import START_SECONDS, OperationsProcess
from callboard.jobs.errors import Crashed
from callboard.jobs.operation_rules import Start
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

TRIES: Final = 3
_LOOK_SECONDS: Final = 0.1
_STOP_SECONDS: Final = 5.0
_PROGRAM: Final = "callboard.actors.isolation.fork_server"

log = get_logger(__name__)


class ForkClient:
    """Lets the fork server fork children for the threads of a worker.

    Args:
        modules: the modules of operations that children need.
        log_format, log_level: the log settings of the children.
        answers_within: seconds; a fork server that takes longer, after its first fork, is replaced.
        start: `spawn` for children that import the modules themselves.
    """

    def __init__(
        self,
        modules: Sequence[str],
        *,
        log_format: str,
        log_level: str,
        answers_within: float,
        start: Start = "fork",
    ) -> None:
        self._answers_within = answers_within
        self._has_answered = False
        self._start = start
        self._program = OperationsProcess(
            _PROGRAM, modules, log_format=log_format, log_level=log_level
        )
        self._lock = threading.Lock()
        self._fork_server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._closed = False

    def start(self) -> None:
        """Start the fork server unless it runs; it imports while the worker continues."""
        with self._lock:
            self._started()

    def close(self) -> None:
        """End the fork server and all of its children."""
        with self._lock:
            self._closed = True
            self._stop()

    def fork(self, proceed: Callable[[], None]) -> "ForkedChild":
        """Fork a child; a fork server that was killed, or does not answer, is replaced.

        Args:
            proceed: called while the fork server works; raises if the run must stop waiting.

        Raises:
            Crashed: no child could be started.
        """
        for _ in range(TRIES):
            channel, exit_channel, fork_server = self._ask()
            within = self._answers_within if self._has_answered else START_SECONDS
            try:
                if _has_come(exit_channel, proceed, within):
                    pid = number_of(exit_channel)
                    if pid is not None:
                        self._has_answered = fork_server is self._fork_server
                        return ForkedChild(pid, channel, exit_channel)
                else:
                    self._replace(fork_server)
            except BaseException:
                channel.close()
                exit_channel.close()
                raise
            channel.close()
            exit_channel.close()
        raise Crashed("No process could be started for the function.")

    def _ask(self) -> tuple[socket.socket, socket.socket, "subprocess.Popen[bytes] | None"]:
        channel, far_channel = socket.socketpair()
        exit_channel, far_exit_channel = socket.socketpair()
        with far_channel, far_exit_channel, self._lock:
            try:
                control = self._started()
                socket.send_fds(control, [FORK], [far_channel.fileno(), far_exit_channel.fileno()])
            except OSError:
                # The exit channel's other end is closed now, as when the fork server dies later.
                self._stop()
            return channel, exit_channel, self._fork_server

    def _replace(self, fork_server: "subprocess.Popen[bytes] | None") -> None:
        with self._lock:
            if fork_server is None or fork_server is not self._fork_server:
                return
            log.error(LogEvent.FORK_SERVER_TIMED_OUT, pid=fork_server.pid)
            fork_server.kill()  # one that is stopped hears nothing else
            self._stop()

    def _started(self) -> socket.socket:
        if self._closed:
            raise OSError("closed")
        if self._fork_server is not None and self._fork_server.poll() is not None:
            log.error(LogEvent.FORK_SERVER_LOST, exit_code=self._fork_server.returncode)
            self._stop()
        if self._control is None:
            self._control, far = socket.socketpair()
            with far:
                self._fork_server = self._program.start(far, worker=os.getpid(), start=self._start)
                self._has_answered = False
        return self._control

    def _stop(self) -> None:
        fork_server, self._fork_server = self._fork_server, None
        control, self._control = self._control, None
        if control is not None:
            control.close()
        if fork_server is None:
            return
        try:
            # A fork server that still imports has no children to end.
            fork_server.wait(_STOP_SECONDS if self._has_answered else 0)
        except subprocess.TimeoutExpired:
            fork_server.kill()
            fork_server.wait()


class ForkedChild:
    """A newly forked child.

    Attributes:
        pid: the pid of the child.
        channel: the channel to the child.
        exit_channel: brings the exit code from the fork server; closing it ends the child.
    """

    def __init__(self, pid: int, channel: socket.socket, exit_channel: socket.socket) -> None:
        self.pid: Final = pid
        self.channel: Final = channel
        self.exit_channel: Final = exit_channel


def number_of(exit_channel: socket.socket) -> int | None:
    """Receive a number; None if its sender is gone."""
    try:
        packed = exit_channel.recv(NUMBER.size, socket.MSG_WAITALL)
    except OSError:
        return None
    return int(NUMBER.unpack(packed)[0]) if len(packed) == NUMBER.size else None


def _has_come(exit_channel: socket.socket, proceed: Callable[[], None], within: float) -> bool:
    waiting = select.poll()
    waiting.register(exit_channel, select.POLLIN)
    end = time.monotonic() + within
    while not waiting.poll(_LOOK_SECONDS * 1000):
        proceed()
        if time.monotonic() > end:
            return False
    return True
