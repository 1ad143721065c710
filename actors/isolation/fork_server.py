"""The fork server: a process with one thread that imports the operations and forks children.

A worker has one. It forks no children itself, as its threads may hold any lock at that moment
(ADR 30).
"""

import gc
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, Final, NoReturn

from callboard.actors.isolation.child_process import become_subreaper
from callboard.actors.isolation.forked_child import run_child
from callboard.actors.isolation.operations_process import begin
from callboard.actors.isolation.random_generators import find_generators
from callboard.actors.processes.process_tree import ProcessTree, children_of, is_tracker
from callboard.jobs.errors import OperationError
from callboard.jobs.registry import Registry, discover
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

NUMBER: Final = struct.Struct("!q")
FORK: Final = b"f"
_LOOK_SECONDS: Final = 1.0
_REAP_SECONDS: Final = 2.0

log = get_logger(__name__)


def main(spec: Mapping[str, Any]) -> NoReturn:
    """Import the operations, then fork a child for each request until the worker is gone.

    Args:
        spec: of an `OperationsProcess`, and `worker`, the pid of the worker; `start`, which for
            `spawn` leaves importing the modules to each child.
    """
    control = begin(spec)
    load: Callable[[], Registry] = partial(_load, spec["modules"])
    if spec["start"] == "fork":
        registry = load()
        load = lambda: registry  # noqa: E731 — for children, all is loaded
    become_subreaper()
    gc.collect()
    gc.freeze()  # or a collection in a child would copy all of it
    ForkServer(control, load, worker=spec["worker"]).serve()


def _load(modules: Sequence[str]) -> Registry:
    try:
        return discover(modules)
    except OperationError as error:
        log.critical(LogEvent.FORK_SERVER_FAILED, reason=str(error))
        sys.exit(2)


class ForkServer:
    """Forks children, reports how they ended, and ends all of them when the worker is gone.

    Each child has an exit channel: a socket to the worker that brings its pid and then its exit
    code. The worker closes it to end that child.
    """

    def __init__(
        self, control: socket.socket, registry: Callable[[], Registry], *, worker: int
    ) -> None:
        self._control = control
        self._registry = registry
        self._generators = find_generators()
        self._worker = worker
        self._exit_channels: dict[int, socket.socket] = {}
        self._waiting = select.poll()
        self._waiting.register(control, select.POLLIN)
        self._woken, self._wake = os.pipe()
        for end in (self._woken, self._wake):
            os.set_blocking(end, False)
        self._waiting.register(self._woken, select.POLLIN)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._wake)

    def serve(self) -> NoReturn:
        """Serve until the worker is gone."""
        while os.getppid() == self._worker:
            ready = self._wait()
            self._reap()
            for pid, exit_channel in list(self._exit_channels.items()):
                if exit_channel.fileno() in ready:
                    self._end(pid)
            if self._control.fileno() in ready and not self._fork():
                break
        self._waiting.unregister(self._control)
        for pid in list(self._exit_channels):
            self._end(pid)
        # Orphans would go to a process that may not reap them, such as a container's first one.
        end = time.monotonic() + _REAP_SECONDS
        while self._reap() and time.monotonic() < end:
            self._wait()
        os._exit(0)

    def _wait(self) -> set[int]:
        ready = {number for number, _ in self._waiting.poll(_LOOK_SECONDS * 1000)}
        with suppress(BlockingIOError):
            os.read(self._woken, 4096)
        return ready

    def _fork(self) -> bool:
        """Fork a child for the worker; if that fails, close its exit channel."""
        try:
            request, ends, _, _ = socket.recv_fds(self._control, len(FORK), 2)
        except OSError:
            return False
        with ExitStack() as closing:
            given = [closing.enter_context(socket.socket(fileno=number)) for number in ends]
            for end in given:
                end.set_inheritable(False)  # or programs that functions start would inherit it
            if len(given) == 2:  # noqa: PLR2004 — or there was no room for them
                self._fork_with(*given)
        return bool(request)

    def _fork_with(self, channel: socket.socket, exit_channel: socket.socket) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            log.error(LogEvent.CHILD_FORK_FAILED, reason=str(error))
            return
        if pid == 0:
            self._become_child(channel, exit_channel)
        kept = self._exit_channels[pid] = exit_channel.dup()
        self._waiting.register(kept, select.POLLIN)
        _say(kept, pid)

    def _become_child(self, channel: socket.socket, exit_channel: socket.socket) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for end in (self._control, exit_channel, *self._exit_channels.values()):
                end.close()
            os.close(self._woken)
            os.close(self._wake)
            run_child(channel, self._registry, self._generators)
        finally:
            os._exit(1)

    def _reap(self) -> bool:
        """Reap children that have ended, and end what they left; return whether any live."""
        has_reaped = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                if has_reaped:
                    self._end_orphans()
                return True
            has_reaped = True
            self._end_group(pid)
            exit_channel = self._exit_channels.pop(pid, None)
            if exit_channel is not None:
                _say(exit_channel, os.waitstatus_to_exitcode(status))
                self._hang_up(exit_channel)

    def _end(self, pid: int) -> None:
        ProcessTree(pid).kill()
        exit_channel = self._exit_channels.pop(pid, None)
        if exit_channel is not None:
            self._hang_up(exit_channel)

    def _end_group(self, leader: int) -> None:
        """End what a function left behind; if a cleaner runs there, only the orphans."""
        if not any(is_tracker(pid) for pid in children_of(os.getpid())):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(leader, signal.SIGKILL)

    def _end_orphans(self) -> None:
        """End orphans of ended children; what those leave comes here in turn."""
        for pid in children_of(os.getpid()):
            if pid not in self._exit_channels and not is_tracker(pid):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def _hang_up(self, exit_channel: socket.socket) -> None:
        self._waiting.unregister(exit_channel)
        exit_channel.close()


def _say(exit_channel: socket.socket, number: int) -> None:
    with suppress(OSError):
        exit_channel.sendall(NUMBER.pack(number))
