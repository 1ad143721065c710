"""The lines that our own modules log, kept for a test."""

from collections.abc import Iterator
from contextlib import contextmanager

from structlog.testing import LogCapture
from structlog.typing import EventDict

from callboard.config.lines import PROCESSORS


@contextmanager
def capture_logs() -> Iterator[list[EventDict]]:
    """Keep what is logged instead of writing it."""
    capture = LogCapture()
    before = PROCESSORS[:]
    PROCESSORS[:] = [capture]
    try:
        yield capture.entries
    finally:
        PROCESSORS[:] = before
