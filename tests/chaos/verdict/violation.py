"""A violation, and the collection of violations."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

Event = dict[str, Any]

FINAL: Final = frozenset({"succeeded", "failed", "cancelled"})
HOLDING: Final = frozenset({"running", "cancelling"})

_TOLD_OF_EACH: Final = 25


@dataclass(frozen=True)
class Violation:
    """A violated invariant, and the reason."""

    invariant: str
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.detail}"


@dataclass
class Violations:
    """Stores the first few of each invariant and counts the rest: one fault can cause thousands."""

    found: list[Violation] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, invariant: str, detail: str) -> None:
        self.counts[invariant] += 1
        if self.counts[invariant] <= _TOLD_OF_EACH:
            self.found.append(Violation(invariant, detail))
