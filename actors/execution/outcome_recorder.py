"""Records the outcomes of runs, and keeps trying while Redis is unavailable."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, Final, TypeVar

from callboard.actors.invocation.failures import FailedElsewhere, describe, names
from callboard.actors.runs import Run
from callboard.jobs.backoff import Backoff
from callboard.jobs.claim import claim
from callboard.jobs.clock import milliseconds
from callboard.jobs.errors import FileGone, LeaseLost, ShutDown, StoreFull, StoreUnavailable
from callboard.jobs.finish import RunOutcome, Word, finish
from callboard.jobs.ids import new_token
from callboard.jobs.progress import LogBounds, ProgressReport, progress
from callboard.jobs.recover import recover
from callboard.jobs.release import release
from callboard.jobs.retry import retry
from callboard.jobs.retry_policy import FailedAttempt, delay_of
from callboard.jobs.saved_state import save_state
from callboard.jobs.store import Store
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

BACKOFF: Final = Backoff(timedelta(seconds=0.1), timedelta(seconds=2))

Decided = TypeVar("Decided")
log = get_logger(__name__)


class GivenUpError(Exception):
    """The process had to stop before Redis came back; the job is recovered from its message."""


class OutcomeRecorder:
    """Writes outcomes for one process.

    Args:
        ending: set when the process is about to end; nothing is retried then.
    """

    def __init__(
        self,
        store: Store,
        *,
        worker: str,
        lease: timedelta,
        bounds: LogBounds,
        ending: threading.Event,
    ) -> None:
        self._store = store
        self._worker = worker
        self._lease = lease
        self._bounds = bounds
        self._ending = ending

    def retry_until_answered(
        self, decide: Callable[[], Decided], *, until: threading.Event | None = None
    ) -> Decided:
        """Ask Redis until it answers.

        Args:
            decide: asks Redis; repeating it after a lost reply is safe.
            until: gives up once this is set; by default, when the process is about to end.

        Raises:
            GivenUpError: `until` was set first.
        """
        until = until or self._ending
        for failures in count(1):
            try:
                return decide()
            except StoreUnavailable:
                if until.wait(BACKOFF.seconds(failures)):
                    raise GivenUpError from None
        raise AssertionError  # the count is unbounded

    def succeed(self, run: Run, outcome: RunOutcome) -> None:
        """Record a result; discard its files if the job is no longer this run's.

        Raises:
            GivenUpError: the process stops before Redis has recorded it.
        """
        self.report(run)
        word = self.retry_until_answered(lambda: finish(self._store, run.fence, outcome))
        if word == "missing":
            word = self._revive(run, outcome)
        if word != "finished":
            run.discard()
        if word == "lost":
            self.fail(run, FileGone("A file of the result was lost before the job had ended."))
            return
        run.ended("succeeded", answer=word)

    def fail(self, run: Run, error: BaseException) -> None:
        """Record another outcome of a run: a retry, a failure or a release, or a lost lease.

        Raises:
            GivenUpError: the process stops before Redis has recorded it.
        """
        self.report(run)
        if isinstance(error, LeaseLost):
            run.ended("lost")
            return
        if isinstance(error, ShutDown):
            run.ended(
                "released",
                answer=self._give_back(run, lambda: release(self._store, run.fence)),
            )
            return
        shown = describe(error)
        if shown["retryable"] and run.failures < run.submission.max_retries:
            delay = self._retry_delay(run, error, shown)
            answer = self._give_back(
                run, lambda: retry(self._store, run.fence, delay=delay, error=shown)
            )
            run.ended("retried", answer=answer, delay_ms=milliseconds(delay), **names(error))
            return
        outcome = RunOutcome(error=shown)
        word = self.retry_until_answered(lambda: finish(self._store, run.fence, outcome))
        if word == "missing":
            word = self._revive(run, outcome)
        outcome_word = "cancelled" if shown["type"] == "cancelled" else "failed"
        run.ended(outcome_word, answer=word, error=shown["type"], **names(error))

    def _retry_delay(self, run: Run, error: BaseException, shown: Mapping[str, Any]) -> timedelta:
        """Return the delay that the function asked for, or that of the operation's policy."""
        wanted = error.delay if isinstance(error, FailedElsewhere) else None
        if wanted is not None:
            return wanted
        failed = FailedAttempt(
            job_id=run.fence.job_id,
            operation=run.operation.name,
            attempt=run.fence.attempt,
            failures=run.failures + 1,
            error=shown["type"],
            exception=names(error)["exception"],
            detail=shown["detail"],
            previous_delay=run.retry_delay,
        )
        return delay_of(run.operation.rules.retry, failed)

    def report(self, run: Run) -> None:
        """Write what the job has reported since the last time, unless Redis is unavailable.

        What it has saved is written again until Redis has it, or something newer.
        """
        run.dirty = False
        with run.saving:
            report = run.job.collect()
            if report is not None and report.state is not None:
                run.unsaved = report.state
            with suppress(StoreUnavailable):
                self._save(run)
        if report is None or replace(report, state=None) == ProgressReport():
            return
        try:
            progress(self._store, run.fence, report, bounds=self._bounds)
        except StoreUnavailable:
            log.debug(LogEvent.REPORT_DROPPED)

    def _save(self, run: Run) -> None:
        if run.unsaved is None:
            return
        try:
            save_state(self._store, run.fence, run.unsaved)
        except StoreUnavailable as error:
            run.dirty = True
            log.debug(LogEvent.STATE_NOT_SAVED, reason=str(error))
            raise
        run.unsaved = None

    def _give_back(self, run: Run, decide: Callable[[], Decided]) -> Decided:
        """Give up the lease once what the function saved is written.

        A Redis without memory for the state may still accept the change: the next attempt then
        begins with the previous state, rather than never.
        """

        def save_and_decide() -> Decided:
            with run.saving, suppress(StoreFull):
                self._save(run)
            return decide()

        return self.retry_until_answered(save_and_decide)

    def _revive(self, run: Run, outcome: RunOutcome) -> Word:
        """Record an outcome whose job Redis has lost, unless another worker runs the job by now."""
        submission = run.submission
        published_ms = submission.created_ms or 0
        word = self.retry_until_answered(
            lambda: recover(self._store, submission, published_ms=published_ms)
        )
        if word != "recovered":
            return "ended"
        token = new_token()
        claimed = self.retry_until_answered(
            lambda: claim(
                self._store,
                submission.job_id,
                token=token,
                worker=self._worker,
                lease=self._lease,
                limits={},
            )
        )
        fence = claimed.fence
        if fence is None:
            return "stale"
        run.fence = fence
        return self.retry_until_answered(lambda: finish(self._store, fence, outcome))
