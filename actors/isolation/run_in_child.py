"""Runs one function in a child, and watches it from the worker's thread."""

import signal
import time
from functools import partial
from typing import Final

from callboard.actors.isolation import messages
from callboard.actors.isolation.child_pool import ChildGone, ChildHandle, ChildPool
from callboard.actors.isolation.child_process import OUT_OF_MEMORY
from callboard.actors.isolation.run_request import request_of
from callboard.actors.runs import Run
from callboard.jobs.errors import Cancelled, Crashed, Failure, OutOfMemory
from callboard.jobs.files.finalize import FinalizedFiles
from callboard.jobs.files.folder import RunFiles
from callboard.jobs.files.inputs import Fetch
from callboard.jobs.files.outputs import OutputBounds
from callboard.jobs.finish import RunOutcome
from callboard.jobs.submit_from_python import submitter_of
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

ChildResult = tuple[RunOutcome, FinalizedFiles]

LOOK_SECONDS: Final = 0.05
MEMORY_SECONDS: Final = 0.05
KILL_SECONDS: Final = 0.5
AT_SHUTDOWN_SECONDS: Final = 2.0
"""The longest `stop_grace` of a worker that stops."""

GIVE_UP_SECONDS: Final = 5.0
TRIES: Final = 3

log = get_logger(__name__)


class ChildRun:
    """Waits for the result, passes on reports, and ends a child that must not continue.

    A function that is told to stop has its operation's `stop_grace`; then its child gets SIGTERM
    and half a second later SIGKILL, with all descendants. A forced stop begins with SIGTERM.
    """

    def __init__(self, run: Run, child: ChildHandle) -> None:
        self._run = run
        self._child = child
        self._rules = run.operation.rules
        self._told_at: float | None = None
        self._terminated_at: float | None = None
        self._killed_at: float | None = None
        self._memory_at = 0.0
        self._too_large: OutOfMemory | None = None
        self._asked_at = time.monotonic()
        self._began = False
        self._answered = False
        self._is_spoiled = False

    @property
    def unharmed(self) -> bool:
        """Whether the child may run another function."""
        ended = self._terminated_at is not None or self._killed_at is not None
        return self._answered and not ended and not self._is_spoiled

    def answer(self, request: messages.Message) -> ChildResult:
        """Run the function in the child, and return its result.

        Raises:
            ChildGone: the child ended before the function began.
            Interrupted: it was told to stop, and stopped or was ended.
            OutOfMemory: it exceeded its memory limit.
            Crashed: its process ended by itself.
            Failure: it failed.
        """
        try:
            self._child.send(request)
            while True:
                message = self._child.receive(LOOK_SECONDS)
                if message is not None and message["kind"] == "submit":
                    self._child.send(messages.submitted(message, partial(self._submit, message)))
                elif message is not None:
                    found = self._heed(message)
                    if found is not None:
                        return found
                self._press()
                self._watch_memory()
        except ChildGone as gone:
            self._explain(gone)
            raise
        finally:
            self._run.not_limited()

    def _heed(self, message: messages.Message) -> ChildResult | None:
        if message.get("lost"):
            self._is_spoiled = True
            log.info(LogEvent.CHILD_REPLACED, pid=self._child.pid, changed=message["lost"])
        match message["kind"]:
            case "began":
                self._began = True
                self._run.limited()
            case "returned":
                self._run.not_limited()
            case "report" if message["job_id"] == self._run.fence.job_id:
                self._run.job.absorb(messages.report_of(message))
            case "done":
                self._answered = True
                return messages.outcome_of(message)
            case "interrupted":
                self._answered = True
                raise self._run.cause or Cancelled("The job was told to stop.")
            case "failed":
                failure = messages.failure_of(message)
                self._answered = failure.kind != OutOfMemory.kind
                raise failure
        return None

    def _submit(self, message: messages.Message) -> str:
        options = {"tenant": self._run.submission.tenant, **message["options"]}
        submitter = submitter_of(message["operation"])
        return submitter(message["operation"], message["params"], options)

    def _press(self) -> None:
        cause = self._run.cause
        now = time.monotonic()
        if cause is None:
            if not self._began and now - self._asked_at >= self._child.answers_within:
                self._kill(now)
            return
        if self._told_at is None:
            self._told_at = now
            self._child.send(messages.stop(cause))
        grace = self._rules.stop_grace.total_seconds()
        if self._run.must_hurry:
            grace = min(grace, AT_SHUTDOWN_SECONDS)
        if self._terminated_at is None and (self._run.forced or now - self._told_at >= grace):
            self._terminated_at = now
            self._run.job.log("(the function did not stop; its process is killed)")
            self._child.terminate()
        elif self._terminated_at is not None and now - self._terminated_at >= KILL_SECONDS:
            self._kill(now)

    def _watch_memory(self) -> None:
        limit = self._rules.memory_limit_bytes
        now = time.monotonic()
        if limit is None or now - self._memory_at < MEMORY_SECONDS:
            return
        if self._too_large is None and self._child.process_tree.used_bytes(limit) > limit:
            self._too_large = OutOfMemory.of(limit)
        if self._too_large is not None:
            self._kill(now)
        # The cost of looking grows with the files that the function has open.
        self._memory_at = time.monotonic()

    def _kill(self, now: float) -> None:
        if self._killed_at is None:
            self._killed_at = now
            self._child.kill()
        elif now - self._killed_at >= GIVE_UP_SECONDS:
            raise ChildGone(None)  # the kernel does not release it

    def _explain(self, gone: ChildGone) -> None:
        if self._run.cause is not None:
            raise self._run.cause from gone
        if self._too_large is not None or gone.exit_code == OUT_OF_MEMORY:
            raise self._too_large or OutOfMemory.of(self._rules.memory_limit_bytes) from gone
        if self._began:
            raise _crash(gone.exit_code) from gone


def run_in_child(
    run: Run,
    children: ChildPool,
    bounds: OutputBounds,
    folder: RunFiles,
    fetch: Fetch,
) -> ChildResult:
    """Run a function in a child, with its files.

    A child that ended before the function began, as an idle one may, or does not begin it, is
    replaced.

    Args:
        run: the attempt.
        children: the worker's child processes; one is used for the run.
        bounds: the bounds on what the function may return.
        folder: the attempt's folder; the child creates its files there.
        fetch: makes files readable for the function.

    Raises:
        Interrupted: it was told to stop, and stopped or was ended.
        OutOfMemory: it exceeded its memory limit.
        Crashed: its process ended by itself.
        Failure: it failed.
        StorageUnavailable: its files cannot be fetched.
    """
    request = request_of(run, bounds, folder, fetch)
    rules = run.operation.rules
    for _ in range(TRIES):
        child = children.acquire(
            run.job.checkpoint, start=rules.start, memory_bytes=rules.memory_limit_bytes
        )
        call = ChildRun(run, child)
        try:
            return call.answer(request)
        except ChildGone:
            log.warning(LogEvent.CHILD_LOST, pid=child.pid)
        finally:
            children.release(child, unharmed=call.unharmed)
    raise Crashed("The function's process ended before the function started.")


def _crash(exit_code: int | None) -> Failure:
    if exit_code is None:
        return Crashed("The function's process was lost.")
    if exit_code >= 0:
        return Crashed(f"The function's process ended with exit code {exit_code}.")
    names = {number.value: number.name for number in signal.Signals}
    name = names.get(-exit_code, f"signal {-exit_code}")
    hint = (
        ", possibly because the machine ran out of memory" if -exit_code == signal.SIGKILL else ""
    )
    return Crashed(f"The function's process was ended by {name}{hint}.")
