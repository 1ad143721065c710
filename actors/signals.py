"""Signals of a worker: SIGTERM arrives twice, and subprocesses of jobs get default handlers."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, Final

SAME_WITHIN_SECONDS: Final = 2.0

_TO_STOP: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_OF_JOBS: Final = (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGXCPU)
_freed: set[signal.Signals] = set()
_blocked = threading.local()


def merge_repeated_sigterm() -> None:
    """Take signals that come within 2 s of the first for the same one.

    A process manager signals the group, and Dramatiq's master forwards what it got: the worker
    would take the second for an order to die at once, without releasing its jobs. To be called
    in the main thread, once the handler that stops the worker is there.
    """
    stop = signal.getsignal(signal.SIGTERM)
    if callable(stop):
        signal.signal(signal.SIGTERM, _merged(stop))


def outlive_timers_and_interrupts() -> None:
    """Do nothing at SIGINT, which is for the master, nor at signals of timers and limits of jobs.

    They are handled rather than ignored, as programs that a function starts would inherit that.
    To be called in the main thread.
    """
    for number in (signal.SIGINT, *_OF_JOBS):
        signal.signal(number, lambda _number, _frame: None)
    free_forks(_OF_JOBS)


def free_forks(numbers: Iterable[signal.Signals] = ()) -> None:
    """Have processes that functions fork take signals as any other does.

    One that comes before they can must wait, or it would be lost on our handlers.

    Args:
        numbers: handled in this process, besides those that stop it.
    """
    first = not _freed
    _freed.update(numbers, _TO_STOP)
    if first:
        os.register_at_fork(before=_block, after_in_parent=_unblock, after_in_child=_be_ordinary)


def _block() -> None:
    _blocked.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _freed)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _blocked.mask)


def _be_ordinary() -> None:
    for number in _freed:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _unblock()


def _merged(stop: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], Any]:
    first_at: list[float] = []

    def on_signal(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not first_at:
            first_at.append(now)
        elif now - first_at[0] < SAME_WITHIN_SECONDS:
            return
        stop(number, frame)

    return on_signal
