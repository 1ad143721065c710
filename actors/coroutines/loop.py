"""The event loop of a process's async functions, in a thread of its own or in this one."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Any, Final, Protocol

from callboard.actors.coroutines.pools import track_submissions
from callboard.actors.coroutines.run import CoroutineRun, run_of
from callboard.actors.interrupts.guard import Guard, stems_from
from callboard.jobs.errors import Interruption

Begin = Callable[[], Coroutine[Any, Any, Any]]

BLOCKED_SECONDS: Final = 1.0
"""A loop that takes longer to begin a run is blocked, and is replaced."""

_CLOSE_SECONDS: Final = 2.0


class Coroutines(Protocol):
    """Runs the coroutines of functions, all on the same loop."""

    def run(self, begin: Begin, guard: Guard) -> Any:
        """Run a coroutine, and return its result.

        Raises:
            Interruption: its guard interrupted it.
            BaseException: whatever it raises.
        """


class SharedLoop:
    """One loop for all threads of a worker, so that clients kept in modules work in every run.

    A loop that a function blocks keeps its runs, and another one takes its place.
    """

    def __init__(self, *, blocked_seconds: float = BLOCKED_SECONDS) -> None:
        self._blocked_seconds = blocked_seconds
        self._lock = threading.Lock()
        self._current: _LoopThread | None = None

    def run(self, begin: Begin, guard: Guard) -> Any:
        """Run a coroutine on the loop, and wait for its end in this thread."""
        context = copy_context()
        while True:
            beside = self._loop()
            run = CoroutineRun(beside.loop, begin, context)
            with guard.over(run):
                if beside.conduct(run, begins_within=self._blocked_seconds):
                    return _outcome(run, guard)
            self._leave(beside)

    def close(self) -> None:
        """End the loop, once no function runs any more."""
        with self._lock:
            beside, self._current = self._current, None
        if beside is not None:
            beside.close()

    def _loop(self) -> "_LoopThread":
        with self._lock:
            if self._current is None:
                self._current = _LoopThread()
            return self._current

    def _leave(self, beside: "_LoopThread") -> None:
        with self._lock:
            if self._current is beside:
                self._current = None
        beside.retire()


class OwnLoop:
    """A loop in the thread that runs the functions, for a child process."""

    def __init__(self) -> None:
        self._loop: OperationsLoop | None = None

    def close(self) -> None:
        """Close it, once no function runs any more."""
        if self._loop is not None:
            self._loop.close()

    def run(self, begin: Begin, guard: Guard) -> Any:
        """Run a coroutine in this thread."""
        if self._loop is None or self._loop.is_closed():
            self._loop = OperationsLoop()
        loop = self._loop
        loop.set_task_factory(make_task)
        run = CoroutineRun(loop, begin, copy_context())
        with guard.over(run):
            conducted = loop.create_task(run.conduct())
            conducted.add_done_callback(lambda _: loop.stop())
            while not conducted.done():
                try:
                    loop.run_forever()
                except (SystemExit, KeyboardInterrupt) as error:
                    if not run.has_raised(error):
                        raise
            return _outcome(run, guard)


class OperationsLoop(asyncio.SelectorEventLoop):
    """A loop whose runs have threads of their own."""

    def __init__(self) -> None:
        super().__init__()
        track_submissions()

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]  # as loosely typed as it is used
        """Run a function in a thread that belongs to the calling run."""
        run = run_of(None)
        if run is None:
            return super().run_in_executor(executor, func, *args)
        return super().run_in_executor(executor or run.executor, func, *args)


def make_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> Any:
    """Create a task, which belongs to the run that creates it."""
    context: Context | None = more.get("context")
    run = run_of(context)
    if run is None:
        return asyncio.Task(coroutine, loop=loop, **more)
    return run.task(coroutine, loop, **more)


class _LoopThread:
    """A loop and the thread that it runs in."""

    def __init__(self) -> None:
        self.loop: Final = OperationsLoop()
        self._is_closing = False
        self._runs = 0
        self._is_retired = False
        self._thread = threading.Thread(target=self._run, name="coroutines", daemon=True)
        self._thread.start()

    def conduct(self, run: CoroutineRun, *, begins_within: float) -> bool:
        """Conduct a run; return False, without effect, if the loop did not begin in time."""
        once = threading.Lock()
        begun, ended = threading.Event(), threading.Event()
        kept: list[asyncio.Task[None]] = []

        def begin() -> None:
            if not once.acquire(blocking=False):
                return
            begun.set()
            self._runs += 1
            self.loop.set_task_factory(make_task)
            task = self.loop.create_task(run.conduct())
            kept.append(task)
            task.add_done_callback(end)

        def end(_: object) -> None:
            self._runs -= 1
            self._close_if_left()
            ended.set()

        # Not in the context of the run: the conducting task does not belong to it.
        self.loop.call_soon_threadsafe(begin, context=Context())
        if not begun.wait(begins_within) and once.acquire(blocking=False):
            return False
        ended.wait()
        kept[0].result()
        return True

    def retire(self) -> None:
        """Close it once its last run has ended."""

        def leave() -> None:
            self._is_retired = True
            self._close_if_left()

        with suppress(RuntimeError):  # it is closed
            self.loop.call_soon_threadsafe(leave, context=Context())

    def close(self) -> None:
        """Close it now."""
        self._is_closing = True
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_CLOSE_SECONDS)

    def _close_if_left(self) -> None:
        if self._is_retired and not self._runs:
            self._is_closing = True
            self.loop.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while not self._is_closing:
            # A function that exits ends its run, not the loop.
            with suppress(BaseException):
                self.loop.run_forever()
        self.loop.close()


def _outcome(run: CoroutineRun, guard: Guard) -> Any:
    try:
        return run.result()
    except BaseException as error:
        if guard.interrupted and stems_from(error, asyncio.CancelledError, Interruption):
            raise Interruption from error
        raise
