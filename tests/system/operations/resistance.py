"""Functions that do not stop when they are told to."""

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
    """Go on for so long in the first attempt, whatever anybody says."""
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
    """Let no other thread of the process run in the first attempt: C code that never yields."""
    note(path, f"begin {job.id} {job.attempt} {os.getpid()}")
    if job.attempt == 1:
        deque(repeat(None, steps), maxlen=0)
    return job.attempt
