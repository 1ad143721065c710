"""The end of a failed command: one line and an exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

import click

from callboard.client.errors import (
    CallboardClientError,
    CannotAsk,
    JobFailed,
    Problem,
    ServerAway,
    StrangeAnswer,
)
from callboard.client.job_output import plain, reason_of
from callboard.client.terminal import WRONG_USAGE, PipedGroup, discard_unwritten

NOT_SUCCEEDED: Final = 1
REFUSED: Final = 3
AWAY: Final = 4
INTERRUPTED: Final = 130  # 128 plus the number of the signal, as in shells


class Group(PipedGroup):
    """Converts the client's errors to one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if (code := _code_of(error)) is None:
                raise
            _stop(_line_of(error), code)


def _code_of(error: Exception) -> int | None:
    match error:
        case JobFailed():
            return NOT_SUCCEEDED
        case CannotAsk() | OSError() | UnicodeError() if not isinstance(error, TimeoutError):
            return WRONG_USAGE
        case ServerAway() | StrangeAnswer() | TimeoutError():
            return AWAY
        case CallboardClientError():
            return REFUSED
    return None


def _line_of(error: Exception) -> str:
    match error:
        case JobFailed():
            return reason_of(dict(error.job))
        case Problem(kind="duplicate-job"):
            other = error.document.get("existing_job") or {}
            job_id, status = plain(other.get("id", "")), plain(other.get("status", "active"))
            watch = f" Job {job_id} is {status}: callboard watch {job_id}" if job_id else ""
            return f"callboard: {plain(error)}{watch}"
        case UnicodeError():
            return "callboard: An argument or file is not valid text in its encoding."
    return f"callboard: {plain(error)}"


@contextmanager
def waiting_for(job_id: str) -> Iterator[None]:
    """Wait for a job; on a lost connection or Ctrl-C, print how to follow it again."""
    goes_on = f"The job continues: callboard watch {plain(job_id)}"
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        _stop(goes_on, INTERRUPTED)
    except (ServerAway, StrangeAnswer) as error:
        _stop(f"callboard: {plain(error)} {goes_on}", AWAY)


def _stop(line: str, code: int) -> NoReturn:
    click.echo(line, err=True)
    discard_unwritten()
    sys.exit(code)
