"""Connections to addresses that were checked, with one deadline and a bound on what is read."""

import socket
import ssl
from collections.abc import Iterable, Sequence
from typing import Any, Final

import httpcore

from callboard.actors.webhooks.deadline import Deadline, DeadlineExceeded

MAX_ADDRESSES: Final = 4
MAX_BYTES: Final = 128 * 1024
"""Of an answer with its headers; beyond it the other side is not worth more."""

_PIECE: Final = 4096


class ResponseTooLarge(Exception):
    """The other side sends more than an answer has."""


class PinnedBackend(httpcore.NetworkBackend):
    """Connects to given addresses, whatever host it is asked for: no name is looked up again.

    Args:
        addresses: tried one after the other.
        deadline: for everything.
    """

    def __init__(self, addresses: Sequence[str], deadline: Deadline) -> None:
        self._addresses = addresses[:MAX_ADDRESSES]
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 — that is the point
        port: int,
        timeout: float | None = None,  # noqa: ARG002 — the deadline counts
        local_address: str | None = None,  # noqa: ARG002 — as above
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 — as above
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers.

        Raises:
            httpcore.ConnectError: none does.
            DeadlineExceeded: there was no time for that.
        """
        failure: OSError = ConnectionRefusedError()
        for tried, address in enumerate(self._addresses):
            share = self._deadline.left() / (len(self._addresses) - tried)
            try:
                connection = socket.create_connection((address, port), timeout=share)
            except OSError as error:
                failure = error
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return PinnedStream(connection, self._deadline)
        if isinstance(failure, TimeoutError):
            raise DeadlineExceeded from failure
        raise httpcore.ConnectError from failure


class PinnedStream(httpcore.NetworkStream):
    """One connection; each call takes what is left of the deadline at most."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self._read = 0
        self.deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Read what is there, or wait for it.

        Raises:
            httpcore.ReadError: the connection broke.
            DeadlineExceeded: nothing came in time.
            ResponseTooLarge: more came than an answer has.
        """
        self._connection.settimeout(self.deadline.left())
        try:
            data = self._connection.recv(min(max_bytes, _PIECE))
        except TimeoutError as error:
            raise DeadlineExceeded from error
        except OSError as error:
            raise httpcore.ReadError from error
        self._read += len(data)
        if self._read > MAX_BYTES:
            raise ResponseTooLarge
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write everything.

        Raises:
            httpcore.WriteError: the connection broke; there may be an answer all the same.
            DeadlineExceeded: not everything went in time.
        """
        rest = memoryview(buffer)
        while rest:
            self._connection.settimeout(self.deadline.left())
            try:
                rest = rest[self._connection.send(rest) :]
            except TimeoutError as error:
                raise DeadlineExceeded from error
            except OSError as error:
                raise httpcore.WriteError from error

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Speak TLS with whoever proves to have the name.

        Raises:
            httpcore.ConnectError: the other side does not prove it, or breaks off.
            DeadlineExceeded: it takes too long.
        """
        try:
            self._connection.settimeout(self.deadline.left())
            secured = ssl_context.wrap_socket(self._connection, server_hostname=server_hostname)
        except DeadlineExceeded:
            self.close()
            raise
        except TimeoutError as error:
            raise DeadlineExceeded from error
        except OSError as error:
            raise httpcore.ConnectError from error
        return PinnedStream(secured, self.deadline)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def get_extra_info(self, info: str) -> Any:
        """Tell httpcore which protocol was agreed on."""
        return self._connection if info == "ssl_object" and self._secured else None

    @property
    def _secured(self) -> bool:
        return isinstance(self._connection, ssl.SSLSocket)
