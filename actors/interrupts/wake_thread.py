"""Wakes a thread that waits, so that it notices its interruption."""

import sys
import threading
from contextlib import suppress
from typing import Final

_WAIT: Final = threading.Condition.wait.__code__


def wake(thread_id: int) -> None:
    """Wake a thread that waits on a condition, once an exception is pending for it.

    Python raises a pending exception at the next step, and waiting for a lock has no steps.
    Events, queues, futures and pools all wait in `Condition.wait`, on a lock that no other thread
    holds: it can be released, as by a notification. Only do this to a thread that is about to be
    interrupted: any other would take it for a notification.
    """
    frame = sys._current_frames().get(thread_id)  # noqa: SLF001 — documented, for such uses
    if frame is None or frame.f_code is not _WAIT:
        return
    waiter = frame.f_locals.get("waiter")
    if waiter is not None:
        with suppress(RuntimeError):  # it was notified meanwhile
            waiter.release()
