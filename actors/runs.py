"""The current attempts of this process."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from callboard.actors.interrupts.guard import Guard
from callboard.jobs.errors import (
    Interrupted,
    Interruption,
    LeaseLost,
    ShutDown,
    TimedOut,
)
from callboard.jobs.fence import Fence
from callboard.jobs.job import Job
from callboard.jobs.operation import Operation
from callboard.jobs.submission import Submission

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from callboard.jobs.files.outputs import Outputs

REPORT_SECONDS: Final = 0.25
GIVEN_UP: Final = "given_up"
NOT_FORCED: Final = (
    "(this cancel cannot be forced: the function runs in a thread, which only the function itself "
    "can end)"
)


class Run:
    """One attempt, from its claim to the record of its outcome.

    Attributes:
        failures: how many attempts of its job failed before.
        retry_delay: how long its job waited after the last of them.
        forced: whether its function's process is to be ended at once.
        must_hurry: whether the worker stops.
        outcome: its outcome in one word; `given_up` until it is recorded.
        told: further fields of `run_ended`.
        span: its span and what ends it, where telemetry is on.
        guard: runs its function, and interrupts it.
        interruption: what was raised in its function, for as long as it is needed.
        outputs: keep what its function makes.
        unsaved: what its function saved and Redis does not have yet.
        saving: held while that is written, so that an older state never follows a newer one.
    """

    def __init__(
        self,
        submission: Submission,
        operation: Operation,
        fence: Fence,
        failures: int,
        *,
        retry_delay: timedelta | None = None,
    ) -> None:
        self.submission: Final = submission
        self.operation: Final = operation
        self.fence = fence
        self.failures: Final = failures
        self.retry_delay: Final = retry_delay
        self.job: Final = Job(fence.job_id, fence.attempt, self, tenant=submission.tenant)
        self.dirty = self.forced = self.must_hurry = False
        self.outcome = GIVEN_UP
        self.told: dict[str, Any] = {}
        self.span: tuple[Span, Token[Context]] | None = None
        self._began = time.monotonic()
        self.guard: Final = Guard()
        self._deadline: float | None = None
        self._cause: Interrupted | None = None
        self._told_at: float | None = None
        self._reported_at = 0.0
        self.interruption: Interruption | None = None
        self.outputs: Outputs | None = None
        self.unsaved: bytes | None = None
        self.saving: Final = threading.Lock()

    def discard(self) -> None:
        """Remove its stored files, which no job will ever use."""
        if self.outputs is not None:
            self.outputs.discard()

    def limited(self) -> None:
        """Start the time limit."""
        self._deadline = time.monotonic() + self.operation.rules.time_limit.total_seconds()

    def not_limited(self) -> None:
        """Stop the time limit: the function has returned."""
        self._deadline = None

    def ended(self, outcome: str, **told: Any) -> None:
        """Set the outcome for the log."""
        self.outcome, self.told = outcome, told

    def duration_ms(self) -> float:
        """Return how long ago it was claimed."""
        return round((time.monotonic() - self._began) * 1000, 1)

    def stop(self, cause: Interrupted, *, force: bool = False) -> None:
        """Tell the function to stop; the first cause counts, and the function may take time.

        Args:
            cause: why.
            force: end its process at once. A thread cannot be ended: the job's log says so.
        """
        self.must_hurry = self.must_hurry or isinstance(cause, ShutDown)
        if force and not self.forced:
            self.forced = True
            if self.operation.rules.isolation == "thread":
                self.job.log(NOT_FORCED)
        self._told_at = self._told_at or time.monotonic()
        self._cause = self._cause or cause
        self.job.stop(self._cause)
        self.guard.interrupt()

    def stop_when_late(self) -> None:
        """Stop the function once it has run longer than its time limit, and insist on a stop."""
        self.guard.press()
        deadline = self._deadline
        if deadline is not None and time.monotonic() > deadline and not self.job.cancelled:
            limit = self.operation.rules.time_limit
            self.stop(TimedOut(f"The function ran longer than its time limit of {limit}."))

    @property
    def cause(self) -> Interrupted | None:
        """Why the function was told to stop, if it was."""
        return self._cause

    def resists_since(self) -> float | None:
        """Return when the function that still runs was told to stop, by the monotonic clock."""
        return self._told_at if self._deadline is not None else None

    def reports_now(self) -> bool:
        """Return whether another report is due: at most 4 a second."""
        now = time.monotonic()
        if now - self._reported_at < REPORT_SECONDS:
            return False
        self._reported_at = now
        return True

    def changed(self) -> None:
        """Record that the job has something to report."""
        self.dirty = True


class Runs:
    """All runs of this process, by job and by the thread that works on one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._threads: dict[threading.Thread, Run] = {}

    def __iter__(self) -> Iterator[Run]:
        with self._lock:
            return iter(list(self._runs.values()))

    def __len__(self) -> int:
        return len(self._runs)

    def begin(self, run: Run) -> None:
        """Take on a claimed job in this thread, and stop the run that lost it, if it is here."""
        with self._lock:
            ousted = self._runs.get(run.fence.job_id)
            self._runs[run.fence.job_id] = run
            self._threads[threading.current_thread()] = run
        if ousted is not None:
            ousted.stop(LeaseLost("The lease ran out; another attempt runs the job."))

    def end(self) -> None:
        """Remove this thread's run, if it has one."""
        self.abandon(threading.current_thread())

    def by_thread(self) -> dict[threading.Thread, Run]:
        """Return the run of each thread, also if another run of its job has replaced it."""
        with self._lock:
            return dict(self._threads)

    def abandon(self, thread: threading.Thread) -> Run | None:
        """Remove the run of a thread, if it has one; its lease is no longer renewed."""
        with self._lock:
            run = self._threads.pop(thread, None)
            if run is not None and self._runs.get(run.fence.job_id) is run:
                del self._runs[run.fence.job_id]
        return run

    def find(self, job_id: str) -> Run | None:
        """Look up the run of a job, if it is here."""
        return self._runs.get(job_id)
