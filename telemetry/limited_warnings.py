"""Limits frequent warnings to one per interval for each subject."""

import time
from collections.abc import Callable

from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import EventLogger


class LimitedWarnings:
    """Logs a warning unless one about the same subject was logged within the interval.

    Args:
        log: the logger of the module that warns.
        interval_s: how long a subject stays silent, in seconds.
        clock: returns seconds.
    """

    def __init__(
        self,
        log: EventLogger,
        *,
        interval_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._interval_s = interval_s
        self._clock = clock
        self._silent_until: dict[str, float] = {}

    def warn(self, event: LogEvent, subject: str, **fields: object) -> None:
        """Log an event about a subject, unless it is still silent."""
        now = self._clock()
        if now >= self._silent_until.get(subject, 0.0):
            self._silent_until[subject] = now + self._interval_s
            self._log.warning(event, **fields)
