"""The subprocesses that a function in a thread waits for, or leaves when it stops."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.process import BaseProcess
from signal import SIGKILL, SIGTERM, Signals
from types import FrameType, TracebackType
from typing import Any, Final
from weakref import WeakKeyDictionary

from callboard.actors.interrupts.guard import causes_of
from callboard.actors.invocation.failures import traceback_of
from callboard.actors.processes.process_tree import ProcessTree
from callboard.actors.runs import Run, Runs

TOLD_SECONDS: Final = 0.5
"""How long a function that is told to stop has to end its subprocesses itself."""

KILL_SECONDS: Final = 2.0

Program = subprocess.Popen[Any] | BaseProcess


class Subprocesses:
    """Ends subprocesses that block a function which was told to stop, or that it has left.

    A thread that waits for a subprocess in C cannot be interrupted before that ends. Its own
    subprocesses are found in the variables of its functions, which do not contain processes of a
    pool that other jobs may use as well.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._asked: WeakKeyDictionary[Run, float] = WeakKeyDictionary()
        self._lock = threading.Lock()
        self._left: dict[int, tuple[Program, float]] = {}

    def look(self) -> None:
        """End subprocesses that block functions: by SIGTERM, and 1.5 s later by SIGKILL."""
        now = time.monotonic()
        for thread, run in self._runs.by_thread().items():
            since = run.resists_since()
            if since is None or now - since < TOLD_SECONDS:
                continue
            programs = list(_in_use(thread))
            if programs and run not in self._asked:
                self._asked[run] = now
                run.job.log("(the function did not stop; its subprocesses are killed)")
                _signal(programs, SIGTERM)
            elif programs and now - since >= KILL_SECONDS:
                _signal(programs, SIGKILL)
        self._kill_left(now)

    def end_left(self, error: BaseException) -> None:
        """Terminate what an interrupted function has left in its variables."""
        frames = [frame for each in causes_of(error) for frame in _frames_of(traceback_of(each))]
        programs = list(_running(frames))
        _signal(programs, SIGTERM)
        end = time.monotonic() + KILL_SECONDS
        with self._lock:
            self._left.update({id(each): (each, end) for each in programs})

    def _kill_left(self, now: float) -> None:
        with self._lock:
            due = [each for each, end in self._left.values() if now >= end or not _runs(each)]
            for each in due:
                del self._left[id(each)]
        _signal([each for each in due if _runs(each)], SIGKILL)


def _in_use(thread: threading.Thread) -> Iterator[Program]:
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 — documented
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    yield from _running(frames)


def _frames_of(trace: TracebackType | None) -> Iterator[FrameType]:
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _running(frames: Iterable[FrameType]) -> Iterator[Program]:
    seen: set[int] = set()
    for frame in frames:
        for value in list(frame.f_locals.values()):
            # Not `isinstance`, which asks the object: a function's variables may be any object.
            is_program = issubclass(type(value), subprocess.Popen | BaseProcess)
            if is_program and id(value) not in seen and _runs(value):
                seen.add(id(value))
                yield value


def _runs(program: Program) -> bool:
    # `poll` of the object would reap the subprocess while its function waits for it.
    if isinstance(program, subprocess.Popen):
        return program.returncode is None
    popen = getattr(program, "_popen", None)
    return popen is not None and getattr(popen, "returncode", None) is None


def _signal(programs: Iterable[Program], number: Signals) -> None:
    for each in programs:
        with suppress(OSError):
            ProcessTree(each.pid or 0).signal(number)
