"""Whether a child that has run a function is as good as a new one."""

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from callboard.actors.upkeep.aspect import State
from callboard.actors.upkeep.interpreter import interpreter_aspects
from callboard.actors.upkeep.kernel import kernel_aspects, signal_aspects, thread_aspects
from callboard.actors.upkeep.logs import logging_aspects

MAX_DESCRIPTORS: Final = 64
"""So many a child may have open beyond those of a new one, as for clients that modules keep."""


class ReuseCheck:
    """Remembers what this process was like, and makes it so again.

    To be made in the main thread, in which functions run, before the first of them.
    """

    def __init__(self) -> None:
        self._state = State(
            [
                *kernel_aspects(),
                *thread_aspects(),
                *signal_aspects(),
                *interpreter_aspects(),
                *logging_aspects(),
            ]
        )
        self._threads = set(threading.enumerate())
        self._descriptors = _count_descriptors()

    def put_back(self) -> list[str]:
        """Put back what a function has changed, and name what cannot be: none for a good child."""
        lost = [
            aspect.name for aspect, _now in self._state.changed() if not self._state.restore(aspect)
        ]
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
    """Take note of processes that have ended, as nobody else does; say whether any live."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False
