"""Functions that wait, fail, end their process or ignore a stop."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from callboard import Failure, Job, operation

Seconds = Annotated[float, Field(ge=0, le=600)]


def note(path: str, line: str) -> None:
    """Append a line to a file that the test reads, whole even with many writers."""
    if path:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{time.time():.4f} {line}\n".encode())
        os.close(handle)


@contextmanager
def noted(path: str, line: str) -> Iterator[None]:
    """Record a run's start, and its end or interruption."""
    note(path, f"begin {line}")
    try:
        yield
    except BaseException:
        note(path, f"stop {line}")
        raise
    note(path, f"end {line}")


def rest(seconds: float, job: Job) -> None:
    """Wait in small steps, so that the function can be stopped."""
    pause = threading.Event()
    for _ in job.track(range(max(1, int(seconds * 100)))):
        pause.wait(min(seconds, 0.01))


@operation(max_active=5000)
def echo(text: str = "", *, job: Job) -> dict[str, object]:
    """Return the input."""
    return {"text": text, "attempt": job.attempt}


@operation(max_active=5000, max_retries=2, backoff="100ms..200ms")
def wait(seconds: Seconds, path: str = "", *, job: Job) -> int:
    """Wait, and record the start and the end."""
    with noted(path, f"{job.id} {job.attempt} {os.getpid()}"):
        rest(seconds, job)
    return job.attempt


@operation(max_running=2, max_active=5000)
def narrow(seconds: Seconds, path: str = "", label: str = "", *, job: Job) -> str:
    """Wait, at most two at a time."""
    with noted(path, f"{job.id} {job.attempt} {label}"):
        rest(seconds, job)
    return label


@operation(max_active=5000, slots={"gpu": 2})
def wide(seconds: Seconds, path: str = "", *, job: Job) -> None:
    """Wait, with two places of a resource."""
    with noted(path, f"{job.id} {job.attempt} wide"):
        rest(seconds, job)


@operation(max_active=5000, slots={"gpu": 1})
def slim(seconds: Seconds, path: str = "", *, job: Job) -> None:
    """Wait, with one place of a resource."""
    with noted(path, f"{job.id} {job.attempt} slim"):
        rest(seconds, job)


@operation(max_running=1, max_active=5000, slots={"gpu": 1})
def choosy(seconds: Seconds, path: str = "", *, job: Job) -> None:
    """Wait, one at a time and with one place of a resource."""
    with noted(path, f"{job.id} {job.attempt} choosy"):
        rest(seconds, job)


@operation(unique=True, max_active=5000)
def single(number: int, seconds: Seconds = 0.0, *, job: Job) -> int:
    """Return a number that only one active job may have."""
    rest(seconds, job)
    return number


@operation(max_running=2, max_retries=3, backoff="50ms..100ms", max_active=5000)
def fragile(failures: int, path: str = "", *, job: Job) -> int:
    """Fail a number of times, then succeed."""
    with noted(path, f"{job.id} {job.attempt} fragile"):
        if job.attempt <= failures:
            raise ValueError(f"attempt {job.attempt} fails")
        return job.attempt


@operation
def refuse(reason: str) -> None:
    """Fail permanently."""
    raise Failure(reason, retryable=False)


@operation
def kill_worker() -> None:
    """End the whole worker process."""
    os.kill(os.getpid(), signal.SIGKILL)


@operation(time_limit="1s")
def late(seconds: Seconds) -> None:
    """Exceed the time limit."""
    pause = threading.Event()
    for _ in range(int(seconds * 100)):
        pause.wait(0.01)


@operation(time_limit="1s")
async def late_async(seconds: Seconds) -> str:
    """Exceed the time limit, in an event loop."""
    await asyncio.sleep(seconds)
    return "slept"


@operation
def unserialisable() -> object:
    """Return an unreadable result."""
    return object()


@operation
def large(size: int) -> str:
    """Return a number of characters that compress badly."""
    return os.urandom(size // 2).hex()


@operation
def anything(value: Any = None) -> str:
    """Accept any value."""
    return type(value).__name__


@operation
def add_up(numbers: list[int]) -> int:
    """Add numbers."""
    return sum(numbers)


@operation
def chatty(lines: int, *, job: Job) -> int:
    """Log a number of lines and report progress for each."""
    for number in range(lines):
        job.log(f"line {number}")
        job.progress(number, lines)
    return lines


@operation
def touch(path: str) -> None:
    """Create a file."""
    Path(path).touch()
