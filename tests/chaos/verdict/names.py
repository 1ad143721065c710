"""unique and idempotent: the jobs that the scripts created for each shared key."""

from tests.chaos.verdict.violation import FINAL, Event, Violations

Key = tuple[str, ...]


class Names:
    """Stores the job of each key; a job that Redis lost has lost its keys, too."""

    def __init__(self, violations: Violations) -> None:
        self._unique: dict[Key, str] = {}
        self._unique_of: dict[str, Key] = {}
        self._idempotent: dict[Key, str] = {}
        self._idempotent_of: dict[str, Key] = {}
        self._violations = violations

    def created(self, event: Event) -> None:
        job_id, _, tenant, operation, _, fingerprint, digest = event["values"]
        if fingerprint:
            key: Key = (tenant, operation, fingerprint)
            self._hold("unique", self._unique, key, job_id)
            self._unique_of[job_id] = key
        if digest:
            self._hold("idempotent", self._idempotent, (tenant, digest), job_id)
            self._idempotent_of[job_id] = (tenant, digest)

    def status(self, event: Event) -> None:
        job_id, _, new = event["values"][:3]
        if new in FINAL:
            _let_go(self._unique, self._unique_of, job_id)

    def lost(self, event: Event) -> None:
        job_id = event["values"][0]
        _let_go(self._unique, self._unique_of, job_id)
        _let_go(self._idempotent, self._idempotent_of, job_id)

    def _hold(self, invariant: str, holders: dict[Key, str], key: Key, job_id: str) -> None:
        holder = holders.get(key, job_id)
        if holder != job_id:
            self._violations.add(invariant, f"{job_id} was created while {holder} has {key}")
        holders[key] = job_id


def _let_go(holders: dict[Key, str], kept: dict[str, Key], job_id: str) -> None:
    key = kept.pop(job_id, None)
    if key is not None and holders.get(key) == job_id:
        del holders[key]
