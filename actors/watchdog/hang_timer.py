"""End a process in which no Python code runs any more."""

import faulthandler
from datetime import timedelta

from callboard.telemetry.logger import PLACE


def end_unless_called_again(within: timedelta) -> None:
    """End this process if no Python code calls this again in time.

    For functions that keep the interpreter's lock: while one holds it no thread of Python can do
    anything, so that leases run out and signals are not heard. The stack of each thread is written
    to the standard error then.
    """
    faulthandler.dump_traceback_later(within.total_seconds(), exit=True, file=PLACE.fileno())
