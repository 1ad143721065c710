"""Reads the notes that functions of `tests.system.operations` write."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Note:
    """One line: time, event (begin, end or stop), job, and details."""

    at: float
    kind: str
    job_id: str
    attempt: int
    label: str


def read_notes(path: Path) -> list[Note]:
    """Read all lines in the order in which they were written."""
    if not path.exists():
        return []
    rows = [line.split(" ", 4) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Note(float(at), kind, job, int(attempt), label) for at, kind, job, attempt, label in rows
    ]


def max_concurrent(notes: list[Note]) -> int:
    """Return the maximum number of concurrent runs."""
    running = most = 0
    for note in notes:
        running += 1 if note.kind == "begin" else -1
        most = max(most, running)
    return most


def begun(notes: list[Note]) -> list[Note]:
    """Return only the starts."""
    return [note for note in notes if note.kind == "begin"]
