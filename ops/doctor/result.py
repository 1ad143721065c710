"""What the doctor found: how bad it is, what it is, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

Level = Literal["ok", "note", "warning", "problem", "unknown"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
"""ok: as it should be. note: good to know. warning: may harm one day. problem: harms now, or can
lose jobs. unknown: nobody could look."""


@dataclass(frozen=True)
class CheckResult:
    """One thing that was looked at.

    Attributes:
        about: the part and what of it, such as `redis memory`.
        message: a sentence of what is so.
        remedy: what to do; empty where nothing is to be done.
        examples: some of what it concerns, such as ids of jobs.
        repaired: whether `--repair` has put it right; then it is a note.
    """

    about: str
    level: Level
    message: str
    remedy: str = ""
    examples: tuple[str, ...] = ()
    repaired: bool = False


def count_levels(results: Iterable[CheckResult]) -> dict[Level, int]:
    """Count results by level, those that nobody has included."""
    found = [result.level for result in results]
    return {level: found.count(level) for level in LEVELS}
