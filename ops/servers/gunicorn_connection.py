"""A client's connection to gunicorn, with bounds on the turns, time and memory that it takes."""

import errno
import socket
import time
from contextlib import suppress
from typing import Any, Final

import gevent
from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import InvalidChunkSize, LimitRequestHeaders

from callboard.ops.servers.slow_clients import UNSENT_BYTES, Allowance, SlowBodies
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

LINGER_S: Final = 5.0
"""How long a client may continue to send a refused body before it is disconnected."""

MAX_HEADER_BYTES: Final = 64 * 1024
"""The size of all headers of a request together."""

FREE_CHUNKS: Final = 4096
BYTES_PER_CHUNK: Final = 16
"""A body may have this many chunks, and one more for each so many bytes."""

_MAX_CHUNK_LINE: Final = 1024
_MAX_TRAILER_BYTES: Final = 8192
_CHUNKS_PER_TURN: Final = 256
_READS_PER_TURN: Final = 8
_SEND_BYTES: Final = 64 * 1024
_LINGER_BYTES: Final = 128 * 1024**2
_LINGER_PIECE_BYTES: Final = 256 * 1024
_LINGER_PAUSE_S: Final = 0.002
_MAX_LINGERING: Final = 32
_MIN_WAIT_S: Final = 0.001
_RESET: Final = (
    b"\x01\x00\x00\x00\x00\x00\x00\x00"  # SO_LINGER with no time: closing drops what waits
)

log = get_logger(__name__)


class Connection:
    """A gevent socket, as gunicorn reads and writes it.

    gevent's socket does not yield to other requests while it can proceed at once; this one does,
    now and then. Headers are bounded in bytes here, in time in gunicorn. A body must arrive, and
    a response must be read, at a minimum rate: see `Allowance`.

    Attributes:
        unfinished: whether a request was not read to its end, so that its client may still send.
    """

    _lingering = 0

    def __init__(
        self,
        client: Any,
        receiving: Allowance | None = None,
        sending: Allowance | None = None,
        bodies: SlowBodies | None = None,
    ) -> None:
        self._client = client
        self._bodies: Final = bodies or SlowBodies(1)
        self._receiving: Final = receiving or Allowance()
        self._sending: Final = sending or Allowance()
        self._in_body = False
        self._header_bytes = 0
        self._reads = 0
        self.unfinished = False
        self._bound_unsent()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def begin_body(self) -> None:
        """Count what arrives from now on as the body of a request."""
        self._in_body = True
        self._receiving.refill()
        self._sending.refill()

    def end_body(self) -> None:
        """Count what arrives from now on as the headers of the next request."""
        self._in_body = False
        self._header_bytes = 0

    def recv(self, size: int) -> bytes:
        """Wait for bytes.

        Raises:
            TimeoutError: the body arrives too slowly.
            LimitRequestHeaders: there are too many headers.
        """
        self._reads += 1
        if self._reads % _READS_PER_TURN == 0:
            gevent.sleep(0)
        if not self._in_body:
            received: bytes = self._client.recv(size)
            self._header_bytes += len(received)
            if self._header_bytes > MAX_HEADER_BYTES:
                raise LimitRequestHeaders("limit request headers fields size")
            return received
        return self._receive(size)

    def _receive(self, size: int) -> bytes:
        before, began = self._client.gettimeout(), time.monotonic()
        received = b""
        try:
            with self._bodies.wait():
                left_s = self._receiving.left_within(self._bodies.patience_s)
                self._client.settimeout(max(_MIN_WAIT_S, left_s))
                received = bytes(self._client.recv(size))
        finally:
            self._client.settimeout(before)
            self._receiving.count(waited_s=time.monotonic() - began, moved=len(received))
        return received

    def sendall(self, data: bytes) -> None:
        """Send all bytes, as fast as the client reads them.

        Raises:
            ConnectionResetError: the client reads too slowly and is disconnected.
        """
        before = self._client.gettimeout()
        view = memoryview(data)
        try:
            while view:
                view = view[self._send(view[:_SEND_BYTES]) :]
        finally:
            self._client.settimeout(before)

    def _send(self, piece: memoryview) -> int:
        began, sent = time.monotonic(), 0
        self._client.settimeout(max(_MIN_WAIT_S, self._sending.left_s))
        try:
            sent = int(self._client.send(piece))
        except TimeoutError as error:
            log.info(LogEvent.SLOW_READER_DISCONNECTED)
            with suppress(OSError):
                self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            raise ConnectionResetError(errno.ECONNRESET, "the client takes nothing") from error
        finally:
            self._sending.count(waited_s=time.monotonic() - began, moved=sent)
        return sent

    def close(self) -> None:
        """Close the connection, but first let a client that still sends read its response."""
        if self.unfinished and Connection._lingering < _MAX_LINGERING:
            Connection._lingering += 1
            try:
                with suppress(OSError), gevent.Timeout(LINGER_S, exception=False):
                    self._linger()
            finally:
                Connection._lingering -= 1
        self._client.close()

    def _linger(self) -> None:
        """Drop what arrives, at little cost even for a body in tiny pieces.

        A client that still sends when its connection is closed never sees the response.
        """
        self._client.shutdown(socket.SHUT_WR)
        self._client.settimeout(LINGER_S)
        left = _LINGER_BYTES
        while left > 0 and (piece := self._client.recv(_LINGER_PIECE_BYTES)):
            left -= len(piece)
            gevent.sleep(_LINGER_PAUSE_S)

    def _bound_unsent(self) -> None:
        """Keep the kernel from buffering megabytes for a client that reads nothing."""
        option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
        if option is not None:
            with suppress(OSError):  # no TCP
                self._client.setsockopt(socket.IPPROTO_TCP, option, UNSENT_BYTES)


class Chunks(ChunkedReader):  # type: ignore[misc]  # no types
    """Reads a chunked body; each chunk costs as much as many bytes, so their number is bounded."""

    def __init__(self, req: Any, unreader: Any) -> None:
        super().__init__(req, unreader)
        self.limit_chunk_size_line = _MAX_CHUNK_LINE
        self.limit_trailer_section = _MAX_TRAILER_BYTES
        self._chunks = 0
        self._most: float = FREE_CHUNKS

    def parse_chunk_size(self, unreader: Any, data: Any = None) -> Any:
        """Read the line before a chunk.

        Raises:
            InvalidChunkSize: the line is malformed, or there are too many small chunks.
        """
        self._chunks += 1
        if self._chunks > self._most:
            raise InvalidChunkSize(b"too many small ones")
        if self._chunks % _CHUNKS_PER_TURN == 0:
            gevent.sleep(0)
        found = super().parse_chunk_size(unreader, data)
        self._most += found[0] / BYTES_PER_CHUNK
        return found

    def allow(self, chunks: int) -> None:
        """Allow more chunks."""
        self._most = min(self._most, self._chunks + chunks)
