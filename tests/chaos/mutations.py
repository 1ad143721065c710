"""Removes one guard after another and shows that each removal is detected, by name and in time."""

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.chaos.guards import GUARDS, Guard, Way

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = (
    "actors",
    "api",
    "callboard",
    "client",
    "config",
    "jobs",
    "ops",
    "telemetry",
    "tests",
)
FILES: Final = ("Procfile", "pyproject.toml")
NOTHING: Final = Guard("none", FILES[0], "", "", (), seconds=600.0)
_SEED: Final = 31
_MINUTES: Final = 3.0


class GuardChanged(Exception):
    """The line to remove does not occur exactly once: the list of guards is outdated."""


@dataclass(frozen=True)
class Found:
    """The outcome of a tree without a guard.

    Attributes:
        seconds: of a processor for the state machine, by the clock for a chaos run, which waits.
    """

    guard: Guard
    broken: tuple[str, ...]
    details: tuple[str, ...]
    seconds: float

    @property
    def as_told(self) -> bool:
        """Whether it violated the expected invariant in time; an unchanged tree violates none."""
        if not self.guard.invariants:
            return not self.broken and not self.details
        named = set(self.broken) & set(self.guard.invariants)
        return bool(named) and self.seconds <= self.guard.seconds

    def row(self) -> str:
        """Return a row of a Markdown table."""
        named = [f"`{each}`" for each in self.broken if each in self.guard.invariants]
        way = "state machine" if self.guard.way == "machine" else "chaos run"
        verdict = ", ".join(named) or (", ".join(self.details[:1]) or "nothing")
        return f"| {self.guard.name} | {way} | {verdict} | {self.seconds:.0f} s |"


def take_out(guard: Guard, tree: Path) -> None:
    """Change one file of a copy.

    Raises:
        GuardChanged: the text to change does not occur exactly once.
    """
    if not guard.invariants:
        return
    file = tree / guard.file
    text = file.read_text("utf-8")
    if text.count(guard.line) != 1:
        raise GuardChanged(f"{guard.name}: {guard.file} has {text.count(guard.line)} of its line")
    file.write_text(text.replace(guard.line, guard.without), "utf-8")


def copy_tree(to: Path) -> None:
    """Copy everything needed to run the processes and their tests.

    Links stay links: `callboard` imports the changed files through them.
    """
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, to / name, symlinks=True, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, to / name)


def attempt(guard: Guard, *, patience: float) -> Found:
    """Run the state machine or the chaos in a copy without the guard.

    Args:
        guard: which one.
        patience: how many times longer a run may take on a busy machine.
    """
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        tree, out = Path(folder) / "tree", Path(folder) / "out"
        tree.mkdir()
        copy_tree(tree)
        take_out(guard, tree)
        began = time.monotonic(), _processor_seconds()
        said, ended = _run(_command(guard.way, tree, out), tree, guard.seconds * patience)
        taken = time.monotonic() - began[0], _processor_seconds() - began[1]
        seconds = taken[1] if guard.way == "machine" else taken[0]
        if not ended:
            return Found(guard, (), ("not found in time",), seconds)
        broken, details = _read(guard.way, said, out)
        return Found(guard, tuple(broken), tuple(details), seconds)


def _command(way: Way, tree: Path, out: Path) -> list[str]:
    if way == "machine":
        return [sys.executable, "-m", "tests.chaos.hunt", "--tree", str(tree)]
    run = [sys.executable, "-m", "tests.chaos", "--seed", str(_SEED), "--minutes", str(_MINUTES)]
    return [*run, "--out", str(out)]


def _run(command: Sequence[str], tree: Path, seconds: float) -> tuple[str, bool]:
    """Run in its own process group; terminate, then kill, a run that takes too long."""
    with subprocess.Popen(
        command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            return process.communicate(timeout=seconds)[0], True
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            return process.communicate(timeout=60)[0], False
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.communicate()[0], False


def _processor_seconds() -> float:
    """Return the processor time of all ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _read(way: Way, said: str, out: Path) -> tuple[Sequence[str], Sequence[str]]:
    """Return the violated invariants and a message; a run that failed itself has no names."""
    summary = out / "summary.json"
    if way == "chaos" and summary.exists():
        found = json.loads(summary.read_text("utf-8"))["violations"]
        return sorted({each.partition(":")[0] for each in found}), found[:8]
    last = said.strip().splitlines()[-1:] or [""]
    if way == "machine" and last[0].startswith('{"broken"'):
        told: dict[str, Any] = json.loads(last[0])
        return told["broken"], told["details"]
    return (), (f"it did not run: {last[0]}",)


def main(arguments: list[str] | None = None) -> int:
    """Print a table; return 1 if a removal is not detected as expected, or anything else fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.mutations", description=__doc__)
    parser.add_argument("--only", help="the guards whose name contains this")
    parser.add_argument("--way", choices=["machine", "chaos"], help="those that are found that way")
    parser.add_argument("--patience", type=float, default=3.0, help="times as long by the clock")
    asked = parser.parse_args(arguments)
    guards = [
        guard
        for guard in (NOTHING, *GUARDS)
        if (asked.only or "") in guard.name and asked.way in (None, guard.way)
    ]
    _say("| guard taken out | looked for by | found by | after |\n|---|---|---|---|")
    wrong = []
    for guard in guards:
        found = attempt(guard, patience=asked.patience)
        _say(found.row())
        if not found.as_told:
            wrong.append(found)
    for each in wrong:
        _say(f"{each.guard.name}: not as it must be: {each.broken} {each.details}")
    return 1 if wrong or not guards else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
