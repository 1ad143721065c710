"""Operations that submit jobs."""

import threading

from callboard import Job, operation
from callboard.jobs.errors import CallboardError, DependencyMissing, DuplicateJob, InvalidParameters


@operation
def echo(text: str) -> str:
    """Return the input."""
    return text


@operation
def ranked(priority: str) -> str:
    """Have a parameter named like an option."""
    return priority


@operation(unique=True)
def once(text: str) -> str:
    """Run one job at a time."""
    return text


@operation(unique=True, on_conflict="return")
def shared(text: str) -> str:
    """Return the same job to every caller."""
    return text


@operation
def parent(text: str) -> str:
    """Submit from a thread of the worker."""
    return echo.submit(text=text, priority=7)


@operation
async def parent_async(text: str) -> str:
    """Submit from an event loop."""
    return echo.submit(text=text, priority=7)


@operation
def owner(*, job: Job) -> str:
    """Return whose job it is."""
    return job.tenant


@operation(isolation="process")
def owner_apart(*, job: Job) -> str:
    """Return whose job it is from a child process."""
    return job.tenant


@operation(isolation="process")
def parent_apart(text: str) -> str:
    """Submit from a child process."""
    return echo.submit(text=text, priority=7)


@operation
def parent_in_a_thread(text: str) -> str:
    """Submit from a thread of the function, without the context of the job."""
    ids: list[str] = []
    thread = threading.Thread(target=lambda: ids.append(echo.submit(text=text, priority=7)))
    thread.start()
    thread.join()
    return ids[0]


@operation(isolation="process")
def pipeline(text: str) -> str:
    """Submit two jobs, and one that depends on both."""
    parts = [echo.submit(text=text), echo.submit(text=text)]
    return echo.submit(text="index", after=parts)


@operation(isolation="process")
def never_waits(text: str) -> list[str]:
    """Depend on an unknown job."""
    try:
        return [echo.submit(text="index", after=(text,))]
    except DependencyMissing as error:
        return [error.job_id, str(error)]


def _refusals(text: str) -> list[str]:
    heard: list[str] = []
    try:
        once.submit(text=text)
    except DuplicateJob as error:
        heard += [type(error).__name__, error.job_id]
    try:
        once.submit({"text": 3})
    except InvalidParameters as error:
        heard += [type(error).__name__, error.errors[0][0]]
    except CallboardError as error:
        heard.append(repr(error))
    return heard


@operation
def parent_of_a_duplicate(text: str) -> list[str]:
    """Catch refusals in a thread."""
    return _refusals(text)


@operation(isolation="process")
def parent_of_a_duplicate_apart(text: str) -> list[str]:
    """Catch refusals in a child process."""
    return _refusals(text)
