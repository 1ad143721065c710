"""Call an operation's function, and read what it returns, such that it can be interrupted."""

import inspect
from contextvars import copy_context
from typing import Any

from actors.coroutines.loop import Coroutines
from actors.interrupts import Guard
from jobs.job import Job
from jobs.operation import Operation
from jobs.returns import Returned


def invoke(
    operation: Operation,
    arguments: dict[str, Any],
    *,
    job: Job,
    guard: Guard,
    coroutines: Coroutines,
) -> Returned:
    """Call the function, plain or `async`, and read what it returns.

    Generators, serialisers and whatever else works only when it is read are the function's, too.

    Raises:
        Interruption: it was interrupted.
        ResultNotSerialisable: what it returned cannot be sent.
        Exception: whatever the function raises.
    """
    if operation.parameters.wants_job:
        arguments["job"] = job
    read = operation.parameters.returns.read

    def call() -> Any:
        # Whoever came too early to interrupt the function has told its job by now.
        job.checkpoint()
        return operation.function(**arguments)

    async def call_at_length() -> Returned:
        return read(await _at_length(call()))

    async def read_at_length(value: Any) -> Returned:
        return read(await _at_length(value))

    def call_plainly() -> Any:
        value = call()
        return value if _comes_later(value) else read(value)

    if operation.is_async:
        value = coroutines.run(call_at_length, guard)
    else:
        # What the function does to its context must not reach the worker's own lines.
        value = guard.call(lambda: copy_context().run(call_plainly))
        if _comes_later(value):
            value = coroutines.run(lambda: read_at_length(value), guard)
    returned: Returned = value
    return returned


async def _at_length(value: Any) -> Any:
    """Await what a function gave, and read what comes one by one."""
    if inspect.isawaitable(value):
        value = await value
    if hasattr(type(value), "__aiter__"):
        value = [each async for each in value]
    return value


def _comes_later(value: Any) -> bool:
    """Whether a loop is needed to get at it, as after a decorator that is not `async` itself."""
    return inspect.isawaitable(value) or hasattr(type(value), "__aiter__")
