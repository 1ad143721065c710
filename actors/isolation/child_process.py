"""Sets up a child process: its group, signals and memory limit."""

import ctypes
import faulthandler
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import socket
from types import FrameType
from typing import Final

from callboard.actors.interrupts.guard import Terminated
from callboard.actors.signals import free_forks
from callboard.jobs.errors import Leaving

OUT_OF_MEMORY: Final = 97
"""The exit code of a child that has too little memory left to send a message."""

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_OOM_SCORE: Final = 500
_HEEDED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGURG)
_MIN_ROOM_BYTES: Final = 16 * 1024**2

# Loaded before any child is forked.
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class Ended(Leaving, Terminated):
    """The worker has sent SIGTERM to this process, as its function did not stop by itself."""


def become_leader(channel: socket) -> None:
    """Lead a process group and a session, and end with the parent.

    Args:
        channel: the channel to the worker; processes that a function forks must not inherit it.
    """
    parent = os.getppid()
    os.setsid()
    become_subreaper()
    with suppress(AttributeError):  # only on Linux; elsewhere the closed channel is the sign
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    with suppress(OSError):
        # When the machine's memory runs out, the kernel kills a child before its worker.
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE), encoding="ascii")
    os.register_at_fork(after_in_child=channel.close)
    free_forks(_HEEDED)
    faulthandler.enable(sys.__stderr__ or sys.stderr)


def become_subreaper() -> None:
    """Become the parent of orphaned descendants, so that they stay in the process tree."""
    with suppress(AttributeError):  # only on Linux
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def heed_signals(is_to_end: Callable[[], bool]) -> None:
    """Ignore signals to stop that the worker did not send.

    Process managers send them to all processes. They are handled, not ignored, as programs that a
    function starts would inherit that.
    """

    def on_terminate(_number: int, _frame: FrameType | None) -> None:
        if is_to_end():
            raise Ended(128 + signal.SIGTERM)

    for number in _HEEDED:
        signal.signal(number, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, on_terminate)


def wake_main_thread() -> None:
    """Make the main thread notice a pending exception, also while it sleeps or waits."""
    ident = threading.main_thread().ident
    if ident is not None:
        signal.pthread_kill(ident, signal.SIGURG)


@contextmanager
def limited_memory(max_bytes: int | None) -> Iterator[None]:
    """Make allocations fail beyond a limit, in addition to the memory in use now.

    Each program that a function starts has the limit for itself.

    Args:
        max_bytes: None for no limit.
    """
    if max_bytes is None:
        yield
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_data_limit(max_bytes, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _data_limit(max_bytes: int, hard: int) -> int:
    """Convert a limit of resident memory into one of data, some of which is never touched."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        limit = max_bytes
    else:
        size = resource.getpagesize()
        resident, data = int(pages[1]) * size, int(pages[5]) * size
        limit = data + max(_MIN_ROOM_BYTES, max_bytes - resident)
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)
