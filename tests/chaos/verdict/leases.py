"""one-lease, one-outcome, counted: which run held a job, by the scripts' events."""

from collections import Counter
from dataclasses import dataclass

from tests.chaos.verdict.violation import FINAL, HOLDING, Event, Violations


@dataclass(slots=True)
class Run:
    """An attempt between its claim and the event that ended it."""

    attempt: int
    token: str
    lease_end_ms: int

    def is_of(self, attempt: int, token: str) -> bool:
        return (self.attempt, self.token) == (attempt, token)


class Leases:
    """Compares each report and renewal with the run that has the lease at that moment."""

    def __init__(self, violations: Violations) -> None:
        self.runs: dict[str, Run] = {}
        self.attempts: dict[str, int] = {}
        self.succeeded: dict[str, int] = {}
        self._said: dict[str, str] = {}
        self._reaped: set[str] = set()
        self._preempted: dict[str, int] = {}
        self._failures: Counter[str] = Counter()
        self._crashes: Counter[str] = Counter()
        self._violations = violations

    def lost(self, event: Event) -> None:
        """Reset: a record that Redis lost took its lease with it."""
        job_id = event["values"][0]
        for kept in (self.runs, self.attempts, self.succeeded, self._said, self._preempted):
            kept.pop(job_id, None)
        for counted in (self._failures, self._crashes):
            counted.pop(job_id, None)

    def claimed(self, event: Event) -> None:
        job_id, attempt, _, lease_end_ms, _, token = event["values"]
        new = Run(int(attempt), token, int(lease_end_ms))
        run, at = self.runs.get(job_id), event["at"]
        if run is not None and run.lease_end_ms > at:
            left = run.lease_end_ms - at
            detail = (
                f"{job_id}: attempt {new.attempt} started {left} ms before the end of {run.attempt}"
            )
            self._violations.add("one-lease", detail)
        elif run is not None:
            detail = f"{job_id}: attempt {new.attempt} started before {run.attempt} was ended"
            self._violations.add("one-lease", detail)
        if new.attempt <= self.attempts.get(job_id, 0):
            last = self.attempts[job_id]
            detail = f"{job_id}: attempt {new.attempt} came after attempt {last}"
            self._violations.add("one-lease", detail)
        self.runs[job_id] = new
        self.attempts[job_id] = max(new.attempt, self.attempts.get(job_id, 0))

    def renewed(self, event: Event) -> None:
        job_id, attempt, lease_end_ms, token = event["values"]
        run = self.runs.get(job_id)
        if run is None or not run.is_of(int(attempt), token):
            detail = f"{job_id}: a lease was renewed for {token}, its holder is {run}"
            self._violations.add("one-lease", detail)
        else:
            run.lease_end_ms = int(lease_end_ms)

    def extended(self, event: Event) -> None:
        job_id, lease_end_ms = event["values"][:2]
        if run := self.runs.get(job_id):
            run.lease_end_ms = int(lease_end_ms)

    def reaped(self, event: Event) -> None:
        job_id, at = event["values"][0], event["at"]
        run = self.runs.get(job_id)
        if run is not None and run.lease_end_ms > at:
            detail = f"{job_id}: attempt {run.attempt} was reaped {run.lease_end_ms - at} ms early"
            self._violations.add("one-lease", detail)
        if run is not None:
            self._reaped.add(job_id)
            self._crashes[job_id] += self._preempted.get(job_id) != run.attempt

    def preempted(self, event: Event) -> None:
        job_id, attempt = event["values"]
        self._preempted[job_id] = int(attempt)

    def reported(self, event: Event) -> None:
        job_id, attempt, token, outcome = event["values"]
        run = self.runs.get(job_id)
        if run is None or not run.is_of(int(attempt), token):
            detail = f"{job_id}: {event['script']} took {outcome} from {token}, the holder is {run}"
            self._violations.add("one-outcome", detail)
        self._said[job_id] = outcome

    def status(self, event: Event) -> None:
        job_id, old, new = event["values"][:3]
        if new == "succeeded":
            if self._said.get(job_id) != new:
                self._violations.add("one-outcome", f"{job_id} succeeded without a report")
            self.succeeded[job_id] = self.attempts.get(job_id, 0)
        if old in HOLDING and new not in HOLDING:
            self._leave(job_id, old, new)

    def _leave(self, job_id: str, old: str, new: str) -> None:
        """End a run: its attempt reported, or its lease was reaped."""
        run, said = self.runs.pop(job_id, None), self._said.pop(job_id, None)
        was_reaped = job_id in self._reaped
        self._reaped.discard(job_id)
        self._failures[job_id] += (old, new) == ("running", "scheduled")
        may = said is not None if old == "cancelling" else said == new
        if not may and not was_reaped and new != "succeeded":
            invariant = "one-outcome" if new in FINAL else "one-lease"
            detail = f"{job_id} became {new}: {run} reported {said}, and was not reaped"
            self._violations.add(invariant, detail)

    def end(self, final: Event) -> None:
        for job_id, record in final["jobs"].items():
            attempts = self.attempts.get(job_id, 0)
            if attempts != int(record["attempt"]):
                detail = f"{job_id} had {attempts} attempts and counts {record['attempt']}"
                self._violations.add("one-lease", detail)
            for what, counts in (("failures", self._failures), ("crashes", self._crashes)):
                if counts[job_id] != int(record[what]):
                    detail = f"{job_id} had {counts[job_id]} {what} and counts {record[what]}"
                    self._violations.add("counted", detail)
