"""Operations that resume where an earlier attempt stopped."""

import os
import signal
import threading
from datetime import timedelta
from typing import Any, Final

from callboard import Job, operation

LONG_ENOUGH_S: Final = 1.0
"""Long enough for a saved state to be written, even on a busy machine."""


def _walk(steps: int, fails_at: int, job: Job) -> list[tuple[int, int]]:
    done = job.saved or []
    for step in range(len(done), steps):
        if step == fails_at and job.attempt == 1:
            raise ConnectionError("the way is blocked")
        done.append((step, job.attempt))
        job.save(done)
    return [(step, attempt) for step, attempt in done]


@operation(max_retries=1, retry=lambda _failed: timedelta(0))
def walk(steps: int, fails_at: int, *, job: Job) -> list[tuple[int, int]]:
    """Take steps, each once over all attempts; return which attempt took which."""
    return _walk(steps, fails_at, job)


@operation(max_retries=1, retry=lambda _failed: timedelta(0), isolation="process")
def walk_apart(steps: int, fails_at: int, *, job: Job) -> list[tuple[int, int]]:
    """Do the same in a child process."""
    return _walk(steps, fails_at, job)


@operation(max_retries=1, retry=lambda _failed: timedelta(0), isolation="process")
def die_once(*, job: Job) -> Any:
    """End the process after a save; the next attempt returns the saved state."""
    if job.attempt == 1:
        job.save({"page": 7, "digest": b"\x00\xff"})
        threading.Event().wait(LONG_ENOUGH_S)
        os.kill(os.getpid(), signal.SIGKILL)
    return {"page": job.saved["page"], "digest": job.saved["digest"].hex()}


@operation()
def save_what_does_not_fit(*, job: Job) -> str:
    """Save too much, and continue with the earlier state."""
    job.save("fits")
    try:
        job.save("x" * 2_000_000)
    except ValueError as error:
        return f"{job.saved}: {error}"
    return "no error"


@operation(max_retries=1, retry=lambda _failed: timedelta(0))
def hold_on(*, job: Job) -> Any:
    """Run until stopped, after a save; the next attempt returns the saved state."""
    if job.attempt == 1:
        job.save("as far as this")
        while True:
            job.checkpoint()
            threading.Event().wait(0.01)
    return job.saved
