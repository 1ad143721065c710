"""Functions that ignore a stop."""

import os
import threading
import time
from collections import deque
from contextlib import suppress
from itertools import repeat

from callboard import Job, operation
from callboard.jobs.errors import Interruption
from tests.system.operations.trials import Seconds, note


@operation(max_active=5000)
def resist(seconds: Seconds, path: str = "", *, job: Job) -> int:
    """Continue for a fixed time in the first attempt, ignoring every interruption."""
    until = time.monotonic() + (seconds if job.attempt == 1 else 0)
    pause = threading.Event()
    note(path, f"begin {job.id} {job.attempt} {os.getpid()}")
    while time.monotonic() < until:
        with suppress(Interruption):
            while time.monotonic() < until:
                pause.wait(0.01)
    return job.attempt


@operation(max_active=5000)
def keep_the_lock(steps: int, path: str = "", *, job: Job) -> int:
    """Block all other threads of the process in the first attempt: C code that never yields."""
    note(path, f"begin {job.id} {job.attempt} {os.getpid()}")
    if job.attempt == 1:
        deque(repeat(None, steps), maxlen=0)
    return job.attempt
