"""One run of an async function: its tasks and the threads that it uses."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, ContextVar
from typing import Any, Final

from callboard.actors.coroutines.steps import Steps
from callboard.actors.interrupts.guard import Guard, Passage
from callboard.actors.interrupts.trace_hooks import kept_hooks
from callboard.jobs.errors import Interruption

CANCEL_AGAIN_SECONDS: Final = 1.0

_RUN: Final[ContextVar["CoroutineRun | None"]] = ContextVar("coroutine_run", default=None)


class CoroutineRun:
    """Runs a coroutine function as a task, and ends what it leaves behind.

    Args:
        begin: creates the coroutine, inside the task.
        context: the context that it runs in.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        begin: Callable[[], Coroutine[Any, Any, Any]],
        context: Context,
    ) -> None:
        self._loop = loop
        self._begin = begin
        self._context = context
        self._context.run(_RUN.set, self)
        self._passage: Final = Passage()
        self._main: asyncio.Task[Any] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_told = False
        self._has_heard = False
        self._threads: Final = RunThreads()

    async def conduct(self) -> None:
        """Run it to its end, and make sure that its tasks and threads end as well."""
        with kept_hooks():
            self._main = self._loop.create_task(self._run(), context=self._context)
            if self._is_told:
                self._main.cancel()
            await asyncio.wait([self._main])
            self._threads.stop()
            while rest := [each for each in self._tasks if not each.done()]:
                for task in rest:
                    task.cancel()
                await asyncio.wait(rest, timeout=CANCEL_AGAIN_SECONDS)
            self._threads.close()

    def stop(self) -> None:
        """Cancel the function's task, and interrupt its threads."""
        self._is_told = True
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._cancel)
        self._threads.stop()

    def press(self) -> None:
        """Interrupt a step that blocks the loop, so that nothing could be cancelled."""
        if not self._has_heard:
            self._passage.interrupt()

    def result(self) -> Any:
        """Return the result once everything has ended; waits for its threads.

        Raises:
            BaseException: whatever the function raised.
        """
        self._threads.join()
        if self._main is None:
            raise Interruption
        return self._main.result()

    def has_raised(self, error: BaseException) -> bool:
        """Return whether the error was raised by one of its tasks."""
        ended = [each for each in self._tasks if each.done() and not each.cancelled()]
        return any(each.exception() is error for each in ended)

    def task(self, coroutine: Any, loop: asyncio.AbstractEventLoop, **more: Any) -> Any:
        """Create a task that belongs to this run."""
        task = asyncio.Task(Steps(coroutine, self._passage), loop=loop, **more)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def offload(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function for another thread to run."""
        return self._threads.guarded(function)

    @property
    def executor(self) -> ThreadPoolExecutor:
        """The default executor of the run."""
        return self._threads.executor

    async def _run(self) -> Any:
        return await self._begin()

    def _cancel(self) -> None:
        self._has_heard = True
        if self._main is not None:
            self._main.cancel()


class RunThreads:
    """The work of one run in other threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._guards: set[Guard] = set()
        self._is_closed = False
        self._executor: ThreadPoolExecutor | None = None

    @property
    def executor(self) -> ThreadPoolExecutor:
        """A pool of its own, created when needed."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(thread_name_prefix="offloaded")
        return self._executor

    def guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function: `stop` interrupts it, `join` awaits it, and it cannot begin later."""

        def run(*args: Any, **named: Any) -> Any:
            guard = Guard()
            with self._changed:
                if self._is_closed:
                    raise Interruption
                self._guards.add(guard)
            try:
                return guard.call(lambda: function(*args, **named))
            finally:
                with self._changed:
                    self._guards.discard(guard)
                    self._changed.notify_all()

        return run

    def stop(self) -> None:
        """Interrupt running functions; one that cleans up may start more."""
        with self._changed:
            guards = list(self._guards)
        for guard in guards:
            guard.interrupt()

    def close(self) -> None:
        """Start nothing more, and interrupt running functions."""
        with self._changed:
            self._is_closed = True
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
        self.stop()

    def join(self) -> None:
        """Wait until nothing runs."""
        with self._changed:
            while self._guards:
                self._changed.wait()
        if self._executor is not None:
            self._executor.shutdown(wait=True)


def run_of(context: Context | None) -> CoroutineRun | None:
    """Return the run that a context belongs to, by default the current one."""
    return _RUN.get() if context is None else context.get(_RUN)
