"""Counts of what a run observed; a run that observed too little is vacuous."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from tests.chaos.verdict.violation import FINAL, Event, Violations

_REPORTS: Final = frozenset({"finish_job", "retry_job", "release_job", "progress_job"})


class EventCounts:
    """Counts events by kind."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def created(self, event: Event) -> None:
        self.counts["jobs"] += 1
        self.counts["recoveries"] += event["script"] == "recover_job"

    def claimed(self, _event: Event) -> None:
        self.counts["claims"] += 1

    def status(self, event: Event) -> None:
        _, old, new = event["values"][:3]
        if new in FINAL:
            self.counts[new] += 1
        self.counts["retries"] += (old, new) == ("running", "scheduled")
        self.counts["releases"] += event["script"] == "release_job"

    def settled(self, event: Event) -> None:
        """Count how often a job was told of the end of a dependency."""
        self.counts["settled"] += 1
        self.counts["settled lost"] += event["values"][2] == "lost"

    def saved(self, _event: Event) -> None:
        self.counts["saved"] += 1

    def reaped(self, _event: Event) -> None:
        self.counts["reaped"] += 1

    def preempted(self, _event: Event) -> None:
        self.counts["preempted"] += 1

    def extended(self, _event: Event) -> None:
        self.counts["extended"] += 1

    def reserved(self, _event: Event) -> None:
        self.counts["reservations"] += 1

    def evicted(self, _event: Event) -> None:
        self.counts["evicted"] += 1

    def purged(self, _event: Event) -> None:
        self.counts["purged"] += 1

    def answered(self, event: Event) -> None:
        """Count as stale every report of a run without a lease."""
        word, script = event["values"][0], event["script"]
        refused = word == "stale" or (script == "finish_job" and word == "ended")
        self.counts["stale"] += refused and script in _REPORTS
        self.counts["superseded"] += word == "superseded"
        self.counts["tombstoned"] += word == "tombstoned"
        self.counts["blocked"] += word == "blocked"

    def client(self, event: Event) -> None:
        code = event.get("code")
        self.counts["calls"] += 1
        self.counts["unanswered"] += code is None
        self.counts["accepted"] += code == 202 and event["call"] in ("submit", "retry", "batch")
        self.counts["unavailable"] += code == 503

    def function(self, event: Event) -> None:
        self.counts[f"function {event['what']}"] += 1
        self.counts["resumed"] += event["what"] == "found" and event["state"] is not None

    def nemesis(self, event: Event) -> None:
        what, target = event["what"], event.get("target")
        self.counts["kills"] += what == "kill"
        self.counts[what] += 1
        if target:
            self.counts[f"{what} {target}"] += 1

    def judge(self, at_least: Mapping[str, int], violations: Violations) -> None:
        for name, least in at_least.items():
            if self.counts[name] < least:
                detail = f"the run saw {self.counts[name]} {name}, and {least} would mean something"
                violations.add("vacuous", detail)
