"""accepted-ends, cancelled-stays, purged-stays, transitions: the life of each job."""

from dataclasses import dataclass
from typing import Final

from tests.chaos.verdict.violation import FINAL, Event, Violations

LOST: Final = "lost"
ALLOWED: Final = {
    "scheduled": {"queued", "cancelled"},
    "queued": {"running", "failed", "cancelled"},
    "running": {"succeeded", "failed", "scheduled", "queued", "cancelling"},
    "cancelling": {"cancelled"},
}


@dataclass(slots=True)
class Life:
    """One job by the scripts' events; `born` and `over` are positions in the order of events."""

    status: str
    born: int
    over: int | None = None
    purged: bool = False


class Lives:
    """Follows each job's status from its creation to its end."""

    def __init__(self, violations: Violations) -> None:
        self.jobs: dict[str, Life] = {}
        self.were_lost: set[str] = set()
        self._violations = violations

    def created(self, event: Event) -> None:
        job_id, status = event["values"][:2]
        known = self.jobs.get(job_id)
        if known is not None and known.purged:
            self._violations.add("purged-stays", f"{job_id} was recovered after its purge")
        elif known is not None and known.status != LOST:
            self._violations.add(
                "accepted-ends", f"{job_id} was created again while {known.status}"
            )
        self.jobs[job_id] = Life(status, event["seq"])

    def status(self, event: Event) -> None:
        job_id, old, new = event["values"][:3]
        life = self.jobs.get(job_id)
        if life is None:
            self._violations.add("transitions", f"{job_id} became {new} before it was created")
            life = self.jobs[job_id] = Life(old, event["seq"])
        if life.status in FINAL:
            detail = f"{job_id} was finally {life.status} and became {new} by {event['script']}"
            self._violations.add("accepted-ends", detail)
        elif life.status == "cancelling" and new != "cancelled":
            self._violations.add("cancelled-stays", f"{job_id} was cancelling and became {new}")
        elif (old, new) == ("queued", "failed") and event["script"] != "snooze_job":
            detail = f"{job_id} failed by {event['script']} and never ran"
            self._violations.add("transitions", detail)
        elif old != life.status or new not in ALLOWED.get(life.status, ()):
            detail = f"{job_id} was {life.status} and went from {old} to {new}"
            self._violations.add("transitions", detail)
        life.status = new
        if new in FINAL and life.over is None:
            life.over = event["seq"]

    def purged(self, event: Event) -> None:
        job_id = event["values"][0]
        life = self.jobs.get(job_id)
        if life is not None:
            life.purged = True
        if life is None or life.status not in FINAL:
            status = life.status if life else "never made"
            self._violations.add("accepted-ends", f"{job_id} was purged and was {status}")

    def lost(self, event: Event) -> None:
        """Expect the recovery of a lost record from its message."""
        job_id = event["values"][0]
        self.were_lost.add(job_id)
        if life := self.jobs.get(job_id):
            life.status = LOST

    def end(self, final: Event) -> None:
        records = final["jobs"]
        for job_id, life in self.jobs.items():
            record = records.get(job_id)
            if life.status not in FINAL:
                self._violations.add("accepted-ends", f"{job_id} is {life.status} at the end")
            elif record is None and not life.purged:
                self._violations.add("accepted-ends", f"{job_id} is gone and was not purged")
            elif record is not None and record["status"] != life.status:
                detail = f"{job_id} became {life.status} and is {record['status']}"
                self._violations.add("accepted-ends", detail)
        for job_id in records.keys() - self.jobs.keys():
            self._violations.add("transitions", f"{job_id} exists but no script created it")
