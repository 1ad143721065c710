"""Whole messages between a worker and a child, over a socket that may break at any byte."""

import select
import socket
import struct
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import msgpack

_HEADER: Final = struct.Struct("!Q")
_PIECE_BYTES: Final = 1 << 18
_MAX_BYTES: Final = 1 << 40


class Closed(Exception):
    """The other end is closed, or does not read."""


class MessageChannel:
    """One end of the channel: any thread may send, one receives.

    A partial message of a sender that died is never taken for a whole one.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._sending = threading.Lock()
        self._read = bytearray()

    def fileno(self) -> int:
        """Return the descriptor, to wait for."""
        return self._end.fileno()

    def close(self) -> None:
        """Close the connection."""
        self._end.close()

    def send(self, message: Mapping[str, Any], *, timeout: float | None = None) -> None:
        """Send a message of JSON-like values and bytes.

        Args:
            message: a mapping with a `kind`.
            timeout: seconds in which the other end must read it; None waits for ever.

        Raises:
            Closed: the other end did not.
        """
        packed = msgpack.packb(message, use_bin_type=True)
        end = None if timeout is None else time.monotonic() + timeout
        with self._sending:
            self._send_all(_HEADER.pack(len(packed)), end)
            self._send_all(packed, end)

    def receive(self, timeout: float | None) -> dict[str, Any] | None:
        """Wait for a message.

        Args:
            timeout: seconds; None waits for ever, and 0 takes only what has arrived.

        Returns:
            None if no whole message has arrived by then.

        Raises:
            Closed: no message will arrive.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while (message := self._taken()) is None:
            if not self._ready(select.POLLIN, end):
                return None
            try:
                piece = self._end.recv(_PIECE_BYTES)
            except OSError as error:
                raise Closed from error
            if not piece:
                raise Closed
            self._read += piece
        return message

    def _taken(self) -> dict[str, Any] | None:
        if len(self._read) < _HEADER.size:
            return None
        (size,) = _HEADER.unpack_from(self._read)
        if size > _MAX_BYTES:
            raise Closed  # another process has written to it
        whole = _HEADER.size + size
        if len(self._read) < whole:
            return None
        with memoryview(self._read) as view:
            message: dict[str, Any] = msgpack.unpackb(view[_HEADER.size : whole], raw=False)
        del self._read[:whole]
        return message

    def _send_all(self, content: bytes, end: float | None) -> None:
        view = memoryview(content)
        while view:
            try:
                view = view[self._end.send(view, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                if not self._ready(select.POLLOUT, end):
                    raise Closed from None
            except OSError as error:
                raise Closed from error

    def _ready(self, event: int, end: float | None) -> bool:
        waiting = select.poll()
        try:
            waiting.register(self._end, event)
        except ValueError as error:  # it was closed at this end
            raise Closed from error
        rest = None if end is None else max(0.0, end - time.monotonic()) * 1000
        return bool(waiting.poll(rest))
