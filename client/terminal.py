"""Standard output and error as they are: of any encoding, closed, or a pipe that nobody reads."""

import json
import os
import sys
from contextlib import suppress
from typing import Any, Final, NoReturn, TextIO

import click
from rich.console import Console

WRONG_USAGE: Final = 2
BROKEN_PIPE: Final = 141  # 128 and the number of SIGPIPE, as shells count
_NOWHERE: Final = "ascii"


def tolerate_encodings() -> None:
    """Have what the encoding of a stream lacks shown as a question mark rather than end all."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # of real streams


def json_text(value: Any, *, indent: int | None = None) -> str:
    r"""Write JSON that standard output can take: what its encoding lacks comes as `\u0142`."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or _NOWHERE)
    except (UnicodeEncodeError, LookupError):
        return json.dumps(value, indent=indent)
    return text


def leave_broken_pipe() -> NoReturn:
    """End as a program does whose reader has gone, as `head` does; nothing is left to say.

    Raises:
        SystemExit: always.
    """
    # The interpreter flushes once more at its end, and would complain.
    for stream in (sys.stdout, sys.stderr):
        _discard(stream)
    raise SystemExit(BROKEN_PIPE)


def _discard(stream: TextIO) -> None:
    with suppress(AttributeError, ValueError, OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def discard_unwritten() -> None:
    """Let go of what a stream cannot take, as on a full disk.

    The interpreter flushes once more at its end, would complain, and replace the exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, ValueError):
            pass  # there is none, or it is closed
        except OSError:
            _discard(stream)


class PipedGroup(click.Group):
    """Commands that end quietly when the reader of their output has gone, as `head` does."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command, and the options that print and end it, such as `--version`."""
        try:
            return super().main(*args, **kwargs)
        except BrokenPipeError:
            leave_broken_pipe()
        except OSError as error:
            click.echo(f"{self.name}: {error.strerror or error}", err=True)
            discard_unwritten()
            sys.exit(WRONG_USAGE)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            leave_broken_pipe()


class Terminal(Console):
    """A console that ends with the command's own code when nobody reads it."""

    def on_broken_pipe(self) -> None:
        """End the command."""
        self.quiet = True
        leave_broken_pipe()
