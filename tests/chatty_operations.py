"""Operations that print, log, and choose their retry delay."""

# ruff: noqa: T201 — that is what they do

import asyncio
import logging
import sys
import threading

from callboard import Job, RetryAfter, operation

_MEET = threading.Barrier(2)


def _say(name: str) -> None:
    print(f"{name} prints")
    print(name, "half", end="")
    print(" a line", file=sys.stdout)
    print(f"{name} errs", file=sys.stderr)
    logging.getLogger("some.library").warning("%s logs", name)
    print(f"{name} never ends a line", end="")


@operation(capture_logs=True)
def say(name: str) -> None:
    """Print and log in every way."""
    _say(name)


@operation(capture_logs=True)
def say_beside(name: str) -> None:
    """Print while another job prints."""
    _MEET.wait(20)
    _say(name)
    _MEET.wait(20)


@operation(capture_logs=True)
async def say_async(name: str) -> None:
    """Print in a task and in a thread."""
    await asyncio.to_thread(_say, name)


@operation(capture_logs=True, isolation="process")
def say_apart(name: str) -> None:
    """Print in a child process."""
    _say(name)


@operation
def print_without_capture(name: str) -> None:
    """Print without capture."""
    _say(name)


@operation(capture_logs=True)
def flood(lines: int) -> None:
    """Print more than a log can hold, and a very long line."""
    print("x" * 1_000_000)
    for number in range(lines):
        print(number)


@operation(capture_logs=True)
def say_oddly() -> str:
    """Print and log unprintable text."""
    print("a\udc80 b")
    sys.stdout.writelines(["one\n", "two\n"])
    logging.getLogger().error("redis://user:secret@host/0")
    return sys.stdout.encoding or ""


@operation(max_retries=1, backoff="1h..1h")
def wait_and_see(seconds: float, *, job: Job) -> int:
    """Request a retry soon."""
    if job.attempt == 1:
        raise RetryAfter(seconds)
    return job.attempt


@operation(max_retries=1, backoff="1h..1h", isolation="process")
def wait_and_see_apart(seconds: float, *, job: Job) -> int:
    """Request a retry soon, from a child process."""
    if job.attempt == 1:
        raise RetryAfter(seconds)
    return job.attempt


@operation(max_retries=1, backoff="50ms..50ms")
def ask_again() -> None:
    """Request a retry every time."""
    raise RetryAfter("0", "the other side is busy")
