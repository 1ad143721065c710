"""Interrupts a running function from another thread, and nothing but the function."""

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, Protocol

from callboard.actors.interrupts.trace_hooks import kept_hooks
from callboard.actors.interrupts.wake_thread import wake
from callboard.jobs.errors import Interruption

LOCK_WAIT_SECONDS: Final = 1.0
MAX_CHAIN_LENGTH: Final = 1000
STEPS: Final = 100
"""More bytecode steps than Python takes to raise a pending exception."""

_CAUSE: Final[Callable[[BaseException], Any]] = BaseException.__dict__["__cause__"].__get__
_CONTEXT: Final[Callable[[BaseException], Any]] = BaseException.__dict__["__context__"].__get__
_PARTS: Final[Callable[[BaseException], Any]] = BaseExceptionGroup.__dict__["exceptions"].__get__


class Terminated(SystemExit):
    """The function's child process must end."""


class Passage:
    """A section of one thread's work during which it can be interrupted, once.

    Python raises the interruption at the next step; inside a C call, that is when the call
    returns. It never reaches the thread after it has left the section.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._thread_id: int | None = None
        self._is_interrupted = False

    def through(self, function: Callable[[], Any]) -> Any:
        """Run a function.

        Raises:
            Interruption: it was interrupted, perhaps just as it ended.
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

    def interrupt(self) -> bool:
        """Interrupt the running section, unless there is none or it was interrupted before.

        Returns:
            Whether this call interrupted it.
        """
        if not self._lock.acquire(timeout=LOCK_WAIT_SECONDS):
            return False
        try:
            if self._is_interrupted or self._thread_id is None:
                return False
            self._is_interrupted = True
            raise_in(self._thread_id)
            wake(self._thread_id)
            return True
        finally:
            self._lock.release()

    def _enter(self) -> None:
        with self._lock:
            self._thread_id = threading.get_ident()

    def _leave(self) -> None:
        with self._lock:
            self._thread_id = None
        if self._is_interrupted:
            _take_steps()


class Stoppable(Protocol):
    """Something that runs elsewhere for a function, such as its tasks."""

    def stop(self) -> None:
        """Tell it to stop; never blocks."""

    def press(self) -> None:
        """Insist, as long as it has not stopped."""


class Guard:
    """Runs one function, plain or not, so that it can be interrupted once."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._passage: Final = Passage()
        self._elsewhere: Stoppable | None = None
        self._is_interrupted = False

    @property
    def interrupted(self) -> bool:
        """Whether its function was interrupted."""
        return self._is_interrupted

    def call(self, function: Callable[[], Any]) -> Any:
        """Run a plain function; restore the trace hooks of its thread afterwards.

        Raises:
            Interruption: it was interrupted.
        """

        def begin() -> Any:
            with kept_hooks():
                return function()

        try:
            return self._passage.through(begin)
        except BaseException as error:
            if self._is_interrupted and stems_from(error, Interruption):
                raise Interruption from error
            raise

    @contextmanager
    def over(self, stoppable: Stoppable) -> Iterator[None]:
        """Make an interruption stop what runs elsewhere during this context."""
        with self._lock:
            self._elsewhere = stoppable
        try:
            yield
        finally:
            with self._lock:
                self._elsewhere = None

    def interrupt(self) -> bool:
        """Interrupt the function, if it runs and was not interrupted before.

        Returns:
            Whether this call interrupted it.
        """
        with self._lock:
            if self._is_interrupted:
                return False
            if self._elsewhere is not None:
                self._is_interrupted = True  # before the cause of the stop is read
                self._elsewhere.stop()
            else:
                self._is_interrupted = self._passage.interrupt()
            return self._is_interrupted

    def press(self) -> None:
        """Insist on an interruption that what runs elsewhere may have missed."""
        with self._lock:
            if self._is_interrupted and self._elsewhere is not None:
                self._elsewhere.press()


def stems_from(error: BaseException, *kinds: type[BaseException]) -> bool:
    """Return whether an error is of one of these kinds, or was raised because of one that is."""
    return any(issubclass(type(each), kinds) for each in causes_of(error))


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and then its causes and contexts.

    Libraries wrap exceptions of the code that they call, and cleaning up may fail in turn.
    """
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting and len(seen) < MAX_CHAIN_LENGTH:
        each = waiting.pop()
        if each is None or any(each is other for other in seen):
            continue
        yield each
        seen.append(each)
        # From Python itself: a class may report something else for its instances.
        waiting += [_CAUSE(each), _CONTEXT(each)]
        if issubclass(type(each), BaseExceptionGroup):
            waiting += _PARTS(each) or ()


def raise_in(thread_id: int) -> None:
    """Make a thread raise `Interruption` at its next step."""
    _set_in(thread_id)
    if sys.version_info < (3, 12) and thread_id != threading.get_ident():
        # Until that thread raises it, perhaps after a C call, any other thread that is traced or
        # profiled would loop for ever. An exception raised and caught here ends that.
        with suppress(Interruption):
            _set_in(threading.get_ident())
            _take_steps()


def _take_steps() -> None:
    """Make a pending exception of this thread be raised here and now.

    Clearing it instead would, if none is pending, keep Python 3.11 looking for it: functions that
    are traced or profiled would never proceed.
    """
    for _ in range(STEPS):
        pass


def _set_in(thread_id: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_id), ctypes.py_object(Interruption)
    )
