"""Captures the log lines of our own modules for a test."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from structlog.testing import LogCapture
from structlog.typing import EventDict

from callboard.telemetry.logger import PROCESSORS


@contextmanager
def capture_logs() -> Iterator[list[EventDict]]:
    """Store log lines instead of writing them."""
    capture = LogCapture()
    before = PROCESSORS[:]
    PROCESSORS[:] = [capture]
    try:
        yield capture.entries
    finally:
        PROCESSORS[:] = before


@contextmanager
def logging_kept() -> Iterator[None]:
    """Restore the logging of this process after a test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
        root.handlers, root.level = handlers, level
