"""Run the function of a claimed job, here or in a child: fetch its files, and keep its result."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from callboard.actors.coroutines.loop import Coroutines
from callboard.actors.execution.environment import ExecutionEnvironment
from callboard.actors.invocation.failures import account
from callboard.actors.invocation.invoke import invoke
from callboard.actors.isolation.run_in_child import run_in_child
from callboard.actors.runs import Run
from callboard.jobs.errors import CallboardError, Cancelled, Interruption
from callboard.jobs.files.inputs import fetched, take_from
from callboard.jobs.finish import RunOutcome
from callboard.jobs.return_type import Returned
from callboard.jobs.submit_from_python import running_for


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
    inputs = environment.inputs(folder, tenant=tenant)
    outputs = run.outputs = environment.outputs(folder, operation, tenant=tenant)
    try:
        fetch = partial(inputs.fetch, proceed=run.job.checkpoint)
        if operation.rules.isolation == "process":
            bounds = environment.bounds(operation)
            outcome, finalized = run_in_child(
                run, params, environment.children, bounds, folder, fetch
            )
            outputs.take(finalized)
            return outputs.keep_encoded(outcome, proceed=run.job.checkpoint)
        take = take_from(fetched(run.submission.files, fetch))
        arguments = partial(operation.parameters.arguments, params, take)
        returned = _call(run, arguments, environment.coroutines)
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
