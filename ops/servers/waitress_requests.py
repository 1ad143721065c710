"""Waitress's reading of requests, within bounds that all connections share."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from waitress.parser import HTTPRequestParser
from waitress.receiver import ChunkedReceiver
from waitress.utilities import BadRequest, Error, RequestEntityTooLarge

from callboard.ops.servers.slow_clients import SlowBodies

FREE_CHUNKS: Final = 4096
BYTES_PER_CHUNK: Final = 16
"""A body may have this many chunks, and one more for each so many bytes."""

MAX_SLOW_BODIES: Final = 100
"""How many may take their whole allowance of time; there are 500 connections."""

_MAX_CHUNK_LINE: Final = 1024
_MAX_TRAILER_BYTES: Final = 8192
_PATIENCES: Final = ((8, 30.0), (24, 1.0))
_MIN_PATIENCE_S: Final = 0.2
_WITH_FILES: Final = ("/v1/files", "/v1/operations/")


class Overfull(Error):
    """All connections together hold too many unanswered bodies."""

    code = 503
    reason = "Service Unavailable"


@dataclass
class Limits:
    """What all connections of one server may hold together.

    Attributes:
        body_bytes: the largest body that is not a file.
        held_bytes: the size of all such bodies that are not answered yet.
        held_file_bytes: the size of all bodies with files; these are on the disk.
        bodies: those that have begun to arrive and not ended.
    """

    body_bytes: int = 16 * 1024**2
    held_bytes: int = 64 * 1024**2
    held_file_bytes: int = 4 * 1024**3
    bodies: SlowBodies = field(default_factory=lambda: SlowBodies(MAX_SLOW_BODIES))
    _held: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})
    _blocked: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def patience_s(self) -> float:
        """How long a client may read nothing: the more threads wait for clients, the shorter."""
        for blocked, seconds in _PATIENCES:
            if self._blocked <= blocked:
                return seconds
        return _MIN_PATIENCE_S

    @contextmanager
    def blocked(self) -> Iterator[None]:
        """Count a thread as waiting for a client during this context."""
        with self._lock:
            self._blocked += 1
        try:
            yield
        finally:
            with self._lock:
                self._blocked -= 1

    def hold(self, size: int, *, files: bool) -> bool:
        """Add to the bytes held (or subtract), and return whether they are within bounds."""
        with self._lock:
            self._held[files] += size
            return self._held[files] <= (self.held_file_bytes if files else self.held_bytes)


class TooManyChunks(Exception):
    """A body has too many small chunks."""


class Chunks(ChunkedReceiver):
    """Reads a chunked body; each chunk costs as much as many bytes, so their number is bounded."""

    _remainder = 0
    _left: float = FREE_CHUNKS

    @property
    def chunk_remainder(self) -> int:
        """How much of the current chunk is still to come; it grows when a chunk begins."""
        return self._remainder

    @chunk_remainder.setter
    def chunk_remainder(self, size: int) -> None:
        if size > self._remainder:
            self._left += size / BYTES_PER_CHUNK - 1
            if self._left < 0:
                raise TooManyChunks
        self._remainder = size

    def received(self, s: bytes) -> int:
        """Take received bytes, and return how many of them belong to the body."""
        try:
            taken: int = super().received(s)
        except TooManyChunks:
            self.error = BadRequest("There are too many small chunks.")
            return len(s)
        if len(self.control_line) > _MAX_CHUNK_LINE or len(self.trailer) > _MAX_TRAILER_BYTES:
            self.error = BadRequest("A line between the chunks is too long.")
        return taken


class Parser(HTTPRequestParser):
    """Reads one request, within the bounds on all bodies."""

    def __init__(self, adj: Any, limits: Limits) -> None:
        super().__init__(adj)
        self._limits = limits
        self._held = 0

    @property
    def _files(self) -> bool:
        return str(getattr(self, "path", "")).startswith(_WITH_FILES)

    def parse_header(self, header_plus: bytes) -> None:
        """Read the headers."""
        super().parse_header(header_plus)
        if self.chunked:
            receiver: Any = self.body_rcv
            self.body_rcv = Chunks(receiver.getbuf())

    def received(self, data: bytes) -> int:
        """Take received bytes, and return how many of them belong to this request."""
        taken: int = super().received(data)
        if self.body_rcv is not None and self.error is None:
            self._bound()
        return taken

    def _bound(self) -> None:
        receiver: Any = self.body_rcv
        more = len(receiver) - self._held
        self._held += more
        within = self._limits.hold(more, files=self._files)
        largest = max(self.content_length, self._held)
        if not self._files and largest > self._limits.body_bytes:
            self.error = RequestEntityTooLarge(f"At most {self._limits.body_bytes} bytes are read.")
        elif not within:
            self.error = Overfull("")
        self.completed = self.completed or self.error is not None

    def close(self) -> None:
        """Drop the body; a repeat does nothing."""
        self._limits.hold(-self._held, files=self._files)
        self._held = 0
        super().close()
