"""Watch the threads that run functions: which were told to stop and go on, and which are dead."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from callboard.actors.runs import Run, Runs
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

SAID_AT_SECONDS: Final = (10.0, 60.0)
SAID_EVERY_SECONDS: Final = 600.0

log = get_logger(__name__)


@dataclass(frozen=True)
class ThreadHealth:
    """How the threads of a worker are.

    Attributes:
        stuck: how many run a function that was told to stop 10 s ago and goes on.
        dead: how many have ended although the worker has not.
    """

    stuck: int = 0
    dead: int = 0


class Watchdog:
    """Says which functions do not stop, and drains a worker that has no thread left.

    Args:
        runs: of this process.
        stuck_after: how long a function may go on after it was told to stop.
        drain: stops this process so that it is restarted; None if nothing would restart it.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        runs: Runs,
        *,
        stuck_after: timedelta,
        drain: Callable[[], object] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runs = runs
        self._stuck_after = stuck_after.total_seconds()
        self._drain = drain
        self._clock = clock
        self._threads: Sequence[threading.Thread] = ()
        self._dead: set[threading.Thread] = set()
        self._said: dict[Run, int] = {}
        self._is_lost = False
        self.seen = ThreadHealth()

    def watch(self, threads: Sequence[threading.Thread]) -> None:
        """Take over the threads that run functions, once they are started."""
        self._threads = threads

    def release(self) -> None:
        """Expect the threads to end from now on."""
        self._threads = ()

    def look(self) -> None:
        """Report what is new, and drain the worker if no thread can run anything."""
        threads = self._threads
        dead = [thread for thread in threads if not thread.is_alive()]
        for thread in dead:
            self._report_dead(thread)
        resisting = {
            run: self._clock() - since
            for run in self._runs.by_thread().values()
            if (since := run.resists_since()) is not None
        }
        self._said = {run: said for run, said in self._said.items() if run in resisting}
        for run, seconds in resisting.items():
            self._tell(run, seconds)
        patience = min(self._stuck_after, SAID_AT_SECONDS[0])
        self.seen = ThreadHealth(
            sum(seconds >= patience for seconds in resisting.values()), len(dead)
        )
        stuck = sum(seconds >= self._stuck_after for seconds in resisting.values())
        self._judge(len(threads), stuck, len(dead))

    def _report_dead(self, thread: threading.Thread) -> None:
        if thread in self._dead:
            return
        self._dead.add(thread)
        # Its function has ended without an outcome: the lease expires.
        run = self._runs.abandon(thread)
        log.critical(LogEvent.THREAD_DIED, thread=thread.name, job=run and run.fence.job_id)

    def _tell(self, run: Run, seconds: float) -> None:
        said = self._said.get(run, 0)
        due = said
        while seconds >= _said_at(due):
            due += 1
        if due == said:
            return
        self._said[run] = due
        since = datetime.now(UTC) - timedelta(seconds=seconds)
        run.job.log(
            f"{run.cause} The function was told to stop at {since:%H:%M:%S} UTC "
            f"and is still running {seconds:.0f} s later."
        )
        log.warning(
            LogEvent.FUNCTION_STUCK,
            job=run.fence.job_id,
            operation=run.operation.name,
            attempt=run.fence.attempt,
            cause=type(run.cause).__name__,
            for_s=round(seconds),
        )

    def _judge(self, threads: int, stuck: int, dead: int) -> None:
        was_lost, self._is_lost = self._is_lost, threads > 0 and stuck + dead >= threads
        if self._is_lost and not was_lost:
            log.critical(LogEvent.WORKER_STUCK, threads=threads, stuck=stuck, dead=dead)
            if self._drain is not None:
                self._drain()


def _said_at(times: int) -> float:
    """Return when it is to be told again, in seconds since it was told to stop."""
    if times < len(SAID_AT_SECONDS):
        return SAID_AT_SECONDS[times]
    return SAID_EVERY_SECONDS * (times - len(SAID_AT_SECONDS) + 1)
