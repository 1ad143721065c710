"""Calls an operation's function and reads what it returns, so that it can be interrupted."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from functools import partial
from typing import Any, Final

from callboard.actors.coroutines.loop import Coroutines
from callboard.actors.interrupts.guard import Guard, Terminated, stems_from
from callboard.actors.invocation.failures import account
from callboard.actors.invocation.log_capture import captured
from callboard.jobs.errors import Interruption, OperationFault
from callboard.jobs.job import Job
from callboard.jobs.operation import Operation
from callboard.jobs.return_type import Returned


def invoke(
    operation: Operation,
    arguments: Callable[[], dict[str, Any]],
    *,
    job: Job,
    guard: Guard,
    coroutines: Coroutines,
) -> Returned:
    """Call the function, plain or `async`, and read what it returns.

    Validators of its parameters, generators, serialisers and whatever else runs only when it is
    read belong to the function, and so does what renders its errors.

    Args:
        operation: the operation.
        arguments: returns the function's arguments except its job.
        job: of this attempt.
        guard: interrupts it.
        coroutines: run what is `async`.

    Raises:
        Interruption: it was interrupted.
        FailedElsewhere: it failed; its own exception is not passed on.
        MemoryError: memory was exhausted.
        Terminated: its process is to end.
    """
    read = operation.parameters.returns.read

    def prepared() -> Callable[[], Any]:
        # A stop that came too early to interrupt the function is known to its job by now.
        job.checkpoint()
        given = _given(arguments)
        if operation.parameters.wants_job:
            given["job"] = job
        return partial(operation.function, **given)

    def call_plainly() -> tuple[bool, Any]:
        call = prepared()
        if operation.is_async:
            return True, call
        value = call()
        return (True, lambda: value) if _comes_later(value) else (False, read(value))

    async def read_at_length(begin: Callable[[], Any]) -> Returned:
        job.checkpoint()
        return read(await _at_length(begin()))

    caller = _Caller(operation, job, guard)
    # What the function does to its context must not affect the worker's own log lines.
    later, value = guard.call(lambda: copy_context().run(caller.run, call_plainly))
    if later:
        begin = value
        value = coroutines.run(lambda: caller.run_at_length(lambda: read_at_length(begin)), guard)
    returned: Returned = value
    return returned


def _given(arguments: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return arguments()
    except OperationFault as fault:
        if isinstance(fault.__cause__, MemoryError):
            raise fault.__cause__ from None
        raise


_OURS: Final = (Interruption, Terminated, MemoryError)


class _Caller:
    """Runs the function's code, and passes on only an account of what it raises."""

    def __init__(self, operation: Operation, job: Job, guard: Guard) -> None:
        self._guard = guard
        self._job = job
        self._captures = operation.rules.capture_logs

    def run(self, work: Callable[[], Any]) -> Any:
        try:
            with self._heard():
                return work()
        except BaseException as error:
            if self._is_ours(error):
                raise
            failed = account(error)
        raise failed

    async def run_at_length(self, work: Callable[[], Awaitable[Any]]) -> Any:
        try:
            with self._heard():
                return await work()
        except BaseException as error:
            if self._is_ours(error):
                raise
            failed = account(error)
        raise failed

    def _heard(self) -> AbstractContextManager[None]:
        return captured(self._job) if self._captures else nullcontext()

    def _is_ours(self, error: BaseException) -> bool:
        if self._guard.interrupted and stems_from(error, Interruption, asyncio.CancelledError):
            return True
        return issubclass(type(error), _OURS)


async def _at_length(value: Any) -> Any:
    """Await a function's result, and read an async iterator."""
    if inspect.isawaitable(value):
        value = await value
    if hasattr(type(value), "__aiter__"):
        value = [each async for each in value]
    return value


def _comes_later(value: Any) -> bool:
    """Return whether reading the result needs a loop, as after a decorator that is not `async`."""
    return inspect.isawaitable(value) or hasattr(type(value), "__aiter__")
