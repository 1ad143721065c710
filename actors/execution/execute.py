"""From a message to its function, here or in a child: fetch its files, and keep its result."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from dramatiq import Actor, Broker

from callboard.actors.coroutines.loop import SharedLoop
from callboard.actors.execution.outcome_recorder import GivenUpError, OutcomeRecorder
from callboard.actors.invocation.failures import account
from callboard.actors.invocation.invoke import invoke
from callboard.actors.isolation.child_pool import ChildPool
from callboard.actors.isolation.run_in_child import run_in_child
from callboard.actors.process_state.restorer import ProcessStateRestorer
from callboard.actors.runs import Run
from callboard.config import Settings
from callboard.jobs.errors import CallboardError, Cancelled, Interruption, ShutDown
from callboard.jobs.fence import Fence
from callboard.jobs.files.file import File
from callboard.jobs.files.folder import RunFiles
from callboard.jobs.files.inputs import Fetch, Inputs, fetched, take
from callboard.jobs.files.outputs import OutputBounds, Outputs
from callboard.jobs.files.storage import Storage
from callboard.jobs.finish import RunOutcome
from callboard.jobs.operation import Operation
from callboard.jobs.return_type import Returned
from callboard.jobs.saved_state import read_state
from callboard.jobs.store import Store
from callboard.jobs.submit_from_python import running_for

Answer = TypeVar("Answer")


class OperationActor(Actor[..., Any]):
    """An actor whose messages may have a parameter of any name, such as `self`."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Run the function of a message."""
        return self.fn(*args, **kwargs)


def actor_of(
    operation: Operation,
    broker: Broker,
    queue: str,
    executor: "Executor",
    restorer: ProcessStateRestorer,
) -> Actor[..., Any]:
    """Return the actor that runs an operation.

    Args:
        operation: the operation.
        broker: the source of messages; each hands on the run that claimed its job.
        queue: the queue's name on the broker.
        executor: executes runs.
        restorer: restores what functions change of the process.
    """

    def run_message(run: Run | None = None, /, **_params: Any) -> RunOutcome:
        if run is None:
            raise RuntimeError("An operation's message runs only once its job is claimed.")
        with restorer.during(run):
            return executor.execute(run)

    actor: Actor[..., Any] = OperationActor(
        run_message,
        broker=broker,
        actor_name=operation.name,
        queue_name=queue,
        priority=0,
        options={"store_results": True},
    )
    return actor


class Executor:
    """Executes the runs of one process, in its threads or in child processes.

    Args:
        settings: bound what runs leave behind.
        store: knows the files that functions take.
        storage: has their content.
        recorder: asks Redis until it answers.
        children: run functions in child processes.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        storage: Storage,
        recorder: OutcomeRecorder,
        *,
        children: ChildPool,
    ) -> None:
        self._settings = settings
        self._store = store
        self._storage = storage
        self._recorder = recorder
        self._children = children
        self._coroutines: Final = SharedLoop()

    def close(self) -> None:
        """Close the child processes and the event loop, once no function runs any more."""
        self._children.close()
        self._coroutines.close()

    def execute(self, run: Run) -> RunOutcome:
        """Fetch the files that the function takes, run it, and keep what it returns.

        Its folder is removed afterwards, however it ended. Neither fetching nor storing files
        counts towards the time limit; the operation's own code, such as validators, does.

        Raises:
            Interrupted: it was told to stop, and stopped.
            FailedElsewhere: it failed, or its parameters no longer fit its signature.
            CallboardError: its files cannot be fetched or stored, or its result is too large.
        """
        folder = run.job.files = RunFiles(self._storage.folder)
        run.job.begin_with(self._saved(run.fence))
        bounds = self._bounds(run.operation)
        outputs = run.outputs = Outputs(
            self._store,
            self._storage,
            folder,
            tenant=run.submission.tenant,
            bounds=bounds,
            retry_until_answered=self._retry_until_answered,
        )
        fetch = partial(self._fetch, run, folder)
        try:
            if run.operation.rules.isolation == "process":
                outcome, finalized = run_in_child(run, self._children, bounds, folder, fetch)
                outputs.take(finalized)
                return outputs.keep_encoded(outcome, proceed=run.job.checkpoint)
            returned = self._call(run, fetch)
            if returned.files:
                outputs.finalize(returned.files)
            return outputs.keep(returned.described(), proceed=run.job.checkpoint)
        except Interruption as interruption:
            run.interruption = interruption
            failed: BaseException = run.cause or Cancelled("The job was told to stop.")
        except BaseException as error:
            if issubclass(type(error), CallboardError):
                raise
            failed = account(error)
        finally:
            folder.close()
        raise failed  # here, so that what the function raised is not its context

    def _call(self, run: Run, fetch: Fetch) -> Returned:
        submission = run.submission
        files = fetched(submission.files, fetch) if submission.files else ()
        read = run.operation.parameters.arguments
        arguments = partial(read, submission.params, partial(take, files))
        run.limited()
        try:
            with running_for(submission.tenant):
                return invoke(
                    run.operation,
                    arguments,
                    job=run.job,
                    guard=run.guard,
                    coroutines=self._coroutines,
                )
        finally:
            run.not_limited()

    def _fetch(self, run: Run, folder: RunFiles, files: Sequence[File]) -> None:
        inputs = Inputs(
            self._store,
            self._storage,
            folder,
            tenant=run.submission.tenant,
            retry_until_answered=self._retry_until_answered,
        )
        inputs.fetch(files, proceed=run.job.checkpoint)

    def _saved(self, fence: Fence) -> bytes | None:
        """Read what earlier attempts saved."""
        if fence.attempt == 1:
            return None
        return self._retry_until_answered(lambda: read_state(self._store, fence.job_id))

    def _bounds(self, operation: Operation) -> OutputBounds:
        settings = self._settings
        return OutputBounds(
            result_bytes=operation.rules.max_result_bytes or settings.max_result_bytes,
            stored_bytes=settings.stored_result_bytes,
            files_bytes=settings.max_file_bytes,
            tenant_bytes=settings.tenant_storage_bytes,
        )

    def _retry_until_answered(self, ask: Callable[[], Answer]) -> Answer:
        """Ask Redis until it answers.

        Raises:
            ShutDown: the process is about to end.
        """
        try:
            return self._recorder.retry_until_answered(ask)
        except GivenUpError as error:
            raise ShutDown("The worker stops.") from error
