"""Copies what a function prints and logs to the log of its job, for `capture_logs`."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final

from callboard.jobs.job import MAX_LINE_LENGTH, Job
from callboard.telemetry.redaction import without_passwords

_STREAMS: Final = ("stdout", "stderr")


class _Captured:
    """The incomplete line that one run has printed."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._lock = threading.Lock()
        self._begun = ""

    def print(self, text: str) -> None:
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            if len(self._begun) > MAX_LINE_LENGTH:
                lines, self._begun = [*lines, self._begun], ""
        for line in lines:
            self.log(line)

    def flush(self) -> None:
        with self._lock:
            line, self._begun = self._begun, ""
        if line:
            self.log(line)

    def log(self, line: str) -> None:
        # Redaction is the slowest step, so lines that are dropped in a flood skip it.
        if not self._job.drop():
            self._job.log(str(without_passwords(line[:MAX_LINE_LENGTH])))


_CAPTURED: Final[ContextVar[_Captured | None]] = ContextVar("captured", default=None)


@contextmanager
def captured(job: Job) -> Iterator[None]:
    """Also copy what this context prints and logs to the log of a job.

    Tasks and `asyncio.to_thread` have the context of the function; threads that it starts itself
    do not.
    """
    run = _Captured(job)
    token = _CAPTURED.set(run)
    _capture.begin()
    try:
        yield
    finally:
        _capture.end()
        _CAPTURED.reset(token)
        run.flush()


class _Stream:
    """A standard stream that copies what a run writes to its job's log."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> Any:
        run = _CAPTURED.get()
        if run is not None and isinstance(text, str):
            run.print(text)
        return None if self._stream is None else self._stream.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._stream is not None:
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Handler(logging.Handler):
    """Copies what a run logs to its job's log."""

    def emit(self, record: logging.LogRecord) -> None:
        run = _CAPTURED.get()
        if run is not None:
            with suppress(Exception):  # a record may hold any object
                for line in f"{record.levelname} {record.getMessage()}".split("\n"):
                    run.log(line)


class _Capture:
    """Replaces the standard streams of the process while any run is captured."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs = 0
        self._handler: Final = _Handler()
        self._streams: dict[str, tuple[Any, _Stream]] = {}

    def begin(self) -> None:
        with self._lock:
            self._runs += 1
            if self._runs == 1:
                for name in _STREAMS:
                    before = getattr(sys, name)
                    self._streams[name] = before, _Stream(before)
                    setattr(sys, name, self._streams[name][1])
            # A function may have removed the handlers.
            logging.getLogger().addHandler(self._handler)

    def end(self) -> None:
        with self._lock:
            self._runs -= 1
            if self._runs:
                return
            logging.getLogger().removeHandler(self._handler)
            for name, (before, ours) in self._streams.items():
                if getattr(sys, name) is ours:
                    setattr(sys, name, before)
            self._streams.clear()


_capture: Final = _Capture()
