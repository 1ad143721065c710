"""Stops a worker process: grace, interruption, release, and then exit, whatever hangs."""

import os
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from callboard.actors.periodic_thread import PeriodicThread
from callboard.actors.runs import Run, Runs
from callboard.actors.watchdog.hang_timer import end_unless_called_again
from callboard.jobs.errors import ShutDown
from callboard.jobs.preempt import preempt
from callboard.jobs.store import Store
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

LAST_TRIES_SECONDS: Final = 5.0
"""After the grace: how long outcomes and releases are tried while Redis is away."""
GONE_SECONDS: Final = 6.0
"""After the grace: when the process exits."""
HELD_UP_SECONDS: Final = 9.0
"""After the grace: when it exits even if a function holds the interpreter's lock."""
PREEMPT_SECONDS: Final = 0.5
EXIT_STUCK: Final = 70
"""Tells process managers that the worker gave itself up: EX_SOFTWARE of sysexits.h."""

log = get_logger(__name__)


class WorkerShutdown:
    """Ends the runs of a process that was told to stop, and the process.

    Whatever still runs is preempted at once, so that no crash is counted if something kills the
    process before its time, or when it goes although a function does not stop.

    Args:
        is_own: whether this process runs only the worker, so that it may be ended.

    Attributes:
        begun: set once the worker was told to stop: nothing more is claimed.
        ending: set when nothing is tried again, as the process is about to end.
    """

    def __init__(self, store: Store, runs: Runs, *, grace: timedelta, is_own: bool) -> None:
        self._store = store
        self._runs = runs
        self._grace = grace.total_seconds()
        self._is_own = is_own
        self._exit_code = 0
        self.begun: Final = threading.Event()
        self.ending: Final = threading.Event()
        self._timers: list[threading.Timer] = []
        self._preempted: set[Run] = set()
        self._preemptions = PeriodicThread(
            "preemptions", self._preempt_all, interval=PREEMPT_SECONDS
        )

    def give_up(self) -> None:
        """Have the exit code say that the worker ended by itself."""
        self._exit_code = EXIT_STUCK

    def begin(self) -> None:
        """Start to stop; nothing here waits."""
        self.begun.set()
        self._preemptions.start()
        self._timers += [
            _after(self._grace, self._interrupt_all),
            _after(self._grace + LAST_TRIES_SECONDS, self.ending.set),
        ]
        if self._is_own:
            # Not one of those that are cancelled: a thread of a function may hold up the exit.
            _after(self._grace + GONE_SECONDS, self._leave)
            end_unless_called_again(timedelta(seconds=self._grace + HELD_UP_SECONDS))

    def close(self) -> None:
        """Stop to wait, now that no thread takes messages any more."""
        self.ending.set()
        for timer in self._timers:
            timer.cancel()
        self._preemptions.close()

    def exit(self) -> None:
        """Exit with the code of a worker that gave up, once everything is closed.

        Raises:
            SystemExit: it gave itself up.
        """
        if self._exit_code and self._is_own:
            raise SystemExit(self._exit_code)

    def _preempt_all(self) -> None:
        for run in self._runs:
            if run not in self._preempted and _is_innocent(run):
                preempt(self._store, run.fence)
                self._preempted.add(run)

    def _interrupt_all(self) -> None:
        for run in self._runs:
            run.stop(ShutDown("The worker stops."))

    def _leave(self) -> None:
        running = [run.fence.job_id for run in self._runs]
        try:
            log.error(LogEvent.WORKER_CUT_SHORT, running=running)
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        finally:  # the standard streams may be closed
            os._exit(self._exit_code)


def _is_innocent(run: Run) -> bool:
    """Return whether the run would continue if its worker did not stop."""
    return run.cause is None or isinstance(run.cause, ShutDown)


def _after(seconds: float, call: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
    return timer
