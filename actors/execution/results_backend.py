"""The backend of Dramatiq's Results middleware: storing a result is finishing the job."""

from typing import Any

from dramatiq import Message
from dramatiq.results import Missing, ResultBackend
from dramatiq.results.backend import MResult

from callboard.actors.execution.outcome_recorder import GivenUpError, OutcomeRecorder
from callboard.jobs.errors import JobNotFinished
from callboard.jobs.files.storage import Storage
from callboard.jobs.finish import RunOutcome
from callboard.jobs.results import read_result
from callboard.jobs.store import Store


class ResultsBackend(ResultBackend):
    """Stores each result in the same transaction as its job's final status."""

    def __init__(self, store: Store, storage: Storage, recorder: OutcomeRecorder) -> None:
        super().__init__()
        self._storage = storage
        self._jobs = store
        self._recorder = recorder

    def store_result(self, message: Any, result: Any, ttl: int) -> None:  # noqa: ARG002
        """Finish the job of the message's run, trying until Redis has it.

        A skipped message has no run, so storing its result has no effect.
        """
        run = message.run
        if run is None or not isinstance(result, RunOutcome):
            return
        try:
            self._recorder.succeed(run, result)
        except GivenUpError:
            message.requeue()

    def store_exception(self, message: Any, exception: Exception, ttl: int) -> None:
        """Do nothing: a failure is recorded before its message is acknowledged."""

    def build_message_key(self, message: Message[Any]) -> str:
        """Use only the job's id as the key of a result."""
        return str(message.message_id)

    def unwrap_result(self, res: Any) -> Any:
        """Return results unchanged: a failure is never stored as a result."""
        return res

    def _get(self, message_key: str) -> MResult:
        try:
            return read_result(self._jobs, message_key, self._storage)
        except JobNotFinished:
            return Missing
