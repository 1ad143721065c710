"""What a running function sees of its job."""

import threading
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Final, Protocol, TypeVar

from jobs.encoding import readable
from jobs.errors import Cancelled, Interrupted, Interruption
from jobs.files.folder import RunFiles
from jobs.progress import Report

Item = TypeVar("Item")
LONGEST_LINE: Final = 4096
MOST_BUFFERED_LINES: Final = 1000
MOST_UNITS: Final = 2**63 - 1
"""What every format that a client may ask for can carry."""


class Reporter(Protocol):
    """Takes reports of a running job; must never block or raise."""

    def changed(self) -> None:
        """Note that there is something to collect."""


class Job:
    """The handle of one attempt; its methods return at once, from any thread.

    Attributes:
        id: the job's id.
        attempt: the number of this attempt, from 1.
        files: makes files that the function may return; they go with the attempt otherwise.
    """

    def __init__(self, job_id: str, attempt: int, reporter: Reporter | None = None) -> None:
        self.files = RunFiles()
        self.id: Final = job_id
        self.attempt: Final = attempt
        self._reporter = reporter
        self._lock = threading.Lock()
        self._stop: Interrupted | None = None
        self._percent: float | None = None
        self._current: int | None = None
        self._total: int | None = None
        self._step = ""
        self._lines: list[str] = []
        self._dropped = 0

    @property
    def cancelled(self) -> bool:
        """Whether the job is to stop: by a cancel, its time limit, or the worker's end."""
        return self._stop is not None

    def checkpoint(self) -> None:
        """Stop here, if the job is to stop.

        Raises:
            Interruption: it is; let it pass.
        """
        if self._stop is not None:
            raise Interruption(self._stop)

    def step(self, text: str) -> None:
        """Say what the function does now; a sentence for people."""
        with self._lock:
            self._step = readable(text[:LONGEST_LINE])
        self._report(f"— {text}")

    def progress(self, current: float, total: float | None = None) -> None:
        """Say how far the function is.

        Args:
            current: units done, or percent when there is no `total`.
            total: units in all; beyond `MOST_UNITS` both are shown as that.
        """
        with self._lock:
            if total is None:
                self._percent = _percent(current, 100)
            else:
                self._percent = _percent(current, total)
                self._current, self._total = _units(current), _units(total)
        self._report()

    def track(self, items: Iterable[Item], total: int | None = None) -> Iterator[Item]:
        """Pass items through, and report how many were done; stops when the job is to stop.

        Args:
            items: anything to loop over.
            total: how many there are, when `items` cannot tell.

        Raises:
            Interruption: the job is to stop.
        """
        if total is None:
            total = len(items) if isinstance(items, Sized) else None
        for done, item in enumerate(items):
            self.checkpoint()
            if total is not None:
                self.progress(done, total)
            yield item
        if total is not None:
            self.progress(total, total)

    def log(self, text: str) -> None:
        """Add a line to the job's log; very long lines and floods of them are cut."""
        self._report(text)

    def stop(self, cause: Interrupted | None = None) -> None:
        """Ask the function to stop; the first cause stays."""
        with self._lock:
            self._stop = self._stop or cause or Cancelled("The job was cancelled.")

    def absorb(self, report: Report) -> None:
        """Take over what the same attempt reported in another process."""
        with self._lock:
            self._percent = self._percent if report.percent is None else report.percent
            self._current = self._current if report.current is None else report.current
            self._total = self._total if report.total is None else report.total
            self._step = report.step or self._step
            room = max(0, MOST_BUFFERED_LINES - len(self._lines))
            self._lines += report.lines[:room]
            self._dropped += len(report.lines[room:])
        if self._reporter is not None:
            self._reporter.changed()

    def collect(self) -> Report | None:
        """Take what has changed since the last call; None when nothing has."""
        with self._lock:
            lines, self._lines = self._lines, []
            if self._dropped:
                lines.append(f"{time.time():.3f} ({self._dropped} lines dropped)")
            report = Report(
                percent=self._percent,
                current=self._current,
                total=self._total,
                step=self._step,
                lines=tuple(lines),
            )
            self._percent = self._current = self._total = None
            self._step, self._dropped = "", 0
        return None if report == Report() else report

    def _report(self, line: str | None = None) -> None:
        if line is not None:
            with self._lock:
                if len(self._lines) < MOST_BUFFERED_LINES:
                    self._lines.append(f"{time.time():.3f} {readable(line[:LONGEST_LINE])}")
                else:
                    self._dropped += 1
        if self._reporter is not None:
            self._reporter.changed()


def _percent(current: float, total: float) -> float:
    return round(float(min(100.0, max(0.0, 100.0 * (current / total)))), 1) if total > 0 else 0.0


def _units(count: float) -> int:
    return 0 if count != count else int(max(-MOST_UNITS, min(MOST_UNITS, count)))  # noqa: PLR0124 — NaN
