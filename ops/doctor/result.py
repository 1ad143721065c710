"""A result of the doctor: its level, message and remedy."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

Level = Literal["ok", "note", "warning", "problem", "unknown"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
"""ok: as it should be. note: good to know. warning: may become a problem. problem: harms now, or
may lose jobs. unknown: it could not be checked."""


@dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    Attributes:
        about: the part that was checked, such as `redis memory`.
        message: a sentence that describes the state.
        remedy: what to do; empty if nothing.
        examples: some of the items concerned, such as job ids.
        repaired: whether `--repair` has repaired it; then its level is note.
    """

    about: str
    level: Level
    message: str
    remedy: str = ""
    examples: tuple[str, ...] = ()
    repaired: bool = False


def count_levels(results: Iterable[CheckResult]) -> dict[Level, int]:
    """Count results by level, including levels without any."""
    found = [result.level for result in results]
    return {level: found.count(level) for level in LEVELS}
