"""The clock of Redis, read without a round trip each time, and conversions."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from callboard.jobs.errors import StoreUnavailable

ASKED_EVERY_S: Final = 10.0


class Clock:
    """Returns the time of Redis without a round trip each time.

    Between two reads of Redis it runs by itself. Until Redis was read once, it uses the clock of
    this machine.

    Args:
        now_ms: reads the clock of Redis, in milliseconds since 1970, like `Store.now_ms`.
        elapsed: returns monotonic seconds.
    """

    def __init__(
        self, now_ms: Callable[[], int], *, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._now_ms = now_ms
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._began_ms: float | None = None

    def now(self) -> datetime:
        """Return the time; wait at most as long as Redis takes to answer."""
        with self._lock:
            now = self._elapsed()
            outdated = self._asked_at is None or now - self._asked_at >= ASKED_EVERY_S
            if outdated:  # other callers use the last value until this one has asked
                self._asked_at = now
        if outdated:
            self._ask()
        if self._began_ms is None:
            return datetime.now(UTC)
        return moment(self._began_ms + self._elapsed() * 1000)

    def _ask(self) -> None:
        try:
            now_ms = self._now_ms()
        except StoreUnavailable:
            return
        self._began_ms = now_ms - self._elapsed() * 1000


def moment(milliseconds: float | str) -> datetime:
    """Convert milliseconds since 1970 to an aware datetime."""
    return datetime.fromtimestamp(float(milliseconds) / 1000, UTC)


def milliseconds(duration: timedelta) -> int:
    """Convert a duration to whole milliseconds."""
    return duration // timedelta(milliseconds=1)
