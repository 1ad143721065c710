"""Interrupt a running function from another thread, and never anything but the function."""

import asyncio
import ctypes
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final

from actors.waking import wake
from jobs.errors import Interruption

LOCK_WAIT_SECONDS: Final = 1.0


class Guard:
    """Runs one function so that it can be interrupted once.

    Python raises the interruption at the function's next step; code that is inside a C call
    hears of it when that returns. It never reaches the thread after the function has ended.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._thread_id: int | None = None
        self._cancel_task: Callable[[], object] | None = None
        self._interrupted = False

    def call(self, function: Callable[[], Any]) -> Any:
        """Run a plain function.

        Raises:
            Interruption: it was interrupted.
        """
        try:
            try:
                self._enter()
                return function()
            finally:
                self._leave()
        except Interruption:
            # It may have been raised inside `_leave`; there is never a second one.
            self._leave()
            raise

    def call_async(self, function: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run a coroutine in an event loop of its own; interrupting cancels its task.

        Raises:
            Interruption: it was interrupted.
        """

        async def run() -> Any:
            task = asyncio.current_task()
            loop = asyncio.get_running_loop()
            with self._lock:
                if self._interrupted:
                    raise Interruption
                if task is not None:
                    self._cancel_task = lambda: loop.call_soon_threadsafe(task.cancel)
            try:
                return await function()
            finally:
                with self._lock:
                    self._cancel_task = None

        try:
            return asyncio.run(run())
        except asyncio.CancelledError:
            raise Interruption from None

    def interrupt(self) -> bool:
        """Interrupt the function, if it runs and was not interrupted before.

        Returns:
            Whether the interruption was raised now.
        """
        if not self._lock.acquire(timeout=LOCK_WAIT_SECONDS):
            return False
        try:
            if self._interrupted:
                return False
            if self._cancel_task is not None:
                self._interrupted = True
                self._cancel_task()
            elif self._thread_id is not None:
                self._interrupted = True
                _raise_in(self._thread_id, Interruption)
                wake(self._thread_id)
            return self._interrupted
        finally:
            self._lock.release()

    def _enter(self) -> None:
        with self._lock:
            self._thread_id = threading.get_ident()

    def _leave(self) -> None:
        with self._lock:
            if self._thread_id is not None:
                thread_id, self._thread_id = self._thread_id, None
                _raise_in(thread_id, None)


def _raise_in(thread_id: int, kind: type[BaseException] | None) -> None:
    """Set, or with None clear, the exception that a thread raises at its next step."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_id), ctypes.py_object(kind) if kind is not None else None
    )
