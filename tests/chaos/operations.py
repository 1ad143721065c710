"""Functions of all kinds that record what they do, and return a value that only they know."""
# ruff: noqa: ARG001 — some parameters only tell jobs apart

import json
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from callboard import Job, operation
from callboard.jobs.errors import Interruption

Way = Literal["exit", "kill", "crash"]
Seconds = Annotated[float, Field(ge=0, le=60)]

STUBBORN_SECONDS: Final = 3.0
_ENDS: Final[Mapping[Way, Callable[[], object]]] = {
    "exit": lambda: os._exit(3),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
}
_STEP_SECONDS: Final = 0.02
_PAGE_SECONDS: Final = 0.1
_PAGES_BEFORE_A_FAILURE: Final = 2


class Outcome(BaseModel):
    """What a run returns: drawn by it, so that no other run can know it."""

    nonce: str


@dataclass(frozen=True)
class Notes:
    """The file to which one attempt writes what it does."""

    job: Job
    file: str
    nonce: str

    def add(self, what: str, **more: object) -> None:
        """Append one line, whole even when this process is killed next."""
        line = {
            "from": "function",
            "at": int(time.time() * 1000),
            "what": what,
            "job": self.job.id,
            "attempt": self.job.attempt,
            "pid": os.getpid(),
            "nonce": self.nonce,
            **more,
        }
        handle = os.open(self.file, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(handle, f"\n{json.dumps(line)}\n".encode())
        finally:
            os.close(handle)


def run(job: Job, notes: str, work: Callable[[], object]) -> Outcome:
    """Record the start, work, and record the end or the interruption."""
    return run_noting(Notes(job, notes, secrets.token_hex(6)), work)


def run_noting(notes: Notes, work: Callable[[], object]) -> Outcome:
    """Do the same, with notes to which the work adds others."""
    notes.add("begin")
    try:
        work()
    except BaseException:
        notes.add("stop")
        raise
    notes.add("end")
    return Outcome(nonce=notes.nonce)


def turn_pages(job: Job, file: str, pages: int, failures: int) -> Outcome:
    """Go on where an earlier attempt has saved; an early attempt fails after its second page."""
    notes = Notes(job, file, secrets.token_hex(6))

    def work() -> None:
        found = job.saved
        notes.add("found", state=found)
        for done, page in enumerate(range(found["page"] if found else 0, pages), 1):
            rest(_PAGE_SECONDS, job)
            state = {"job": job.id, "attempt": job.attempt, "page": page + 1}
            notes.add("save", state=state)
            job.save(state)
            notes.add("saved", state=state)
            if job.attempt <= failures and done == _PAGES_BEFORE_A_FAILURE:
                raise ValueError(f"attempt {job.attempt} fails")

    return run_noting(notes, work)


def rest(seconds: float, job: Job) -> None:
    """Wait in small steps, so that the function can be stopped."""
    pause = threading.Event()
    for _ in job.track(range(max(1, int(seconds / _STEP_SECONDS)))):
        pause.wait(min(seconds, _STEP_SECONDS))


def persist(seconds: float, job: Job) -> None:
    """Wait, and stop only some time after being told to."""
    try:
        rest(seconds, job)
    except Interruption:
        threading.Event().wait(STUBBORN_SECONDS)
        raise


@operation(max_active=5000)
def plain(notes: str, seconds: Seconds = 0, *, job: Job) -> Outcome:
    """Wait."""
    return run(job, notes, lambda: rest(seconds, job))


@operation(max_active=5000)
async def plain_async(notes: str, *, job: Job) -> Outcome:
    """Finish at once, in an event loop."""
    return run(job, notes, lambda: None)


@operation(max_active=5000, max_retries=3, backoff="100ms..500ms")
def fragile(notes: str, failures: int, *, job: Job) -> Outcome:
    """Fail a number of times, then succeed."""

    def work() -> None:
        rest(0.05, job)
        if job.attempt <= failures:
            raise ValueError(f"attempt {job.attempt} fails")

    return run(job, notes, work)


@operation(max_active=5000)
def stubborn(notes: str, seconds: Seconds, *, job: Job) -> Outcome:
    """Wait, and stop late when told to."""
    return run(job, notes, lambda: persist(seconds, job))


@operation(max_active=5000, unique=True)
def single(notes: str, number: int, seconds: Seconds = 0, *, job: Job) -> Outcome:
    """Wait; one job at a time for these parameters."""
    return run(job, notes, lambda: rest(seconds, job))


@operation(max_active=5000, unique_by=lambda number: number, on_conflict="replace", max_running=2)
def latest(notes: str, number: int, seconds: Seconds = 0, *, job: Job) -> Outcome:
    """Wait; a newer job of the same number replaces one that is not running."""
    return run(job, notes, lambda: rest(seconds, job))


@operation(max_active=5000, max_running=2)
def narrow(notes: str, seconds: Seconds, *, job: Job) -> Outcome:
    """Wait, at most two at a time."""
    return run(job, notes, lambda: rest(seconds, job))


@operation(max_active=5000, slots={"gpu": 2})
def wide(notes: str, seconds: Seconds, *, job: Job) -> Outcome:
    """Wait, with two places of a resource."""
    return run(job, notes, lambda: rest(seconds, job))


@operation(max_active=5000, slots={"gpu": 1})
def slim(notes: str, seconds: Seconds, *, job: Job) -> Outcome:
    """Wait, with one place of a resource."""
    return run(job, notes, lambda: rest(seconds, job))


@operation(max_active=5000, isolation="process", max_retries=1, backoff="100ms..500ms")
def apart(notes: str, seconds: Seconds, *, job: Job) -> Outcome:
    """Wait, in a child process."""
    return run(job, notes, lambda: rest(seconds, job))


@operation(max_active=5000, isolation="process", time_limit="2s", stop_grace="500ms")
def unstoppable(notes: str, seconds: Seconds, *, job: Job) -> Outcome:
    """Wait, and continue beyond the time to stop: the process is killed."""
    return run(job, notes, lambda: persist(seconds, job))


@operation(max_active=5000, isolation="process", max_retries=1, backoff="100ms..500ms")
def doomed(notes: str, way: Way, *, job: Job) -> Outcome:
    """End the process in one of several ways, at the first attempt."""

    def work() -> None:
        if job.attempt == 1:
            _ENDS[way]()

    return run(job, notes, work)


@operation(max_active=5000, max_running=1, slots={"gpu": 1, "licence": 1}, max_retries=1)
def choosy(notes: str, seconds: Seconds, *, job: Job) -> Outcome:
    """Wait, one at a time and with places of two resources."""
    return run(job, notes, lambda: rest(seconds, job))


@operation(max_active=5000, max_running=4, max_running_per={"topic": 2})
def shared(notes: str, topic: str, seconds: Seconds, *, job: Job) -> Outcome:
    """Wait, at most two at a time for each topic."""
    return run(job, notes, lambda: rest(seconds, job))


@operation(max_active=5000, max_running_per={"tenant": 3})
def owned(notes: str, seconds: Seconds, *, job: Job) -> Outcome:
    """Wait, at most three at a time for each tenant."""
    return run(job, notes, lambda: rest(seconds, job))


@operation(max_active=5000, max_retries=3, backoff="100ms..500ms")
def paged(notes: str, pages: int, failures: int, *, job: Job) -> Outcome:
    """Turn pages, and save after each."""
    return turn_pages(job, notes, pages, failures)


@operation(max_active=5000, isolation="process", max_retries=3, backoff="100ms..500ms")
def paged_apart(notes: str, pages: int, failures: int, *, job: Job) -> Outcome:
    """Turn pages in a process of its own, and save after each."""
    return turn_pages(job, notes, pages, failures)
