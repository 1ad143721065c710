"""Call an operation's function such that it can be interrupted."""

from contextvars import copy_context
from typing import Any

from actors.interrupts import Guard
from jobs.job import Job
from jobs.operation import Operation


def invoke(operation: Operation, arguments: dict[str, Any], *, job: Job, guard: Guard) -> Any:
    """Call the function, plain or `async`, and give what it returns.

    Raises:
        Interruption: it was interrupted.
        Exception: whatever the function raises.
    """
    if operation.parameters.wants_job:
        arguments["job"] = job
    call = guard.call_async if operation.is_async else guard.call

    def begin() -> Any:
        # Whoever came too early to interrupt the function has told its job by now.
        job.checkpoint()
        # What the function does to its context must not reach the worker's own lines.
        return copy_context().run(operation.function, **arguments)

    return call(begin)
