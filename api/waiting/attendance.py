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


class Guest(Protocol):
    """Somebody who waits for a client that may leave meanwhile."""

    def check(self, now: float) -> None:
        """Look whether the client is there, and stop waiting if not; must not block."""


class Attendance:
    """Looks after all guests of a process, each every two seconds.

    One thread does it for all, which begins with the first guest and ends some time after the
    last, also while the process stops: a guest that is stuck would hold that up.
    """

    def __init__(self, closed: threading.Event) -> None:
        self._closed = closed
        self._pause = threading.Event()
        self._lock = threading.Lock()
        self._guests: set[Guest] = set()
        self._runs = False

    @contextmanager
    def of(self, guest: Guest) -> Iterator[None]:
        """Look after somebody for a while."""
        self._add(guest)
        try:
            yield
        finally:
            with self._lock:
                self._guests.discard(guest)

    def _add(self, guest: Guest) -> None:
        with self._lock:
            self._guests.add(guest)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="attendance", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._pause.wait(_LAST_ROUND_S if self._closed.is_set() else ROUND_S)
            with self._lock:
                guests = list(self._guests)
                if not guests:
                    self._runs = False
                    return
            for index, guest in enumerate(guests, 1):
                guest.check(time.monotonic())
                if index % _AT_A_TIME == 0:
                    self._pause.wait(_BREATH_S)
