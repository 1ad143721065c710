"""A process and its descendants, which are signalled and ended together."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from callboard.actors.processes.memory_use import MemoryUse


class ProcessTree:
    """A process that leads a group, and its descendants, whatever group they are in.

    Args:
        pid: the leader's pid. Once that process is gone, a reused pid is not touched.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._memory_use = MemoryUse(pid)
        try:
            self._leader: psutil.Process | None = psutil.Process(pid)
        except psutil.NoSuchProcess:
            self._leader = None

    def used_bytes(self, enough: int = 0) -> int:
        """Return how much memory they have in use together; see `MemoryUse`."""
        return self._memory_use.bytes(enough)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to each of them."""
        members = self._members()
        if not members:
            return
        strays = [each for each in members if _group_of(each) != self._pid]
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, number)
        for each in strays:
            with suppress(psutil.Error):
                each.send_signal(number)

    def kill(self) -> None:
        """Kill all of them at once, except resource trackers."""
        members = self._members()
        trackers = [each for each in members if is_tracker(each.pid)]
        if not trackers:
            self.signal(signal.SIGKILL)
        for each in members if trackers else ():
            if each not in trackers:
                with suppress(psutil.Error):
                    each.kill()

    def _members(self) -> list[psutil.Process]:
        if self._leader is None:
            return []
        try:
            if not self._leader.is_running():
                return []
            return [self._leader, *self._leader.children(recursive=True)]
        except psutil.Error:
            return []


def children_of(pid: int) -> Iterator[int]:
    """List the children of a process; on Linux, without reading all processes."""
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            yield from map(int, (thread / "children").read_text(encoding="ascii").split())
    except OSError:
        with suppress(psutil.Error):
            yield from (each.pid for each in psutil.Process(pid).children())


def is_tracker(pid: int) -> bool:
    """Return whether a process is a resource tracker, which removes leftover shared memory.

    `multiprocessing` and `joblib` start one. It ends by itself afterwards; if it is killed before,
    the memory stays in `/dev/shm` for ever.
    """
    try:
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _group_of(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None
