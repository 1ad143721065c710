"""Wake a thread out of a wait, so that it hears that it was interrupted."""

import sys
import threading
from contextlib import suppress
from typing import Final

_WAIT: Final = threading.Condition.wait.__code__


def wake(thread_id: int) -> None:
    """Have a thread that waits on a condition go on, once an exception is set for it.

    Python raises what another thread has set at the next step, and a lock that is waited for has
    none. Events, queues, futures and pools all wait in `Condition.wait`, on a lock that nobody
    else has: it can be released, as by a notice. Only a thread that is about to be interrupted may
    be woken so; any other could take it for one.
    """
    frame = sys._current_frames().get(thread_id)  # noqa: SLF001 — documented, for such uses
    if frame is None or frame.f_code is not _WAIT:
        return
    waiter = frame.f_locals.get("waiter")
    if waiter is not None:
        with suppress(RuntimeError):  # it was notified just now
            waiter.release()
