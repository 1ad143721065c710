"""Watches a job for many streams, and reads it once for all of them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from callboard.api.waiting.events import Events
from callboard.jobs.errors import JobNotFound, StoreUnavailable
from callboard.jobs.log import LogLine, read_log
from callboard.jobs.read import StatusSnapshot, read
from callboard.jobs.record import Progress, Record
from callboard.jobs.store import Store

PAGE_LINES: Final = 50
_OLDEST_S: Final = 20.0
_RETRY_S: Final = 1.0
_UNTOLD: Final = Progress(percent=None, step=None, current=None, total=None)


@dataclass(frozen=True)
class Snapshot:
    """The latest state of a job that was read.

    Attributes:
        record: None once the job is gone.
        lines: the latest log lines, without a gap; at most a page.
        total: how many lines were ever logged.
        generation: the count of change notices before it was read.
        still: the record without version and progress; the same object while that is equal.
        read_at: when it was read, by the monotonic clock.
        written: encoded events, by name and id, for other streams.
    """

    record: Record | None
    lines: tuple[LogLine, ...] = ()
    total: int = 0
    generation: int = 0
    still: Record | None = None
    read_at: float = field(default_factory=time.monotonic)
    written: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def after(self, line: int) -> tuple[LogLine, ...]:
        """Return the lines after a number, if it has them."""
        if not self.lines or line < self.lines[0].number - 1:
            return ()
        return tuple(each for each in self.lines if each.number > line)


class Watch:
    """A job that streams watch; each change is read once, by the first stream."""

    def __init__(self, store: Store, job_id: str, tenant: str, inline_bytes: int) -> None:
        self._store = store
        self._job_id = job_id
        self._tenant = tenant
        self._inline_bytes = inline_bytes
        self._reading = threading.Lock()
        self._lock = threading.Lock()
        self._flags: set[threading.Event] = set()
        self._generation = 1
        self._snapshot = Snapshot(None)
        self._failed_at = float("-inf")

    def wants(self, snapshot: StatusSnapshot) -> bool:
        """Return whether a status snapshot shows a change that was not read yet."""
        record = self._snapshot.record
        return record is None or (record.status, record.version) != snapshot

    def notify(self) -> None:
        """Make every stream read again."""
        with self._lock:
            # In this order: a stream that sees the flag reads at least this generation.
            self._generation += 1
            flags = list(self._flags)
        for flag in flags:
            flag.set()

    def look(self) -> Snapshot:
        """Return the job's state, at least as new as the last notice.

        Raises:
            StoreUnavailable: Redis does not answer, or did not a moment ago.
        """
        wanted = self._generation
        with self._reading:
            known = self._snapshot
            now = time.monotonic()
            if known.generation >= wanted and now - known.read_at < _OLDEST_S:
                return known
            if now - self._failed_at < _RETRY_S:
                raise StoreUnavailable("Redis does not answer at the moment.")
            try:
                self._snapshot = self._read(known)
            except StoreUnavailable:
                self._failed_at = time.monotonic()
                raise
            return self._snapshot

    def page(self, line: int) -> tuple[LogLine, ...]:
        """Read the lines after a number, for a stream that is behind.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        return read_log(self._store, self._job_id, after=line, most=PAGE_LINES).lines

    def add(self, flag: threading.Event) -> None:
        """Register a stream's flag."""
        with self._lock:
            self._flags.add(flag)

    def remove(self, flag: threading.Event) -> bool:
        """Remove a stream's flag, and return whether it was the last."""
        with self._lock:
            self._flags.discard(flag)
            return not self._flags

    def _read(self, known: Snapshot) -> Snapshot:
        generation = self._generation
        try:
            record = read(
                self._store, self._job_id, tenant=self._tenant, inline_bytes=self._inline_bytes
            )
        except JobNotFound:
            return Snapshot(None, generation=generation)
        # After the record: nothing is logged once a job is final, so then the lines are complete.
        page = read_log(self._store, self._job_id, after=known.total, most=PAGE_LINES)
        if page.total < known.total:  # the job was lost and recovered, so its log restarted
            page = read_log(self._store, self._job_id, after=0, most=PAGE_LINES)
            known = Snapshot(None)
        lines = page.lines
        if known.lines and (not lines or lines[0].number == known.lines[-1].number + 1):
            lines = (*known.lines, *lines)[-PAGE_LINES:]
        still = replace(record, version=0, progress=_UNTOLD)
        still = known.still if known.still == still else still
        return Snapshot(record, lines, page.total, generation, still)


class Watches:
    """The jobs that streams of this process watch."""

    def __init__(self, store: Store, events: Events, *, inline_bytes: int) -> None:
        self._store = store
        self._events = events
        self._inline_bytes = inline_bytes
        self._lock = threading.Lock()
        self._watches: dict[str, Watch] = {}

    @contextmanager
    def watching(self, record: Record, flag: threading.Event) -> Iterator[Watch]:
        """Watch a job, and set a flag at each change."""
        with self._lock:
            watch = self._watches.get(record.id)
            if watch is None:
                watch = Watch(self._store, record.id, record.tenant, self._inline_bytes)
                self._watches[record.id] = watch
                self._events.listen(record.id, watch)
            watch.add(flag)
        try:
            yield watch
        finally:
            with self._lock:
                if watch.remove(flag):
                    del self._watches[record.id]
                    self._events.unlisten(record.id, watch)
