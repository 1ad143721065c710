"""The outcome of a run: the verdict, whether it observed enough, and a table row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.chaos.checker import Verdict, check
from tests.chaos.history import FILE, read_history
from tests.chaos.run import Terms

IN_TEN_MINUTES: Final[Mapping[str, int]] = {
    "jobs": 900,
    "accepted": 900,
    "function end": 600,
    "succeeded": 600,
    "kills": 15,
    "freeze": 6,
    "retries": 120,
    "reaped": 8,
    "stale": 6,
    "recoveries": 4,
    "reservations": 100,
    "evicted": 2,
    "releases": 2,
    "purged": 20,
    "settled": 60,
    "resumed": 20,
}
"""At most half of the usual counts, so that chance and a slow machine do not matter."""

IN_ANY: Final[Mapping[str, int]] = {
    "jobs": 20,
    "accepted": 20,
    "function end": 20,
    "kills": 1,
    "compared": 5,
}
"""What even a short run must observe: without one of its sources, a history proves nothing."""

ROW: Final = (
    "jobs",
    "accepted",
    "kills",
    "freeze",
    "cut",
    "retries",
    "reaped",
    "stale",
    "recoveries",
    "evicted",
    "releases",
    "violations",
)
"""The counts of the table, in the order of its columns."""


@dataclass(frozen=True)
class Summary:
    """A run with its verdict."""

    terms: Terms
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """Return all counts."""
        return {
            "seed": self.terms.seed,
            "minutes": self.terms.minutes,
            "holds": self.verdict.holds,
            "violations": [str(each) for each in self.verdict.violations],
            "counts": dict(self.verdict.counts),
        }

    def as_row(self) -> str:
        """Return a Markdown row: seed, minutes, then `ROW`."""
        counts = (f"{self.verdict.counts.get(name, 0):,}" for name in ROW)
        return f"| {self.terms.seed} | {self.terms.minutes:g} | {' | '.join(counts)} |"


def judge(terms: Terms) -> Summary:
    """Check the history of a run that has ended."""
    history = read_history(terms.folder / FILE)
    return Summary(terms, check(history, at_least=at_least(terms.minutes)))


def at_least(minutes: float) -> dict[str, int]:
    """Return the minimum counts of a run; a short one depends on chance, so it needs less."""
    share = max(0.0, minutes - 2) / 10
    scaled = {name: int(least * share) for name, least in IN_TEN_MINUTES.items()}
    return {name: max(least, IN_ANY.get(name, 0)) for name, least in scaled.items()}
