"""The callers' answers, compared with the scripts' actions: accepted-ends, idempotent, unique."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import Any, Final

from tests.chaos.verdict.leases import Leases
from tests.chaos.verdict.lives import Lives
from tests.chaos.verdict.violation import FINAL, Event, Violations

_ACCEPTING: Final = frozenset({"submit", "retry", "batch"})
_NOT_FOUND: Final = frozenset({404, 410})
_MAY_REFUSE: Final = frozenset({410, 429})
"""Valid answers to a repeated Idempotency-Key, other than its job: gone, or unavailable."""


@dataclass(slots=True)
class Told:
    """What callers read of one job, with times.

    Attributes:
        over_since: its end was read by then.
        active_until: when was last asked what was answered with another status.
        gone_since: a purge was answered by then.
        there_until: when was last asked what was answered with the job.
    """

    accepted: bool = False
    cancelled: bool = False
    status: str | None = None
    nonce: str | None = None
    over_since: float = 0.0
    active_until: float = 0.0
    gone_since: float = inf
    there_until: float = 0.0


@dataclass(slots=True)
class Key:
    """The answers to one Idempotency-Key."""

    jobs: set[str] = field(default_factory=set)
    kept_since: float = inf
    refused: tuple[float, int] = (0.0, 0)


def nonce_of(result: Any) -> str | None:
    """Return the value that a run drew, as a caller reads it."""
    nonce = result.get("nonce") if isinstance(result, dict) else result
    return str(nonce) if nonce else None


class Callers:
    """Stores all answers; threads write them in any order, so they are judged at the end."""

    def __init__(self, lives: Lives, leases: Leases, violations: Violations) -> None:
        self.told: dict[str, Told] = defaultdict(Told)
        self._lives = lives
        self._leases = leases
        self._keys: dict[str, Key] = defaultdict(Key)
        self._missed: set[str] = set()
        self._uniques: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._violations = violations

    def client(self, event: Event) -> None:
        job_id, code = event.get("job"), event.get("code") or 0
        for made in event.get("jobs", ()):
            self.told[made].accepted = True
        if code in _NOT_FOUND:
            self._missed.add(job_id or event.get("retry_of") or "")
        self._refuse(event, code)
        if not job_id or not 200 <= code < 300:
            return
        told = self.told[job_id]
        if event["call"] in _ACCEPTING:
            told.accepted = True
            self._name(event, job_id)
        if event["call"] == "purge":
            told.gone_since = min(told.gone_since, event["ended"])
        if seen := event.get("seen"):
            told.there_until = max(told.there_until, event["began"])
            self._see(event, job_id, told, seen)

    def _refuse(self, event: Event, code: int) -> None:
        key = event.get("idempotency_key")
        if key and 400 <= code < 500 and code not in _MAY_REFUSE:
            self._keys[key].refused = max(self._keys[key].refused, (event["began"], code))

    def _name(self, event: Event, job_id: str) -> None:
        if name := event.get("idempotency_key"):
            key = self._keys[name]
            key.jobs.add(job_id)
            key.kept_since = min(key.kept_since, event["ended"])
        if unique := event.get("unique"):
            self._uniques[event.get("operation") or "", str(unique)].add(job_id)

    def _see(self, event: Event, job_id: str, told: Told, seen: Event) -> None:
        status = seen.get("status")
        if event["call"] == "cancel" and status in ("cancelling", "cancelled"):
            told.cancelled = True
        if status not in FINAL:
            told.active_until = max(told.active_until, event["began"])
            return
        if told.status is None:
            told.status, told.over_since = status, event["ended"]
        elif told.status != status:
            detail = f"{job_id} was {told.status} to one caller and {status} to another"
            self._violations.add("accepted-ends", detail)
        told.over_since = min(told.over_since, event["ended"])
        nonce = nonce_of(seen.get("result"))
        if told.nonce is None:
            told.nonce = nonce
        elif nonce not in (None, told.nonce):
            detail = f"{job_id} had the result {told.nonce} and then {nonce}"
            self._violations.add("one-outcome", detail)

    def end(self, _final: Event) -> None:
        for job_id, told in self.told.items():
            self._judge(job_id, told)
        for name, key in self._keys.items():
            kept = key.jobs - self._lives.were_lost
            if len(kept) > 1:
                self._violations.add("idempotent", f"{name} created {sorted(key.jobs)}")
            elif kept and key.refused[0] > key.kept_since:
                detail = f"{name} created {sorted(kept)} and was refused later: {key.refused[1]}"
                self._violations.add("idempotent", detail)
        for job_id in self._missed - self._lives.were_lost:
            life = self._lives.jobs.get(job_id)
            if life is not None and not life.purged:
                detail = f"{job_id} was not found, and was neither purged nor lost"
                self._violations.add("accepted-ends", detail)
        for (operation, unique), job_ids in self._uniques.items():
            self._judge_unique(f"{operation} {unique}", job_ids)

    def _judge(self, job_id: str, told: Told) -> None:
        life = self._lives.jobs.get(job_id)
        if life is None:
            self._violations.add("accepted-ends", f"{job_id} was answered but no script created it")
        elif told.status not in (None, life.status):
            detail = f"{job_id} was {told.status} to a caller and ended {life.status}"
            self._violations.add("accepted-ends", detail)
        elif told.cancelled and life.status != "cancelled":
            detail = f"a caller was told that {job_id} is cancelled, and it {life.status}"
            self._violations.add("cancelled-stays", detail)
        if told.status and told.active_until > told.over_since:
            late = told.active_until - told.over_since
            detail = f"{job_id} was final and, {late:.3f} s later, active"
            self._violations.add("accepted-ends", detail)
        if told.there_until > told.gone_since:
            late = told.there_until - told.gone_since
            detail = f"{job_id} was purged and, {late:.3f} s later, still answered"
            self._violations.add("purged-stays", detail)

    def _judge_unique(self, what: str, job_ids: set[str]) -> None:
        """No two of the jobs may have been active at once, whatever the scripts' keys are."""
        found = [
            self._lives.jobs[id] for id in job_ids - self._lives.were_lost if id in self._lives.jobs
        ]
        found.sort(key=lambda life: life.born)
        for first, second in pairwise(found):
            if first.over is None or first.over > second.born:
                detail = (
                    f"{what}: two jobs, from {first.born} to {first.over} and from {second.born}"
                )
                self._violations.add("unique", detail)
