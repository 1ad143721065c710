"""A receiver of callbacks with scripted behaviour: one request per connection."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

from tests.eventually import eventually

PATIENCE_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Received:
    """One received request, with header names in lower case."""

    line: str
    headers: Mapping[str, str]
    body: bytes
    server_name: str | None


@dataclass(frozen=True)
class Connection:
    """The connection, as a behaviour controls it."""

    socket: socket.socket
    closing: threading.Event

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def drip(self, data: bytes, every: float) -> None:
        for index in range(len(data)):
            if self.closing.wait(every):
                return
            self.say(data[index : index + 1])

    def hang(self) -> None:
        self.closing.wait(PATIENCE_SECONDS)


Behaviour = Callable[[Connection], None]


def answering(status: int = 204, *headers: str, body: bytes = b"") -> Behaviour:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda connection: connection.say("\r\n".join(lines).encode() + body)


def hanging(connection: Connection) -> None:
    connection.hang()


class Receiver:
    """Listens on the loopback address, and stores every request.

    Args:
        behaviours: one for each connection; the last one for all later ones.
        tls: the TLS context, if any.
    """

    def __init__(self, *behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self._behaviours = list(behaviours) or [answering()]
        self._tls = tls
        self._names: dict[int, str | None] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: Final[int] = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self.received: list[Received] = []
        self.closing = threading.Event()
        self.connections = 0
        self.busy = 0
        if tls is not None:
            tls.sni_callback = self._note_name

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=hush"

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def await_requests(self, count: int, timeout: float = 10.0) -> list[Received]:
        """Wait until a number of requests have arrived."""
        eventually(
            lambda: len(self.received) >= count, what=f"{count} requests come", timeout=timeout
        )
        return list(self.received)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._begin(lambda connection=connection: self._serve(connection))

    def _serve(self, plain: socket.socket) -> None:
        plain.settimeout(PATIENCE_SECONDS)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(plain)
            connection = plain
            if self._tls is not None:
                connection = self._tls.wrap_socket(plain, server_side=True)
                stack.enter_context(connection)
            self.received.append(self._read(connection))
            behaviours = self._behaviours
            behave = behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]
            self.busy += 1
            try:
                behave(Connection(connection, self.closing))
            finally:
                self.busy -= 1

    def _read(self, connection: socket.socket) -> Received:
        data = b""
        while b"\r\n\r\n" not in data:
            data += _piece(connection)
        head, _, body = data.partition(b"\r\n\r\n")
        line, *rows = head.decode("latin-1").split("\r\n")
        pairs = (row.partition(":") for row in rows)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        while len(body) < int(headers.get("content-length", "0")):
            body += _piece(connection)
        return Received(line, headers, body, self._names.get(id(connection)))

    def _note_name(
        self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> None:
        self._names[id(connection)] = name

    def _begin(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port without a listener."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def _piece(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        raise ConnectionResetError
    return data
