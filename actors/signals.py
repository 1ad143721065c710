"""SIGTERM as process managers send it: to a whole group, so that it comes twice."""

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

SAME_WITHIN_SECONDS: Final = 2.0


def merge_repeated_sigterm() -> None:
    """Take signals that come within 2 s of the first for the same one.

    A process manager signals the group, and Dramatiq's master forwards what it got: the worker
    would take the second for an order to die at once, without releasing its jobs. To be called
    in the main thread, once the handler that stops the worker is there.
    """
    stop = signal.getsignal(signal.SIGTERM)
    if callable(stop):
        signal.signal(signal.SIGTERM, _merged(stop))


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
