"""The Dramatiq actor of an operation."""

import logging
from typing import Any

from dramatiq import Actor
from dramatiq.middleware import SkipMessage

from actors.assembly import Assembly
from actors.runs import Runs
from actors.upkeep.upkeep import Upkeep
from actors.workshop import Workshop
from jobs.errors import Failure
from jobs.finish import Outcome
from jobs.operation import Operation


def actor_of(
    operation: Operation, assembly: Assembly, runs: Runs, workshop: Workshop, upkeep: Upkeep
) -> Actor[..., Any]:
    """Make the actor that runs an operation for the job that its thread has claimed."""

    def execute(**params: Any) -> Outcome:
        run = runs.own()
        if run is None:
            raise RuntimeError("An operation's message runs only once its job is claimed.")
        try:
            with upkeep.during(run):
                return run.execute(params, workshop)
        except SkipMessage as error:
            # Dramatiq would take it for a message that was never run.
            raise Failure("The function asked to be skipped.", retryable=False) from error

    actor: Actor[..., Any] = Actor(
        execute,
        broker=assembly.broker,
        actor_name=operation.name,
        queue_name=assembly.publisher.queue(operation.rules.queue),
        priority=0,
        options={"store_results": True},
    )
    # It would write the parameters at `debug`.
    actor.logger.setLevel(logging.INFO)
    return actor
