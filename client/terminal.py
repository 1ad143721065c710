"""Writes to standard output and error, whatever their encoding, closed or broken."""

import json
import os
import sys
from contextlib import suppress
from typing import Any, Final, NoReturn, TextIO

import click
from rich.console import Console

WRONG_USAGE: Final = 2
BROKEN_PIPE: Final = 141  # 128 plus the number of SIGPIPE, as in shells
_NOWHERE: Final = "ascii"


def tolerate_encodings() -> None:
    """Show characters that a stream's encoding lacks as question marks instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # of real streams


def json_text(value: Any, *, indent: int | None = None) -> str:
    r"""Encode JSON for standard output; characters that its encoding lacks are escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or _NOWHERE)
    except (UnicodeEncodeError, LookupError):
        return json.dumps(value, indent=indent)
    return text


def leave_broken_pipe() -> NoReturn:
    """End like a program whose reader, such as `head`, has ended.

    Raises:
        SystemExit: always.
    """
    # The interpreter flushes again at its end, and would print an error.
    for stream in (sys.stdout, sys.stderr):
        _discard(stream)
    raise SystemExit(BROKEN_PIPE)


def _discard(stream: TextIO) -> None:
    with suppress(AttributeError, ValueError, OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def discard_unwritten() -> None:
    """Discard what a stream cannot write, as on a full disk.

    The interpreter would flush again at its end, print an error, and replace the exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, ValueError):
            pass  # there is none, or it is closed
        except OSError:
            _discard(stream)


class PipedGroup(click.Group):
    """Commands that end quietly when the reader of their output, such as `head`, has ended."""

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
    """A console that ends with the command's own code when its reader has ended."""

    def on_broken_pipe(self) -> None:
        """End the command."""
        self.quiet = True
        leave_broken_pipe()
