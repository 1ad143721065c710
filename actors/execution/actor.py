"""The Dramatiq actor of an operation."""

from typing import Any

from dramatiq import Actor, Broker

from callboard.actors.execution.environment import ExecutionEnvironment
from callboard.actors.execution.execute import execute
from callboard.actors.process_state.restorer import ProcessStateRestorer
from callboard.actors.runs import Runs
from callboard.jobs.finish import RunOutcome
from callboard.jobs.operation import Operation


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
