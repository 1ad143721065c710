"""The time as Redis has it: read without a round trip for each look, and converted."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from callboard.jobs.errors import StoreUnavailable

ASKED_EVERY_S: Final = 10.0


class Clock:
    """Tells the time of Redis without a round trip for each look.

    Between two reads of Redis it runs by itself. Until Redis was read once, it uses the clock of
    this machine.

    Args:
        now_ms: asks Redis, in milliseconds since 1970, as `Store.now_ms` does.
        elapsed: seconds that never go back.
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
        """Return the time; never waits for longer than Redis takes to answer."""
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
            now_ms = self._now_ms()
        except StoreUnavailable:
            return
        self._began_ms = now_ms - self._elapsed() * 1000


def moment(milliseconds: float | str) -> datetime:
    """Turn milliseconds since 1970 into an aware datetime."""
    return datetime.fromtimestamp(float(milliseconds) / 1000, UTC)


def milliseconds(duration: timedelta) -> int:
    """Turn a duration into whole milliseconds."""
    return duration // timedelta(milliseconds=1)
