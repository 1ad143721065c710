"""The attempts that this process runs now."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.interrupts import Guard
from jobs.errors import Interrupted, Interruption, LeaseLost, TimedOut
from jobs.fence import Fence
from jobs.finish import Outcome
from jobs.job import Job
from jobs.operation import Operation
from jobs.submission import Submission

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from actors.workshop import Workshop
    from jobs.files.outputs import Outputs

REPORT_SECONDS: Final = 0.25
GIVEN_UP: Final = "given_up"


class Run:
    """One attempt, from its claim to the record of its outcome.

    Attributes:
        outcome: how it ended, in one word; given up until that is recorded.
        told: what else the log says of its end.
        span: its span and what ends it, where telemetry is on.
    """

    def __init__(
        self, submission: Submission, operation: Operation, fence: Fence, failures: int
    ) -> None:
        self.submission: Final = submission
        self.operation: Final = operation
        self.fence = fence
        self.failures: Final = failures
        self.job: Final = Job(fence.job_id, fence.attempt, self)
        self.dirty = False
        self.outcome = GIVEN_UP
        self.told: dict[str, Any] = {}
        self.span: tuple[Span, Token[Context]] | None = None
        self._began = time.monotonic()
        self._guard = Guard()
        self._deadline: float | None = None
        self._cause: Interrupted | None = None
        self._reported_at = 0.0
        self._outputs: Outputs | None = None

    def execute(self, params: Mapping[str, Any], workshop: "Workshop") -> Outcome:
        """Fetch the files that the function takes, run it, and keep what it returns.

        The folder of its files is gone afterwards, however it ended. Neither fetching nor keeping
        counts towards the time limit.

        Raises:
            Interrupted: it was told to stop, and did.
            InvalidParameters: the parameters do not fit the function as it is now.
            Failure: it failed on purpose, or its result cannot be kept.
            StorageUnavailable, StorageFull: its files cannot be fetched or kept.
            Exception: whatever else the function raises.
        """
        tenant, parameters = self.submission.tenant, self.operation.parameters
        folder = self.job.files = workshop.folder()
        inputs = workshop.inputs(folder, tenant=tenant)
        outputs = self._outputs = workshop.outputs(folder, self.operation, tenant=tenant)
        try:
            fetch = partial(inputs.fetch, proceed=self.job.checkpoint)
            value = self._call(parameters.arguments(params, fetch))
            data = parameters.result(value, outputs.settle)
            return outputs.keep(data, proceed=self.job.checkpoint)
        except Interruption as interruption:
            raise self._cause or interruption.cause from interruption
        finally:
            folder.close()

    def discard(self) -> None:
        """Remove the files that it kept, as no job will ever say that they are its own."""
        if self._outputs is not None:
            self._outputs.discard()

    def _call(self, arguments: dict[str, Any]) -> Any:
        if self.operation.parameters.wants_job:
            arguments["job"] = self.job
        self._deadline = time.monotonic() + self.operation.rules.time_limit.total_seconds()
        function = self.operation.function
        call = self._guard.call_async if self.operation.is_async else self._guard.call

        def begin() -> Any:
            # Whoever came too early to interrupt the function has told its job by now.
            self.job.checkpoint()
            # What the function does to its context must not reach the worker's own lines.
            return copy_context().run(function, **arguments)

        try:
            return call(begin)
        finally:
            self._deadline = None

    def ended(self, outcome: str, **told: Any) -> None:
        """Keep for the log how it ended."""
        self.outcome, self.told = outcome, told

    def duration_ms(self) -> float:
        """Say how long ago it was claimed."""
        return round((time.monotonic() - self._began) * 1000, 1)

    def stop(self, cause: Interrupted) -> None:
        """Tell the function to stop, for the first cause that anybody has; it may take its time."""
        self._cause = self._cause or cause
        self.job.stop(self._cause)
        self._guard.interrupt()

    def stop_when_late(self) -> None:
        """Stop the function once it has run longer than its time limit."""
        deadline = self._deadline
        if deadline is not None and time.monotonic() > deadline and not self.job.cancelled:
            limit = self.operation.rules.time_limit
            self.stop(TimedOut(f"The function ran longer than its time limit of {limit}."))

    def reports_now(self) -> bool:
        """Whether the last report was long enough ago for another one: 4 a second at most."""
        now = time.monotonic()
        if now - self._reported_at < REPORT_SECONDS:
            return False
        self._reported_at = now
        return True

    def changed(self) -> None:
        """Note that the job has something to report."""
        self.dirty = True


class Runs:
    """All runs of this process, by job; the thread that works on one knows it as its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._own = threading.local()

    def __iter__(self) -> Iterator[Run]:
        with self._lock:
            return iter(list(self._runs.values()))

    def __len__(self) -> int:
        return len(self._runs)

    def own(self) -> Run | None:
        """Give the run that this thread works on."""
        run: Run | None = getattr(self._own, "run", None)
        return run

    def begin(self, run: Run) -> None:
        """Take on a claimed job in this thread, and stop the run that lost it, if it is here."""
        with self._lock:
            ousted = self._runs.get(run.fence.job_id)
            self._runs[run.fence.job_id] = run
        self._own.run = run
        if ousted is not None:
            ousted.stop(LeaseLost("The lease ran out; another attempt runs the job."))

    def end(self) -> None:
        """Let go of this thread's run, if it has one."""
        run, self._own.run = self.own(), None
        with self._lock:
            if run is not None and self._runs.get(run.fence.job_id) is run:
                del self._runs[run.fence.job_id]

    def find(self, job_id: str) -> Run | None:
        """Look up the run of a job, if it is here."""
        return self._runs.get(job_id)
