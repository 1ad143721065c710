"""after: a job with dependencies starts once they have ended as required, and not before."""

from collections import defaultdict

from tests.chaos.verdict.violation import FINAL, Event, Violations


class Dependencies:
    """Stores the dependencies of each job, and how they ended."""

    def __init__(self, violations: Violations) -> None:
        self._named: dict[str, set[str]] = {}
        self._policies: dict[str, str] = {}
        self._ends: dict[str, str] = {}
        self._missing: set[str] = set()
        self._given_up: dict[str, set[str]] = defaultdict(set)
        self._violations = violations

    def created(self, event: Event) -> None:
        self._missing.discard(event["values"][0])

    def lost(self, event: Event) -> None:
        self._missing.add(event["values"][0])

    def depends(self, event: Event) -> None:
        job_id, named, policy = event["values"]
        self._named[job_id] = set(named)
        self._policies[job_id] = policy

    def settled(self, event: Event) -> None:
        """Record that a job was told how its dependency ended, or that it is lost."""
        job_id, other, told = event["values"]
        if told == "lost":
            self._given_up[job_id].add(other)
            right = other in self._missing
        else:
            right = self._ends.get(other) == told
        if not right:
            ended = self._ends.get(other, "not ended")
            detail = f"{job_id} was told that {other} is {told}, and it has {ended}"
            self._violations.add("after", detail)

    def status(self, event: Event) -> None:
        job_id, _, new = event["values"][:3]
        if new in FINAL:
            self._ends[job_id] = new
        elif new in ("queued", "running"):
            self._judge_start(job_id, new)

    def _judge_start(self, job_id: str, status: str) -> None:
        for other in sorted(self._named.get(job_id, ())):
            ended = self._ends.get(other)
            if other in self._given_up[job_id] and ended is None:
                ended = "lost"
            if ended is None:
                self._violations.add("after", f"{job_id} is {status} before {other} has ended")
            elif ended != "succeeded" and self._policies[job_id] == "succeeded":
                self._violations.add("after", f"{job_id} is {status}, and {other} {ended}")
