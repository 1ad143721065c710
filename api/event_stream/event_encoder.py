"""Encodes the events of one stream, from what its client has seen and the job's current state."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from callboard.api.conditional import state_tag
from callboard.api.event_stream import sse
from callboard.api.event_stream.position import Position
from callboard.api.event_stream.watch import Snapshot
from callboard.api.jobs.log import log_line
from callboard.api.jobs.render import JobObject, progress_object
from callboard.jobs.log import LogLine
from callboard.jobs.record import Record

REPORTS_EVERY_S: Final = 0.5
_MAX_WRITTEN: Final = 100

Page = Callable[[int], Sequence[LogLine]]


@dataclass(frozen=True, kw_only=True)
class EventRenderer:
    """Renders jobs for one client.

    Attributes:
        job: renders the job object.
        gone: the event's data when the job is gone.
    """

    job: Callable[[Record], JobObject]
    gone: dict[str, Any]


class EventEncoder:
    """Encodes snapshots of a job as events, each change once.

    Changes of status and log lines are sent at once; of progress, at most two events a second,
    the newest. The end of the job is sent last, after all lines.

    Args:
        position: the events that the client has seen.
        renderer: renders jobs for the client.
    """

    def __init__(self, position: Position, renderer: EventRenderer) -> None:
        self._tag = position.tag
        self._line = position.line
        self._renderer = renderer
        self._shown: Record | None = None
        self._still: Record | None = None
        self._reported_at = float("-inf")
        self.ended = False
        self.due: float | None = None
        """When to encode again, by the monotonic clock: progress is held back until then."""

    def encode(self, snapshot: Snapshot, page: Page) -> Iterator[bytes]:
        """Yield the events between what the client has seen and a snapshot.

        Args:
            snapshot: the job's current state.
            page: reads the log lines after a number, for a client that is far behind.

        Raises:
            StoreUnavailable: lines cannot be read; events yielded before are not repeated.
        """
        self.due = None
        record = snapshot.record
        if record is None:
            self.ended = True
            yield sse.event("gone", self._renderer.gone)
        elif record.final:
            yield from self._lines(snapshot, page)
            self.ended = True
            yield self._job("done", record)
        else:
            yield from self._state(record, snapshot)
            yield from self._lines(snapshot, page)

    def _state(self, record: Record, snapshot: Snapshot) -> Iterator[bytes]:
        shown = self._shown
        if shown is None and self._tag == state_tag(record):
            self._shown = record
        elif shown is None or self._still is not snapshot.still:
            self._reported_at = float("-inf")
            self._shown = record
            yield self._job("status", record)
        elif shown.progress == record.progress:
            self._tag = state_tag(record)
        elif (due := self._reported_at + REPORTS_EVERY_S) > time.monotonic():
            self.due = due
        else:
            self._reported_at = time.monotonic()
            self._shown, self._tag = record, state_tag(record)
            yield self._shared(
                "progress", snapshot, lambda: progress_object(record, datetime.now(UTC))
            )
        self._still = snapshot.still

    def _lines(self, snapshot: Snapshot, page: Page) -> Iterator[bytes]:
        if self._line > snapshot.total:  # the job was lost and recovered, so its log restarted
            self._line = 0
        while self._line < snapshot.total:
            lines = snapshot.after(self._line) or page(self._line)
            if not lines:
                return
            for line in lines:
                self._line = line.number
                yield self._shared("log", snapshot, partial(log_line, line))

    def _job(self, name: str, record: Record) -> bytes:
        self._tag = state_tag(record)
        return sse.event(name, self._renderer.job(record), id=self._id())

    def _shared(
        self, name: str, snapshot: Snapshot, data: Callable[[], Mapping[str, Any]]
    ) -> bytes:
        """Encode an event that is the same for every client, or return the cached bytes."""
        key = (name, self._id())
        written = snapshot.written.get(key)
        if written is None:
            written = sse.event(name, data(), id=key[1])
            if len(snapshot.written) < _MAX_WRITTEN:
                snapshot.written[key] = written
        return written

    def _id(self) -> str:
        return str(Position(self._tag, self._line))
