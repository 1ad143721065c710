"""From a message to its function, here or in a child: fetch its files, and keep its result."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from dramatiq import Actor, Broker

from callboard.actors.coroutines.loop import Coroutines
from callboard.actors.execution.environment import ExecutionEnvironment
from callboard.actors.invocation.failures import account
from callboard.actors.invocation.invoke import invoke
from callboard.actors.isolation.run_in_child import run_in_child
from callboard.actors.process_state.restorer import ProcessStateRestorer
from callboard.actors.runs import Run, Runs
from callboard.jobs.errors import CallboardError, Cancelled, Interruption
from callboard.jobs.files.file import File
from callboard.jobs.files.inputs import fetched, take
from callboard.jobs.finish import RunOutcome
from callboard.jobs.operation import Operation
from callboard.jobs.return_type import Returned
from callboard.jobs.submit_from_python import running_for


class OperationActor(Actor[..., Any]):
    """An actor whose messages may have a parameter of any name, such as `self`."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Run the function of a message."""
        return self.fn(*args, **kwargs)


def actor_of(
    operation: Operation,
    broker: Broker,
    queue: str,
    runs: Runs,
    environment: ExecutionEnvironment,
    restorer: ProcessStateRestorer,
) -> Actor[..., Any]:
    """Return the actor that runs an operation for the job that its thread has claimed.

    Args:
        operation: the operation.
        broker: the source of messages.
        queue: the queue's name on the broker.
        runs: of this process.
        environment: provides files, child processes and event loops.
        restorer: restores what functions change of the process.
    """

    def run_message(**params: Any) -> RunOutcome:
        run = runs.own()
        if run is None:
            raise RuntimeError("An operation's message runs only once its job is claimed.")
        with restorer.during(run):
            return execute(run, params, environment)

    actor: Actor[..., Any] = OperationActor(
        run_message,
        broker=broker,
        actor_name=operation.name,
        queue_name=queue,
        priority=0,
        options={"store_results": True},
    )
    return actor


def execute(run: Run, params: Mapping[str, Any], environment: ExecutionEnvironment) -> RunOutcome:
    """Fetch the files that the function takes, run it, and keep what it returns.

    Its folder is removed afterwards, however it ended. Neither fetching nor storing files
    counts towards the time limit; the operation's own code, such as validators, does.

    Raises:
        Interrupted: it was told to stop, and stopped.
        FailedElsewhere: it failed, or its parameters no longer fit its signature.
        CallboardError: its files cannot be fetched or stored, or its result is too large.
    """
    tenant, operation = run.submission.tenant, run.operation
    folder = run.job.files = environment.folder()
    run.job.begin_with(environment.saved(run.fence))
    outputs = run.outputs = environment.outputs(folder, operation, tenant=tenant)

    def fetch(files: Sequence[File]) -> None:
        environment.inputs(folder, tenant=tenant).fetch(files, proceed=run.job.checkpoint)

    try:
        if operation.rules.isolation == "process":
            bounds = environment.bounds(operation)
            outcome, finalized = run_in_child(
                run, params, environment.children, bounds, folder, fetch
            )
            outputs.take(finalized)
            return outputs.keep_encoded(outcome, proceed=run.job.checkpoint)
        files = fetched(run.submission.files, fetch) if run.submission.files else ()
        arguments = partial(operation.parameters.arguments, params, partial(take, files))
        returned = _call(run, arguments, environment.coroutines)
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


def _call(run: Run, arguments: Callable[[], dict[str, Any]], coroutines: Coroutines) -> Returned:
    run.limited()
    try:
        with running_for(run.submission.tenant):
            return invoke(
                run.operation, arguments, job=run.job, guard=run.guard, coroutines=coroutines
            )
    finally:
        run.not_limited()
