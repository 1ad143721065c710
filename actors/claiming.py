"""The middleware that lets a message run only once its job is claimed."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import structlog
from dramatiq import Broker, Middleware
from dramatiq.middleware import SkipMessage

from callboard.actors.execution.outcome_recorder import GivenUpError, OutcomeRecorder
from callboard.actors.invocation.failures import describe, names
from callboard.actors.runs import Run, Runs
from callboard.actors.wakeups import submission_of
from callboard.jobs.claim import Claim, claim
from callboard.jobs.errors import NewerFormat, StoreUnavailable
from callboard.jobs.ids import new_token
from callboard.jobs.orphans import count_unreadable, keep_orphan
from callboard.jobs.recover import recover
from callboard.jobs.registry import Registry
from callboard.jobs.snooze import WITHOUT_END, snooze
from callboard.jobs.store import Store
from callboard.jobs.submission import Submission
from callboard.telemetry.limited_warnings import LimitedWarnings
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

if TYPE_CHECKING:
    from callboard.actors.spans import RunSpans

SNOOZE: Final = timedelta(seconds=5)

Decided = TypeVar("Decided")
log = get_logger(__name__)


class NotMineError(SkipMessage):
    """This message is not run here and now; Redis knows why, and which worker will run the job."""


class _UnreadableError(NotMineError):
    """The message does not describe a job."""


class Claiming(Middleware):
    """Claims a job before its function runs, and records the outcome.

    It fails closed: nothing starts while Redis is unavailable. A claim that is undecided when the
    process stops goes back to the queue.
    """

    def __init__(  # noqa: PLR0913 — each is a part of the worker, named
        self,
        *,
        store: Store,
        registry: Registry,
        recorder: OutcomeRecorder,
        runs: Runs,
        worker: str,
        lease: timedelta,
        limits: Mapping[str, int],
        stopping: threading.Event,
        spans: "RunSpans | None" = None,
        shows_tracebacks: bool = False,
    ) -> None:
        self._store = store
        self._registry = registry
        self._recorder = recorder
        self._runs = runs
        self._worker = worker
        self._lease = lease
        self._limits: Final = {
            each.name: {slot: limits[slot] for slot in each.limited_slots() if slot in limits}
            for each in registry
        }
        self._stopping = stopping
        self._spans = spans
        self._shows_tracebacks = shows_tracebacks
        # Each job of such an operation comes back every few seconds.
        self._warnings = LimitedWarnings(log, interval_s=60)

    def before_process_message(self, broker: Broker, message: Any) -> None:  # noqa: ARG002
        """Claim the message's job, or skip the message.

        Raises:
            NotMineError: it is not run here and now.
        """
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(job=message.message_id, operation=message.actor_name)
        if self._stopping.is_set():
            self._requeue(message)
        try:
            run = self._run_of(message)
        except GivenUpError:
            self._requeue(message)
        submission = run.submission
        structlog.contextvars.bind_contextvars(
            attempt=run.fence.attempt, tenant=submission.tenant, request_id=submission.request_id
        )
        message.run = run
        self._runs.begin(run)
        if self._spans is not None:
            self._spans.begin(run)
        log.info(LogEvent.RUN_STARTED)

    def after_process_message(
        self,
        broker: Broker,  # noqa: ARG002
        message: Any,
        *,
        result: Any = None,  # noqa: ARG002
        exception: BaseException | None = None,
    ) -> None:
        """Record a failure; a result was recorded by the results backend just before."""
        run = message.run
        try:
            if run is not None and exception is not None:
                self._recorder.fail(run, exception)
            elif exception is not None:
                log.error(LogEvent.MESSAGE_FAILED, **names(exception))
        except GivenUpError:
            message.requeue()
        finally:
            self._runs.end()
            message.run = None
            if run is not None:
                self._tell(run, exception)
            structlog.contextvars.clear_contextvars()

    def after_skip_message(self, broker: Broker, message: Any) -> None:  # noqa: ARG002
        """Acknowledge a message that is not run here and now."""
        log.debug(LogEvent.MESSAGE_SKIPPED)
        structlog.contextvars.clear_contextvars()

    def _tell(self, run: Run, error: BaseException | None) -> None:
        told = run.told
        if self._shows_tracebacks and error is not None and run.outcome in ("failed", "retried"):
            told = {**told, "traceback": describe(error)["traceback"]}
        log.info(LogEvent.RUN_ENDED, outcome=run.outcome, duration_ms=run.duration_ms(), **told)
        if self._spans is not None:
            self._spans.end(run, error)

    def _run_of(self, message: Any) -> Run:
        try:
            return self._take(*_read(message))
        except NewerFormat as error:
            self._leave_to_newer(message, error)
        except _UnreadableError:
            with suppress(StoreUnavailable):
                count_unreadable(self._store)
            raise

    def _take(self, submission: Submission, published_ms: int) -> Run:
        if submission.operation not in self._registry:
            self._put_off(submission, published_ms)
        token = new_token()

        def ask() -> Claim:
            return claim(
                self._store,
                submission.job_id,
                token=token,
                worker=self._worker,
                lease=self._lease,
                limits=self._limits[submission.operation],
            )

        claimed = self._retry_until_answered(ask)
        if claimed.word == "missing":
            self._recover(submission, published_ms)
            claimed = self._retry_until_answered(ask)
        if claimed.fence is None:
            raise NotMineError(claimed.word)
        return Run(
            submission,
            self._registry.get(submission.operation),
            claimed.fence,
            claimed.failures,
            retry_delay=claimed.retry_delay,
        )

    def _recover(self, submission: Submission, published_ms: int) -> None:
        word = self._retry_until_answered(
            lambda: recover(self._store, submission, published_ms=published_ms)
        )
        log.warning(LogEvent.JOB_RECOVERED, answer=word)
        if word != "recovered":
            raise NotMineError(word)

    def _put_off(self, submission: Submission, published_ms: int) -> None:
        def ask() -> str:
            return snooze(self._store, submission.job_id, delay=SNOOZE)

        word = self._retry_until_answered(ask)
        if word == "missing":
            self._recover(submission, published_ms)
            word = self._retry_until_answered(ask)
        self._warnings.warn(LogEvent.OPERATION_UNKNOWN, submission.operation, answer=word)
        raise NotMineError(word)

    def _leave_to_newer(self, message: Any, reason: NewerFormat) -> NoReturn:
        """Snooze a job that only a newer version can read; without a record, keep its message."""
        word: str = self._retry_until_answered(
            lambda: snooze(self._store, message.message_id, delay=SNOOZE, patience=WITHOUT_END)
        )
        if word == "missing":
            word = self._keep(message, reason)
        self._warnings.warn(
            LogEvent.FORMAT_UNKNOWN, message.actor_name, answer=word, format=reason.made_as
        )
        raise NotMineError(word) from reason

    def _keep(self, message: Any, reason: NewerFormat) -> str:
        """Store a message in Redis; held here it would count against the prefetch."""
        try:
            return keep_orphan(
                self._store,
                message.encode(),
                job_id=message.message_id,
                operation=message.actor_name,
                queue=message.queue_name,
                made_as=reason.made_as,
            )
        except StoreUnavailable:
            # Other jobs can still run when Redis is full, so this must not wait for room.
            message.requeue(after=SNOOZE)
            return "requeued"

    def _retry_until_answered(self, decide: Callable[[], Decided]) -> Decided:
        return self._recorder.retry_until_answered(decide, until=self._stopping)

    def _requeue(self, message: Any) -> NoReturn:
        message.requeue()
        raise NotMineError("requeued")


def _read(message: Any) -> tuple[Submission, int]:
    try:
        return submission_of(message)
    except (KeyError, TypeError, ValueError) as error:
        log.error(LogEvent.MESSAGE_UNREADABLE, reason=type(error).__name__)
        raise _UnreadableError("unreadable") from error


def stand_in(**_params: Any) -> None:
    """Stand in for operations that this process does not know; their jobs are snoozed instead."""
    raise NotMineError("unknown operation")
