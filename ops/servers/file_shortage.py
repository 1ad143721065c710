"""Pauses accepting connections while the process may open no more files."""

import errno
import os
import time
from collections.abc import Callable
from typing import Any, Final

from callboard.telemetry.limited_warnings import LimitedWarnings
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

PAUSE_S: Final = 0.25
"""How long accepting pauses; connections wait in the backlog."""

SAY_EVERY_S: Final = 10.0

_SHORT_OF: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = get_logger(__name__)


class Shortage:
    """Recognizes errors of exhausted file descriptors, and logs one every 10 s.

    Args:
        clock: returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._warnings = LimitedWarnings(log, interval_s=SAY_EVERY_S, clock=clock)

    def is_meant_by(self, error: OSError) -> bool:
        """Return whether an error of accepting is such a shortage."""
        if error.errno not in _SHORT_OF:
            return False
        self._warnings.warn(LogEvent.ACCEPTING_PAUSED, "files", reason=os.strerror(error.errno))
        return True


def pause_when_short_of_files(server: Any) -> None:
    """Make a waitress server pause accepting when it may open no more files.

    Without this it would retry at once, and log each time.
    """
    shortage, accept, readable = Shortage(), server.accept, server.readable
    paused_until = 0.0

    def accept_or_pause() -> Any:
        nonlocal paused_until
        try:
            return accept()
        except OSError as error:
            if not shortage.is_meant_by(error):
                raise
            paused_until = time.monotonic() + PAUSE_S
            return None

    server.accept = accept_or_pause
    server.readable = lambda: time.monotonic() >= paused_until and readable()
