"""Functions that should not exist, but will."""

from dramatiq.middleware import SkipMessage

from callboard import Failure, Job, operation

HALF_A_CHARACTER = "\udc80"


class Speechless(Exception):
    """An error that cannot be printed."""

    def __str__(self) -> str:
        raise ValueError("no words")


@operation
def log_oddly(*, job: Job) -> int:
    """Report text that UTF-8 cannot encode."""
    job.step(f"reading {HALF_A_CHARACTER}")
    job.log(f"read {HALF_A_CHARACTER}")
    return 1


@operation
def fail_oddly() -> None:
    """Fail with a text that UTF-8 cannot encode."""
    raise ValueError(HALF_A_CHARACTER)


@operation
def fail_speechlessly() -> None:
    """Fail with an error that itself fails."""
    raise Speechless


@operation
def fail_with_an_error() -> None:
    """Fail with an error in place of a text."""
    raise Failure(ValueError("not a text"), retryable=False)  # type: ignore[arg-type]


@operation
def skip() -> None:
    """Raise what Dramatiq interprets as a message that must not run."""
    raise SkipMessage("not today")


@operation
def exit_worker() -> None:
    """Raise what ends a program."""
    raise SystemExit(3)
