"""The client of a request: detects that it has left, or disconnects it."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final, Protocol

_CLOSED: Final = frozenset({7, 8})  # TCP_CLOSE, TCP_CLOSE_WAIT of tcp_states.h
_SEND_BUFFER_BYTES: Final = 64 * 1024
_UNANSWERED_MS: Final = 45_000

ROUND_S: Final = 2.0
_LAST_ROUND_S: Final = 0.5
_AT_A_TIME: Final = 100
_BREATH_S: Final = 0.001


class Peer(Protocol):
    """A client, through its web server."""

    def gone(self) -> bool:
        """Return whether it has closed the connection, or its sending half; answers at once."""

    def hang_up(self) -> None:
        """Close the connection, so that a writer to it fails."""

    def bound(self) -> None:
        """Bound what is buffered for it, and how long it may leave data unacknowledged."""


class UnknownPeer:
    """A client whose state is unknown; it counts as connected."""

    def gone(self) -> bool:
        """Say no."""
        return False

    def hang_up(self) -> None:
        """Do nothing."""

    def bound(self) -> None:
        """Do nothing."""


class SocketPeer:
    """A client on a socket, as gunicorn hands it out.

    Where the system tells the state of a TCP connection, that is asked: it does not depend on
    what the client has sent ahead, and with TLS it is the same. Elsewhere a look at the first
    byte must do, which sees no end behind unread data.
    """

    def __init__(self, connection: Any) -> None:
        # What a socket of gevent does waits, or fails whoever waits; the one inside it does not.
        self._inside = getattr(connection, "_sock", connection)
        tcp = connection.family in (socket.AF_INET, socket.AF_INET6)
        self._tells_state = tcp and hasattr(socket, "TCP_INFO")

    def gone(self) -> bool:
        """Return whether it has closed; a closed sending half counts, and can be answered."""
        try:
            if self._tells_state:
                (state,) = self._inside.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
                return state in _CLOSED
            return bool(self._inside.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"")
        except (BlockingIOError, ValueError):  # nothing there, or TLS, which cannot be looked at
            return False
        except OSError:
            return True

    def hang_up(self) -> None:
        """Shut both directions down; a blocked write then fails as if the client had closed."""
        with suppress(OSError):
            # An error that waits there would be taken for one of ours.
            self._inside.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._inside.shutdown(socket.SHUT_RDWR)

    def bound(self) -> None:
        """Keep the kernel from buffering megabytes, and from trying a dead host for long."""
        with suppress(OSError):
            self._inside.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                option = socket.TCP_USER_TIMEOUT
                self._inside.setsockopt(socket.IPPROTO_TCP, option, _UNANSWERED_MS)


class WaitressPeer:
    """A client of the one-process server, which says only whether it is there."""

    def __init__(self, disconnected: Callable[[], bool]) -> None:
        self._disconnected = disconnected

    def gone(self) -> bool:
        """Return whether it has closed."""
        return self._disconnected()

    def hang_up(self) -> None:
        """Have the server's own thread close the connection, which lets a blocked writer go."""
        channel: Any = getattr(self._disconnected, "__self__", None)
        if channel is not None:
            channel.will_close = True
            channel.server.pull_trigger()

    def bound(self) -> None:
        """Do nothing: the server is told its bounds when it starts."""


def peer_of(environ: Mapping[str, Any]) -> Peer:
    """Find the client of a request, in its WSGI environment."""
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        return SocketPeer(connection)
    disconnected = environ.get("waitress.client_disconnected")
    return UnknownPeer() if disconnected is None else WaitressPeer(disconnected)


class TrackedConnection(Protocol):
    """A wait for a client, which may leave meanwhile."""

    def check(self, now: float) -> None:
        """Look whether the client is there, and stop waiting if not; must not block."""


class ConnectionTracker:
    """Checks all tracked connections of a process, each every two seconds.

    One thread does it for all, which begins with the first one and ends some time after the
    last, also while the process stops: one that is stuck would hold that up.
    """

    def __init__(self, closed: threading.Event) -> None:
        self._closed = closed
        self._pause = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[TrackedConnection] = set()
        self._runs = False

    @contextmanager
    def track(self, connection: TrackedConnection) -> Iterator[None]:
        """Track a connection during this context."""
        self._add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._connections.discard(connection)

    def _add(self, connection: TrackedConnection) -> None:
        with self._lock:
            self._connections.add(connection)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="connection-tracker", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._pause.wait(_LAST_ROUND_S if self._closed.is_set() else ROUND_S)
            with self._lock:
                connections = list(self._connections)
                if not connections:
                    self._runs = False
                    return
            for index, connection in enumerate(connections, 1):
                connection.check(time.monotonic())
                if index % _AT_A_TIME == 0:
                    self._pause.wait(_BREATH_S)
