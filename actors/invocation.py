"""Call an operation's function, and read what it returns, such that it can be interrupted."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from typing import Any, Final

from actors.capturing import captured
from actors.coroutines.loop import Coroutines
from actors.failures import account
from actors.interrupts import Guard, Terminated, stems_from
from jobs.errors import Interruption
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

    Generators, serialisers and whatever else works only when it is read are the function's, too;
    and so is what describes an error of its own.

    Raises:
        Interruption: it was interrupted.
        FailedElsewhere: it failed; what it raised does not come out.
        MemoryError: there was not enough memory for it.
        Terminated: its process is to end.
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

    def call_plainly() -> tuple[bool, Any]:
        value = call()
        later = _comes_later(value)
        return later, value if later else read(value)

    caller = _Caller(operation, job, guard)
    if operation.is_async:
        value = coroutines.run(lambda: caller.run_at_length(call_at_length), guard)
    else:
        # What the function does to its context must not reach the worker's own lines.
        later, value = guard.call(lambda: copy_context().run(caller.run, call_plainly))
        if later:
            awaited = value
            value = coroutines.run(
                lambda: caller.run_at_length(lambda: read_at_length(awaited)), guard
            )
    returned: Returned = value
    return returned


_OURS: Final = (Interruption, Terminated, MemoryError)


class _Caller:
    """Runs what is the function's, and lets nothing that it raises out but an account of it."""

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
    """Await what a function gave, and read what comes one by one."""
    if inspect.isawaitable(value):
        value = await value
    if hasattr(type(value), "__aiter__"):
        value = [each async for each in value]
    return value


def _comes_later(value: Any) -> bool:
    """Whether a loop is needed to get at it, as after a decorator that is not `async` itself."""
    return inspect.isawaitable(value) or hasattr(type(value), "__aiter__")
