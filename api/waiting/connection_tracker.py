"""Notice clients that have left, in the middle of what they wait for."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

ROUND_S: Final = 2.0
_LAST_ROUND_S: Final = 0.5
_AT_A_TIME: Final = 100
_BREATH_S: Final = 0.001


class TrackedConnection(Protocol):
    """Somebody who waits for a client that may leave meanwhile."""

    def check(self, now: float) -> None:
        """Look whether the client is there, and stop waiting if not; must not block."""


class ConnectionTracker:
    """Looks after all tracked connections of a process, each every two seconds.

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
        """Look after somebody for a while."""
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
