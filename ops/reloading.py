"""Start the one-process server again whenever a source file changes."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import click

LOOK_SECONDS: Final = 0.5
STOP_SECONDS: Final = 20.0
_SUFFIXES: Final = (".py", ".toml")
_BESIDE: Final = frozenset({"node_modules", "__pycache__", "site-packages", "venv", "var"})

Seen = dict[str, int]


def serve_again(command: Sequence[str], folders: Sequence[Path]) -> int:
    """Run a command, and again after each change of a source file, until SIGINT or SIGTERM.

    If the command ends by itself, as after an error in the code, wait for the next change.

    Args:
        command: what to run.
        folders: where the sources are; hidden folders and those of tools are skipped.

    Returns:
        The exit code of the last run.
    """
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    code = 0
    while not stopped.is_set():
        seen = look(folders)
        # A group of its own: Ctrl-C on the terminal reaches this process, which passes it on once.
        process = subprocess.Popen(command, process_group=0)  # noqa: S603 — our own command
        changed = _await_change(process, folders, seen, stopped)
        code = _end(process)
        if changed:
            click.echo(f"{changed} has changed; restarting.", err=True)
    return code


def look(folders: Sequence[Path]) -> Seen:
    """Return the modification time of each source file."""
    return {name: changed for folder in folders for name, changed in _sources(folder)}


def _await_change(
    process: "subprocess.Popen[bytes]",
    folders: Sequence[Path],
    seen: Seen,
    stopped: threading.Event,
) -> str | None:
    told = False
    while not stopped.wait(LOOK_SECONDS):
        if process.poll() is not None and not told:
            told = True
            click.echo("The server has stopped; it restarts after the next change.", err=True)
        now = look(folders)
        if now != seen:
            return min(name for name in now.keys() | seen if now.get(name) != seen.get(name))
    return None


def _end(process: "subprocess.Popen[bytes]") -> int:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def _sources(folder: Path) -> Iterator[tuple[str, int]]:
    for place, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if each not in _BESIDE and not each.startswith(".")]
        for name in names:
            if name.endswith(_SUFFIXES):
                path = os.path.join(place, name)  # noqa: PTH118 — thousands, twice a second
                try:
                    yield path, os.stat(path).st_mtime_ns  # noqa: PTH116 — as above
                except OSError:  # it was removed meanwhile
                    continue
