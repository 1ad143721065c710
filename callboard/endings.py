"""How a command ends when it does not end well: one line, and an exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

import click

from callboard.errors import CallboardClientError, CannotAsk, JobFailed, ServerAway
from callboard.showing import plain, reason_of

NOT_SUCCEEDED: Final = 1
WRONG_USAGE: Final = 2
REFUSED: Final = 3
AWAY: Final = 4
INTERRUPTED: Final = 130  # 128 and the number of the signal, as shells count


class Group(click.Group):
    """Turns what the client raises into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except JobFailed as error:
            _stop(reason_of(dict(error.job)), NOT_SUCCEEDED)
        except CannotAsk as error:
            _stop(f"callboard: {error}", WRONG_USAGE)
        except (ServerAway, TimeoutError) as error:
            _stop(f"callboard: {error}", AWAY)
        except CallboardClientError as error:
            _stop(f"callboard: {error}", REFUSED)


@contextmanager
def waiting_for(job_id: str) -> Iterator[None]:
    """Wait for a job; who presses Ctrl-C meanwhile reads how to see it again."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        _stop(f"The job goes on: callboard watch {plain(job_id)}", INTERRUPTED)


def _stop(line: str, code: int) -> NoReturn:
    click.echo(line, err=True)
    sys.exit(code)
