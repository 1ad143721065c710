"""Functions that nobody should write, and that somebody will."""

from dramatiq.middleware import SkipMessage

from callboard import Failure, Job, operation

HALF_A_CHARACTER = "\udc80"


class Speechless(Exception):
    """An error that cannot be shown."""

    def __str__(self) -> str:
        raise ValueError("no words")


@operation
def log_oddly(*, job: Job) -> int:
    """Report what UTF-8 cannot carry."""
    job.step(f"reading {HALF_A_CHARACTER}")
    job.log(f"read {HALF_A_CHARACTER}")
    return 1


@operation
def fail_oddly() -> None:
    """Fail with a text that UTF-8 cannot carry."""
    raise ValueError(HALF_A_CHARACTER)


@operation
def fail_speechlessly() -> None:
    """Fail with an error that fails, too."""
    raise Speechless


@operation
def fail_with_an_error() -> None:
    """Fail with an error where a text is wanted."""
    raise Failure(ValueError("not a text"), retryable=False)  # type: ignore[arg-type]


@operation
def skip() -> None:
    """Raise what Dramatiq takes for a message that does not run."""
    raise SkipMessage("not today")


@operation
def exit_worker() -> None:
    """Raise what ends a program."""
    raise SystemExit(3)
