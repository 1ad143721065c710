"""The Dramatiq actor of an operation."""

from typing import Any

from dramatiq import Actor

from callboard.actors.assembly import Assembly
from callboard.actors.runs import Runs
from callboard.actors.upkeep.upkeep import Upkeep
from callboard.actors.workshop import Workshop
from callboard.jobs.finish import Outcome
from callboard.jobs.operation import Operation


class OperationActor(Actor[..., Any]):
    """An actor whose messages may have a parameter of any name, such as `self`."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Run the function of a message."""
        return self.fn(*args, **kwargs)


def actor_of(
    operation: Operation, assembly: Assembly, runs: Runs, workshop: Workshop, upkeep: Upkeep
) -> Actor[..., Any]:
    """Make the actor that runs an operation for the job that its thread has claimed."""

    def execute(**params: Any) -> Outcome:
        run = runs.own()
        if run is None:
            raise RuntimeError("An operation's message runs only once its job is claimed.")
        with upkeep.during(run):
            return run.execute(params, workshop)

    actor: Actor[..., Any] = OperationActor(
        execute,
        broker=assembly.broker,
        actor_name=operation.name,
        queue_name=assembly.publisher.queue(operation.rules.queue),
        priority=0,
        options={"store_results": True},
    )
    return actor
