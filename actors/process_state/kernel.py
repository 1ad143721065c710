"""The kernel's process state: folder, limits, signals, user and standard streams."""

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from callboard.actors.process_state.state import StateItem

_LIMITS: Final = tuple(
    sorted({value for name, value in vars(resource).items() if name.startswith("RLIMIT_")})
)
_TIMERS: Final = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_NAMES: Final = ("stdin", "stdout", "stderr")


def kernel_items() -> list[StateItem]:
    """Record the current state, for restoring it."""
    return [
        *_folder(),
        StateItem("umask", _umask, os.umask),
        StateItem("limits", _limits, _limit),
        StateItem("timers", _timers, _stop_timers),
        StateItem("user", lambda: (os.getresuid(), os.getresgid(), os.getgroups())),
        *_streams(),
    ]


def thread_items() -> list[StateItem]:
    """Record the state of each thread, if the system has thread ids."""
    return [
        StateItem("niceness", _niceness, _set_niceness),
        StateItem(
            "processors",
            lambda: os.sched_getaffinity(0),
            lambda was: os.sched_setaffinity(0, was),
        ),
        StateItem(
            "blocked signals",
            lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()),
            lambda was: signal.pthread_sigmask(signal.SIG_SETMASK, was),
        ),
    ]


def signal_items() -> list[StateItem]:
    """Record the signal handlers, which only the main thread may set."""
    return [
        StateItem("signals", _handlers, _handle),
        StateItem(
            "signals of other code",
            lambda: (_status("SigIgn"), _status("SigCgt")),
            by_import=True,
        ),
    ]


def _folder() -> Iterator[StateItem]:
    with suppress(OSError):
        there = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        yield StateItem("folder", lambda: _identity("."), lambda _was: os.fchdir(there))
        yield StateItem("descriptors", lambda: _identity(there))
    yield StateItem("root", lambda: _identity("/"))


def _identity(path: str | int) -> tuple[int, int]:
    found = os.stat(path)  # noqa: PTH116 — of a descriptor, too
    return found.st_dev, found.st_ino


def _status(name: str) -> str:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name}:"))


def _umask() -> int:
    return int(_status("Umask"), 8)


def _limits() -> dict[int, tuple[int, int]]:
    return {number: resource.getrlimit(number) for number in _LIMITS}


def _limit(was: dict[int, tuple[int, int]]) -> None:
    for number, limits in was.items():
        if resource.getrlimit(number) != limits:
            resource.setrlimit(number, limits)


def _timers() -> list[bool]:
    return [signal.getitimer(timer)[0] > 0 for timer in _TIMERS]


def _stop_timers(was: list[bool]) -> None:
    for timer, runs in zip(_TIMERS, was, strict=True):
        if not runs:
            signal.setitimer(timer, 0)


def _niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def _set_niceness(was: int) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, was)


def _handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def _handle(was: dict[int, Any]) -> None:
    for number, handler in was.items():
        if handler is not None and signal.getsignal(number) != handler:
            signal.signal(number, handler)


def _streams() -> Iterator[StateItem]:
    for number, name in enumerate(_NAMES):
        with suppress(OSError):
            yield StateItem(
                f"descriptor {number}",
                partial(_identity, number),
                partial(_connect, number, os.dup(number)),
            )
        stream = _Stream(name, number)
        yield StateItem(name, stream.is_as_it_was, stream.put_back)


def _connect(number: int, kept: int, _was: object) -> None:
    os.dup2(kept, number)


class _Stream:
    """One of Python's standard streams."""

    def __init__(self, name: str, number: int) -> None:
        self._name, self._number = name, number
        self._stream: IO[str] | None = getattr(sys, name)

    def is_as_it_was(self) -> bool:
        stream = getattr(sys, self._name)
        return stream is self._stream and not getattr(stream, "closed", False)

    def put_back(self, _was: object) -> None:
        if getattr(self._stream, "closed", False):
            # Its descriptor is open again.
            mode = "r" if self._number == 0 else "w"
            self._stream = os.fdopen(self._number, mode, errors="backslashreplace", closefd=False)
        setattr(sys, self._name, self._stream)
