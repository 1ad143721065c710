"""Functions that expose their parameters."""

from callboard import Job, operation


@operation(max_retries=1, backoff="10ms..20ms")
def blurt(text: str, *, job: Job) -> None:
    """Log a text, and fail with it at each attempt."""
    job.step(text)
    job.log(text)
    try:
        int(text)
    except ValueError as error:
        raise ValueError(f"cannot work with {text}") from error


@operation(time_limit="300ms")
def dawdle(text: str, *, job: Job) -> str:
    """Exceed the time limit, with a text in a local variable."""
    for _ in job.track(range(10_000_000)):
        pass
    return text


@operation
def hand_back(text: str) -> object:
    """Return a text within an unreadable result."""
    return {text: object()}
