"""The handle that a running function has of its job."""

import threading
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Any, Final, Protocol, TypeVar

from callboard.jobs.encoding import cut
from callboard.jobs.errors import Cancelled, Interrupted, Interruption
from callboard.jobs.files.folder import RunFiles
from callboard.jobs.progress import ProgressReport
from callboard.jobs.progress_units import Scale, percent_of, units_of
from callboard.jobs.saved_state import decode_state, encode_state
from callboard.jobs.submission import DEFAULT_TENANT

Item = TypeVar("Item")
MAX_LINE_LENGTH: Final = 4096
MAX_BUFFERED_LINES: Final = 1000
NO_NUMBER: Final = "(progress that is not a number was ignored)"


class Reporter(Protocol):
    """Takes reports of a running job; must never block or raise."""

    def changed(self) -> None:
        """Record that there is something to collect."""


class Job:
    """The handle of one attempt; its methods return at once, from any thread.

    Reports never fail a job, whatever they are: `step`, `progress` and `log` use what they
    can, and ignore the rest. Only `save` refuses what it cannot keep.

    Attributes:
        id: the job's id.
        attempt: the number of this attempt, from 1.
        tenant: whose job it is.
        files: creates files that the function may return; others are removed with the attempt.
    """

    def __init__(
        self,
        job_id: str,
        attempt: int,
        reporter: Reporter | None = None,
        *,
        tenant: str = DEFAULT_TENANT,
    ) -> None:
        self.files = RunFiles()
        self.id: Final = job_id
        self.attempt: Final = attempt
        self.tenant: Final = tenant
        self._reporter = reporter
        self._lock = threading.Lock()
        self._stop: Interrupted | None = None
        self._percent: float | None = None
        self._current: int | None = None
        self._total: int | None = None
        self._step = ""
        self._lines: list[str] = []
        self._dropped = 0
        self._scale = Scale()
        self._saved: bytes | None = None
        self._unsaved: bytes | None = None

    @property
    def cancelled(self) -> bool:
        """Whether the job is to stop: by a cancel, its time limit, or the worker's end."""
        return self._stop is not None

    @property
    def saved(self) -> Any:
        """The state that this attempt or an earlier one saved last; None if there is none."""
        return decode_state(self._saved)

    def save(self, state: Any) -> None:
        """Keep a state for the next attempt, which finds it in `saved`.

        It is written within a second, and always before the job is retried or released to another
        worker. It replaces the previous state, and is deleted when the job ends.

        Args:
            state: JSON-like data or bytes, up to 1 MiB encoded as msgpack.

        Raises:
            TypeError: the state contains anything else.
            ValueError: the state is too large.
        """
        encoded = encode_state(state)
        with self._lock:
            self._saved = self._unsaved = encoded
        self._report()

    def checkpoint(self) -> None:
        """Raise `Interruption` if the job is to stop.

        Raises:
            Interruption: the job is to stop; do not catch it.
        """
        if self._stop is not None:
            raise Interruption(self._stop)

    def step(self, text: str) -> None:
        """Report what the function does now, in a sentence for people."""
        line = _line(text)
        with self._lock:
            self._step = line
        self._report(f"— {line}")

    def stage(self, name: str, weight: float | None = None) -> None:
        """Begin a stage of the work, and end the one before; the percentage never goes back.

        Args:
            name: a sentence for people, as `step` takes it.
            weight: its share of the whole job, in percent; by default the rest.
        """
        with self._lock:
            self._percent = self._scale.begin(weight)
        self.step(name)

    def progress(self, current: float, total: float | None = None) -> None:
        """Report how far the function is, or its stage, if it has begun one.

        Args:
            current: units done, or percent when there is no `total`.
            total: all units; values beyond `MAX_UNITS` are shown as that.
        """
        try:
            percent = percent_of(current, 100 if total is None else total)
            units = None if total is None else (units_of(current), units_of(total))
        except Interruption:
            raise
        except BaseException:  # noqa: BLE001 — it may be of any class
            self.log(NO_NUMBER)
            return
        with self._lock:
            self._percent = self._scale.shown(percent)
            if units is not None:
                self._current, self._total = units
        self._report()

    def track(self, items: Iterable[Item], total: int | None = None) -> Iterator[Item]:
        """Yield items, and report how many are done; stop when the job is to stop.

        Args:
            items: any iterable.
            total: their number, if `items` has no length.

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
        self._report(_line(text))

    def drop(self) -> bool:
        """Count a line as dropped if there is no room for it before the next report.

        Returns:
            Whether that is so.
        """
        with self._lock:
            is_full = len(self._lines) >= MAX_BUFFERED_LINES
            self._dropped += is_full
            return is_full

    @property
    def saved_bytes(self) -> bytes | None:
        """What `saved` gives, encoded."""
        return self._saved

    def begin_with(self, saved: bytes | None) -> None:
        """Take what earlier attempts have saved, encoded."""
        self._saved = saved

    def stop(self, cause: Interrupted | None = None) -> None:
        """Ask the function to stop; the first cause stays."""
        with self._lock:
            self._stop = self._stop or cause or Cancelled("The job was cancelled.")

    def absorb(self, report: ProgressReport) -> None:
        """Add what the same attempt reported in another process."""
        with self._lock:
            self._percent = self._percent if report.percent is None else report.percent
            self._current = self._current if report.current is None else report.current
            self._total = self._total if report.total is None else report.total
            self._step = report.step or self._step
            room = max(0, MAX_BUFFERED_LINES - len(self._lines))
            self._lines += report.lines[:room]
            self._dropped += len(report.lines[room:])
            if report.state is not None:
                self._saved = self._unsaved = report.state
        if self._reporter is not None:
            self._reporter.changed()

    def collect(self) -> ProgressReport | None:
        """Return what has changed since the last call; None if nothing has."""
        with self._lock:
            lines, self._lines = self._lines, []
            if self._dropped:
                lines.append(f"{time.time():.3f} ({self._dropped} lines dropped)")
            report = ProgressReport(
                percent=self._percent,
                current=self._current,
                total=self._total,
                step=self._step,
                lines=tuple(lines),
                state=self._unsaved,
            )
            self._percent = self._current = self._total = self._unsaved = None
            self._step, self._dropped = "", 0
        return None if report == ProgressReport() else report

    def _report(self, line: str | None = None) -> None:
        if line is not None:
            with self._lock:
                if len(self._lines) < MAX_BUFFERED_LINES:
                    self._lines.append(f"{time.time():.3f} {cut(line, MAX_LINE_LENGTH)}")
                else:
                    self._dropped += 1
        if self._reporter is not None:
            self._reporter.changed()


def _line(text: object) -> str:
    """Convert a reported value to text; its own methods may fail."""
    try:
        return cut(text if isinstance(text, str) else str(text), MAX_LINE_LENGTH)
    except Interruption:
        raise
    except BaseException:  # noqa: BLE001 — it may be of any class
        return "(this cannot be shown)"
