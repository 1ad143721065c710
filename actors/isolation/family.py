"""A child with all processes that its function has started."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil


class Family:
    """A process that leads a group, and its descendants, whatever group they are in.

    Args:
        pid: of the leader. Once that process is gone, nobody else with its number is touched.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        try:
            self._leader: psutil.Process | None = psutil.Process(pid)
        except psutil.NoSuchProcess:
            self._leader = None

    def resident_bytes(self) -> int:
        """Say how much memory they have in use together; what they share counts for each."""
        members = {self._pid, *_descendants(self._pid)}
        return sum(_resident(pid) for pid in members)

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
        """End each of them at once."""
        self.signal(signal.SIGKILL)

    def _members(self) -> list[psutil.Process]:
        if self._leader is None:
            return []
        try:
            if not self._leader.is_running():
                return []
            return [self._leader, *self._leader.children(recursive=True)]
        except psutil.Error:
            return []


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def children_of(pid: int) -> Iterator[int]:
    """List the children of a process; where Linux tells, without looking at all others."""
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            yield from map(int, (thread / "children").read_text(encoding="ascii").split())
    except OSError:
        with suppress(psutil.Error):
            yield from (each.pid for each in psutil.Process(pid).children())


def _descendants(pid: int) -> Iterator[int]:
    for child in children_of(pid):
        yield child
        yield from _descendants(child)


def _group_of(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None
