"""The parent watch: a worker whose parent was killed, or that hangs, ends itself."""

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from callboard.actors.watchdog.hang_timer import end_unless_called_again
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

SIGN_OF_LIFE_SECONDS: Final = 5.0

log = get_logger(__name__)


class ParentWatch:
    """Ends a process in order whose master is gone, or whose threads are; or at all if it hangs.

    Args:
        stopping: set once the worker was told to stop.
        give_up: has the exit code say that the worker ended by itself.
        max_silence: how long it may run nothing of Python's, since a function keeps the lock.
    """

    def __init__(
        self,
        stopping: threading.Event,
        *,
        give_up: Callable[[], object],
        max_silence: timedelta,
    ) -> None:
        self._stopping = stopping
        self._give_up = give_up
        self._max_silence = max_silence + timedelta(seconds=SIGN_OF_LIFE_SECONDS)
        self._lived_at = 0.0
        self._is_terminated = False
        self._master = os.getppid()

    def start(self) -> None:
        """Take whoever started this process for its master, once it has forked."""
        self._master = os.getppid()

    def look(self) -> None:
        """Record that the process is alive, and stop the worker if its master was killed."""
        if self._stopping.is_set():
            return
        if os.getppid() != self._master:
            # The `dramatiq` master was killed, and would never stop this process.
            log.error(LogEvent.WORKER_ORPHANED)
            self._terminate()
        if time.monotonic() - self._lived_at > SIGN_OF_LIFE_SECONDS:
            self._lived_at = time.monotonic()
            end_unless_called_again(self._max_silence)

    def drain(self) -> None:
        """Stop as for any signal, but have the exit code say that it is to be started again."""
        self._give_up()
        self._terminate()

    def _terminate(self) -> None:
        # A second signal would end it at once.
        if not self._is_terminated:
            self._is_terminated = True
            os.kill(os.getpid(), signal.SIGTERM)
