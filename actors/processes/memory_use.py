"""Measures the memory that processes use together, in themselves and in what they hold."""

import fcntl
import os
import stat
import struct
import termios
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

SEARCH_SECONDS: Final = 0.2
"""The interval of searches for new processes; longer if a search is expensive."""

_SEARCH_SHARE: Final = 20
_KIB: Final = 1024
_BLOCK: Final = 512  # of `st_blocks`, on every Linux
_PIPE_BYTES: Final = 64 * _KIB

_HAS_PROC: Final = Path("/proc/self/stat").exists()

Identity = tuple[int, int]


class MemoryUse:
    """The memory of a process and its descendants.

    Resident and swapped-out memory counts, not what is merely reserved; pages of files do not
    count, as the kernel reclaims them. Shared pages count once. In addition, the following
    counts while one of the processes has it open: memfds; shared memory and other files in
    memory, if they are written to and newer than the process; and what waits in pipes.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._members: Collection[int] = (pid,)
        self._search_at = time.monotonic() + SEARCH_SECONDS
        self._born = int(time.time())
        self._memfds = _device_of_memfds()
        self._mounted = frozenset(_mounted_in_memory())

    def bytes(self, enough: int = 0) -> int:
        """Return the bytes in use, only as exactly as needed to know that they are below `enough`.

        Counting shared pages is expensive, so at first they count for each process.
        """
        self._search()
        held = self._held_bytes()
        pages = [_status_of(pid) for pid in self._members]
        most = sum(own + shared for own, shared in pages) + sum(held)
        if most <= enough:
            return most
        parts = [_proportional(pid) for pid in self._members]
        own, shared = sum(part[0] for part in parts), sum(part[1] for part in parts)
        files, pipes = held
        return own + max(shared, files) + pipes

    def _search(self) -> None:
        now = time.monotonic()
        if now < self._search_at:
            return
        self._members = (self._pid, *descendants_of(self._pid))
        took = time.monotonic() - now
        self._search_at = now + max(SEARCH_SECONDS, _SEARCH_SHARE * took)

    def _held_bytes(self) -> tuple[int, int]:
        files: dict[Identity, int] = {}
        pipes: dict[Identity, int] = {}
        for pid in self._members:
            for path, found in _open_files(pid):
                identity = found.st_dev, found.st_ino
                if stat.S_ISFIFO(found.st_mode):
                    if identity not in pipes:
                        pipes[identity] = _waiting_bytes(path)
                elif stat.S_ISREG(found.st_mode) and self._is_own(path, found):
                    files[identity] = found.st_blocks * _BLOCK
        return sum(files.values()), sum(pipes.values())

    def _is_own(self, path: str, found: os.stat_result) -> bool:
        """Return whether a file is in memory, and not another program's that is only read."""
        if found.st_dev == self._memfds:
            return True
        new = found.st_dev in self._mounted and found.st_mtime >= self._born
        return new and _can_write(path)


def descendants_of(pid: int) -> list[int]:
    """List the descendants of a process."""
    if not _HAS_PROC:
        with suppress(psutil.Error):
            return [each.pid for each in psutil.Process(pid).children(recursive=True)]
        return []
    children: dict[int, list[int]] = {}
    with suppress(OSError), os.scandir("/proc") as entries:
        for entry in entries:
            with suppress(OSError, ValueError, IndexError):
                number = int(entry.name)
                content = Path(f"/proc/{number}/stat").read_bytes()
                parent = int(content[content.rindex(b")") :].split()[2])
                children.setdefault(parent, []).append(number)
    found: list[int] = []
    left = [pid]
    while left:
        more = children.get(left.pop(), [])
        found += more
        left += more
    return found


def _status_of(pid: int) -> tuple[int, int]:
    """Return the bytes of a process's own pages, and of those that it may share."""
    fields = _fields(f"/proc/{pid}/status", ("RssAnon", "VmSwap", "RssShmem"))
    if not fields["RssAnon"]:
        with suppress(psutil.Error):  # another system, or one without these figures
            return int(psutil.Process(pid).memory_info().rss), 0
    return fields["RssAnon"] + fields["VmSwap"], fields["RssShmem"]


def _proportional(pid: int) -> tuple[int, int]:
    """Return the same with each shared page divided among its processes."""
    fields = _fields(f"/proc/{pid}/smaps_rollup", ("Pss_Anon", "SwapPss", "Pss_Shmem"))
    if not any(fields.values()):
        return _status_of(pid)  # no permission, or not supported by this kernel
    return fields["Pss_Anon"] + fields["SwapPss"], fields["Pss_Shmem"]


def _fields(path: str, names: Iterable[str]) -> dict[str, int]:
    found = dict.fromkeys(names, 0)
    with suppress(OSError):
        for line in Path(path).read_text(encoding="ascii", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name in found:
                found[name] = int(value.split()[0]) * _KIB
    return found


def _open_files(pid: int) -> Iterator[tuple[str, os.stat_result]]:
    with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with suppress(OSError):
                yield entry.path, entry.stat()


def _can_write(path: str) -> bool:
    """Return whether a descriptor of a process was opened to write."""
    with suppress(OSError):
        about = Path(path.replace("/fd/", "/fdinfo/")).read_text(encoding="ascii")
        flags = next(line.split()[1] for line in about.splitlines() if line.startswith("flags:"))
        return int(flags, 8) & os.O_ACCMODE != os.O_RDONLY
    return False


def _waiting_bytes(path: str) -> int:
    """Return the bytes in a pipe; an enlarged pipe uses a page for each small write."""
    with suppress(OSError):
        end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            waiting = struct.unpack("i", fcntl.ioctl(end, termios.FIONREAD, b"\0" * 4))[0]
            size = fcntl.fcntl(end, fcntl.F_GETPIPE_SZ)
        finally:
            os.close(end)
        return size if waiting and size > _PIPE_BYTES else int(waiting)
    return 0


def _device_of_memfds() -> int | None:
    with suppress(OSError, AttributeError):
        nameless = os.memfd_create("callboard")
        try:
            return os.fstat(nameless).st_dev
        finally:
            os.close(nameless)
    return None


def _mounted_in_memory() -> Iterator[int]:
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
            where, _, kind = line.partition(" - ")
            if kind.split(" ", 1)[0] in ("tmpfs", "ramfs"):
                major, minor = where.split()[2].split(":")
                yield os.makedev(int(major), int(minor))
