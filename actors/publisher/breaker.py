"""The circuit breaker: what callers know of the connection without asking its thread."""

import time
from datetime import timedelta
from enum import StrEnum, unique
from typing import Final

from callboard.jobs.backoff import Backoff

OVERDUE: Final = 0.75
PROBE_EVERY_S: Final = 5.0
BACKOFF: Final = Backoff(timedelta(seconds=0.1), timedelta(seconds=2))
LOSSES_TO_OPEN: Final = 2
STEADY_S: Final = 5.0


@unique
class ConnectionState(StrEnum):
    """What the publisher's connection is doing."""

    CONNECTING = "connecting"
    OPEN = "open"
    BLOCKED = "blocked"
    AWAY = "away"
    CLOSED = "closed"


class Breaker:
    """Refuses for an unavailable broker, so that requests do not each wait for it.

    Only the publisher's thread changes the state; any thread may call `refuses`.

    Args:
        patience_s: how long a caller waits; after most of it without answers, refuse new ones.
    """

    def __init__(self, patience_s: float) -> None:
        self.state = ConnectionState.CONNECTING
        self._since = time.monotonic()
        self._overdue_s = patience_s * OVERDUE
        self._losses = 0
        self._heard_at = 0.0
        self._probed_at = 0.0

    @property
    def unused(self) -> bool:
        """Return whether the connection is unusable: away, blocked or closed."""
        return self.state in {ConnectionState.AWAY, ConnectionState.BLOCKED, ConnectionState.CLOSED}

    def refuses(self, oldest_sent_at: float | None) -> bool:
        """Return whether a message would wait in vain.

        While confirms are overdue, a caller is admitted now and then, as a test.
        """
        if self.unused:
            return True
        now = time.monotonic()
        if self.state is ConnectionState.CONNECTING:
            return now - self._since > self._overdue_s
        if oldest_sent_at is None:
            return False
        heard_at = max(oldest_sent_at, self._heard_at)
        if now - heard_at <= self._overdue_s:
            return False
        if now - max(heard_at, self._probed_at) < PROBE_EVERY_S:
            return True
        self._probed_at = now
        return False

    def enter(self, state: ConnectionState) -> None:
        """Move to a state."""
        self.state = state
        self._since = time.monotonic()
        if state is ConnectionState.OPEN:
            self._heard_at = self._since

    def hear(self) -> None:
        """Record an answer of the broker."""
        self._heard_at = time.monotonic()
        self._losses = 0

    def lose(self) -> float:
        """Record a failed or lost connection, and return the seconds until the next try.

        After the first loss of a steady connection, callers wait; the next loss is an
        outage.
        """
        if self.state is ConnectionState.OPEN and time.monotonic() - self._since > STEADY_S:
            self._losses = 0
        self._losses += 1
        lost = (
            self.state in {ConnectionState.OPEN, ConnectionState.BLOCKED}
            and self._losses < LOSSES_TO_OPEN
        )
        self.enter(ConnectionState.CONNECTING if lost else ConnectionState.AWAY)
        return 0.0 if lost else BACKOFF.seconds(self._losses)
