"""result-of-attempt and claimed-runs: the functions' notes, compared with the leases."""

from tests.chaos.verdict.callers import Callers
from tests.chaos.verdict.leases import Leases
from tests.chaos.verdict.violation import Event, Violations

Attempt = tuple[str, int]


class Results:
    """Stores the nonce that each attempt of each job drew and returned."""

    def __init__(self, leases: Leases, callers: Callers, violations: Violations) -> None:
        self._leases = leases
        self._callers = callers
        self._begun: dict[Attempt, str] = {}
        self._ended: dict[Attempt, str] = {}
        self._violations = violations

    def function(self, event: Event) -> None:
        attempt = (event["job"], int(event["attempt"]))
        kept = {"begin": self._begun, "end": self._ended}.get(event["what"])
        if kept is None:
            return
        nonce = kept.setdefault(attempt, event["nonce"])
        if nonce != event["nonce"]:
            detail = f"{attempt} has two of `{event['what']}`: {nonce} and {event['nonce']}"
            self._violations.add("claimed-runs", detail)

    def end(self, final: Event) -> None:
        for job_id, attempt in self._begun:
            if attempt > self._leases.attempts.get(job_id, 0) or attempt < 1:
                detail = f"{job_id} ran as attempt {attempt}, which was never claimed"
                self._violations.add("claimed-runs", detail)
        for job_id, attempt in self._leases.succeeded.items():
            record = final["jobs"].get(job_id)
            told = self._callers.told[job_id].nonce if job_id in self._callers.told else None
            returned = self._ended.get((job_id, attempt))
            stored = record["result_nonce"] if record else told
            purged_unread = record is None and told is None
            if not purged_unread and (returned is None or returned != stored):
                detail = f"{job_id}: attempt {attempt} returned {returned}, stored is {stored}"
                self._violations.add("result-of-attempt", detail)
            if told is not None and told != returned:
                detail = f"{job_id}: attempt {attempt} returned {returned}, a caller read {told}"
                self._violations.add("result-of-attempt", detail)
