"""Checks whether a child that has run a function is as good as a new one."""

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from callboard.actors.process_state.interpreter import interpreter_items, logging_items
from callboard.actors.process_state.kernel import kernel_items, signal_items, thread_items
from callboard.actors.process_state.state import ProcessState

MAX_DESCRIPTORS: Final = 64
"""How many more open files than a new child one may have, as for clients in modules."""


class ReuseCheck:
    """Remembers the state of this process and restores it.

    Create it in the main thread, which runs the functions, before the first of them.
    """

    def __init__(self) -> None:
        self._state = ProcessState(
            [
                *kernel_items(),
                *thread_items(),
                *signal_items(),
                *interpreter_items(),
                *logging_items(),
            ]
        )
        self._threads = set(threading.enumerate())
        self._descriptors = _count_descriptors()

    def put_back(self) -> list[str]:
        """Restore what a function has changed, and return the names of what cannot be restored."""
        lost = [item.name for item, _now in self._state.changed() if not self._state.restore(item)]
        if any(each not in self._threads for each in threading.enumerate()):
            lost.append("threads")
        if _has_children():
            lost.append("processes")
        if _count_descriptors() > self._descriptors + MAX_DESCRIPTORS:
            lost.append("open files")
        return lost


def _count_descriptors() -> int:
    with suppress(OSError):
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    return 0


def _has_children() -> bool:
    """Reap ended processes, which no one else does; return whether any live."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False
