"""The time as Redis has it, for what is said to others."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.store import Store
from callboard.jobs.submission import moment

ASKED_EVERY_S: Final = 10.0


class Clock:
    """Tells the time of Redis without a round trip for each look.

    Between two looks at Redis it goes on by itself. While Redis is away and was never asked, the
    clock of this machine must do.

    Args:
        elapsed: seconds that never go back.
    """

    def __init__(self, store: Store, *, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._began_ms: float | None = None

    def now(self) -> datetime:
        """Give the time; never waits for longer than Redis takes to answer."""
        with self._lock:
            now = self._elapsed()
            outdated = self._asked_at is None or now - self._asked_at >= ASKED_EVERY_S
            if outdated:  # the others go on with what was known until this one has asked
                self._asked_at = now
        if outdated:
            self._ask()
        if self._began_ms is None:
            return datetime.now(UTC)
        return moment(self._began_ms + self._elapsed() * 1000)

    def _ask(self) -> None:
        try:
            now_ms = self._store.now_ms()
        except StoreUnavailable:
            return
        self._began_ms = now_ms - self._elapsed() * 1000
