"""The verdict on a run with faults: the invariants that its history violates."""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chaos.history import read_history
from tests.chaos.verdict.callers import Callers
from tests.chaos.verdict.dependencies import Dependencies
from tests.chaos.verdict.event_counts import EventCounts
from tests.chaos.verdict.leases import Leases
from tests.chaos.verdict.lives import Lives
from tests.chaos.verdict.names import Names
from tests.chaos.verdict.order import Order
from tests.chaos.verdict.places import Places
from tests.chaos.verdict.results import Results
from tests.chaos.verdict.saved_states import SavedStates
from tests.chaos.verdict.turns import Turns
from tests.chaos.verdict.violation import Event, Violation, Violations

INVARIANTS: Final = (
    "accepted-ends",
    "after",
    "cancelled-stays",
    "claimed-runs",
    "counted",
    "idempotent",
    "limits",
    "nothing-left",
    "one-lease",
    "one-outcome",
    "order",
    "purged-stays",
    "reservations",
    "result-of-attempt",
    "saved",
    "transitions",
    "turns",
    "unique",
    "vacuous",
    "whole-history",
)

Handler = Callable[[Event], None]


@dataclass(frozen=True)
class Verdict:
    """The violations, and what the run observed.

    Attributes:
        violations: the first few of each invariant.
        counts: number of events by kind, and `violations`: the total number.
    """

    violations: tuple[Violation, ...]
    counts: Mapping[str, int]

    @property
    def holds(self) -> bool:
        """Whether a run that observed enough kept every promise."""
        return not self.violations


class Checker:
    """Judges events one by one, in the order of the history; memory grows with jobs, not events.

    Events of `script` are in the order of Redis; those of other sources are in any order.
    """

    def __init__(self) -> None:
        self.violations = Violations()
        self._lives = Lives(self.violations)
        self._leases = Leases(self.violations)
        self._callers = Callers(self._lives, self._leases, self.violations)
        self._order = Order(self.violations)
        self._sights = EventCounts()
        self._judges = (
            self._lives,
            self._leases,
            Places(self.violations),
            Names(self.violations),
            Dependencies(self.violations),
            self._order,
            self._callers,
            Results(self._leases, self._callers, self.violations),
            Turns(self.violations),
            SavedStates(self.violations),
            self._sights,
        )
        self._handlers: dict[str, list[Handler]] = defaultdict(list)
        for judge in self._judges:
            for name in dir(judge):
                if not name.startswith("_") and callable(getattr(judge, name)):
                    self._handlers[name].append(getattr(judge, name))
        self._last_seq = 0
        self._final: Event | None = None

    def take(self, event: Event) -> None:
        """Judge one event."""
        source = event["from"]
        if source == "script":
            self._follow(event["seq"])
            source = event["what"]
        elif source == "final":
            self._final = event
            return
        if source not in self._handlers:
            self.violations.add("whole-history", f"unknown event of {source}: {event}")
        for handle in self._handlers.get(source, ()):
            handle(event)

    def end(self, at_least: Mapping[str, int]) -> Verdict:
        """Judge what needs the whole run."""
        add = self.violations.add
        if self._final is None:
            add("whole-history", "the final check is missing")
        else:
            for handle in self._handlers["end"]:
                handle(self._final)
            for left in (*self._final["complaints"], *self._final["held"]):
                add("nothing-left", str(left))
        self._sights.counts["compared"] = self._order.compared
        self._sights.judge(at_least, self.violations)
        counts = dict(sorted(self._sights.counts.items()))
        counts["violations"] = self.violations.counts.total()
        return Verdict(tuple(self.violations.found), counts)

    def _follow(self, seq: int) -> None:
        if seq != self._last_seq + 1:
            detail = f"event {seq} of the scripts follows {self._last_seq}"
            self.violations.add("whole-history", detail)
        self._last_seq = seq


def check(history: Iterable[Event], *, at_least: Mapping[str, int] | None = None) -> Verdict:
    """Judge a whole history.

    Args:
        history: in the order in which it was written.
        at_least: the minimum of each count that a run must reach to prove anything.
    """
    checker = Checker()
    for event in history:
        checker.take(event)
    return checker.end(at_least or {})


def main(arguments: list[str] | None = None) -> int:
    """Print the verdict on a history file; return 1 if a promise was broken, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.checker", description=__doc__)
    parser.add_argument("history", type=Path, help="history.jsonl of a run")
    verdict = check(read_history(parser.parse_args(arguments).history))
    found = [str(each) for each in verdict.violations] or ["every promise was kept"]
    sys.stdout.write("\n".join([json.dumps(dict(verdict.counts), indent=2), *found, ""]))
    return 0 if verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main())
