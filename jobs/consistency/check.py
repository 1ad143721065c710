"""Examine all records, sets, unique keys, batches and deliveries of a namespace, within bounds."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from typing import Any, Final

from callboard.jobs.clock import milliseconds
from callboard.jobs.consistency.faults import Faults, Group, group_of
from callboard.jobs.consistency.walk import STEP, Walked, walk_keys, walk_sorted_set
from callboard.jobs.store import Store
from callboard.jobs.submission import FORMAT

_ANY: Final = "????????-????-????-????-????????????"
_ALONE: Final = ("active", "leases", "due", "depending", "outbox", "reservations", "expiry")
_SETS: Final = (
    "active:",
    "slot:",
    "waiting:",
    "awaiting:",
    "queued:",
    "turns:",
    "dependents:",
    "index:",
)
_HOST_SETS: Final = ("deliveries:", "delivering:")
# All but `job:` and `idempotency:`, of which there are many: by their second letter.
_NOT_OF_A_JOB: Final = "?[^od]*"


@dataclass
class ConsistencyResult:
    """What was found, by group, and how much was looked at."""

    walked: Walked = field(default_factory=Walked)
    groups: dict[Group, Faults] = field(default_factory=dict)

    def add(self, name: str, subject: str, what: str) -> None:
        """Take down one fault of a job, a batch or a delivery."""
        self.groups.setdefault(group_of(name), Faults()).ids[subject].add(what)


@dataclass(frozen=True)
class ConsistencyCheck:
    """One pass over a namespace; safe beside everything else that happens there.

    Each step is one short script that judges, and repairs, by what it reads in that moment. With
    `repair` a repeat finds nothing more, except what only people can decide.

    Args:
        store: the store.
        lease: what a running job gets that lacks one.
        most: how many entries of each name, and keys of each kind, are looked at.
        repair: whether what is wrong is put right.
    """

    store: Store
    lease: timedelta
    most: int
    repair: bool = False
    found: ConsistencyResult = field(default_factory=ConsistencyResult)

    def run(self) -> ConsistencyResult:
        """Look at everything.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        names = list(chain.from_iterable(self._keys(_NOT_OF_A_JOB)))
        sets = [*_ALONE, *sorted(name for name in names if name.startswith(_SETS))]
        # Sets first: an entry too many must not keep the place of one that is lacking.
        for name in sets:
            self._examine_memberships(name)
        for step in self._members("active"):
            self._examine_jobs(step)
        for step in self._keys(f"job:{_ANY}"):
            self._examine_jobs([name.removeprefix("job:") for name in step])
        self._examine_uniques(name for name in names if name.startswith("unique:"))
        self._examine_batches(names)
        self._examine_deliveries(names)
        return self.found

    def _examine_memberships(self, name: str) -> None:
        for members in self._members(name):
            found = self._run("examine_memberships", name, members=members, newest_format=FORMAT)
            for member, status in found:
                what = f"{status or 'no record'}, in {name}"
                self.found.add(name, member.partition(":")[0], what)

    def _examine_jobs(self, job_ids: list[str]) -> None:
        found = self._run(
            "examine_jobs",
            f"job:{job_ids[0]}",
            job_ids=job_ids,
            lease_ms=milliseconds(self.lease),
            newest_format=FORMAT,
        )
        for job_id, status, faults in found:
            for fault in faults:
                self.found.add(fault, job_id, f"{status or 'no status'}, {_lacking(fault)}")

    def _examine_uniques(self, names: Iterable[str]) -> None:
        for step in _steps(names):
            parts = [name.split(":", 3)[1:] for name in step]
            for job_id, status in self._run("examine_uniques", step[0], uniques=parts):
                self.found.add("unique", job_id, f"{status or 'no record'}, has a unique key")

    def _examine_batches(self, names: Sequence[str]) -> None:
        batches = {name.split(":")[1] for name in names if name.startswith("batch:")}
        unsealed = chain.from_iterable(self._members("unsealed"))
        # One of a thousand jobs takes as long as a step of anything else.
        for step in _steps(sorted(batches.union(unsealed)), size=1):
            for batch_id, fault in self._run("examine_batches", "unsealed", batch_ids=step):
                self.found.add("batch", batch_id, _OF_BATCHES[fault])

    def _examine_deliveries(self, names: Sequence[str]) -> None:
        known = [["", n.partition(":")[2]] for n in names if n.startswith("delivery:")]
        waiting = (
            [name.partition(":")[2], delivery_id]
            for name in names
            if name.startswith(_HOST_SETS)
            for step in self._members(name)
            for delivery_id in step
        )
        for pairs in _steps(chain(known, waiting)):
            found = self._run("examine_deliveries", "delivery_hosts", deliveries=pairs)
            for delivery_id, fault in found:
                group = self.found.groups.setdefault("delivery", Faults())
                group.ids[delivery_id].add(_OF_DELIVERIES[fault])

    def _run(self, script: str, key: str, **said: Any) -> Any:
        arguments: dict[str, Any] = {
            name: json.dumps(value) if isinstance(value, list) else value
            for name, value in said.items()
        }
        # A look changes nothing, so strict durability has nothing to wait for.
        answer = self.store.run(
            script,
            self.store.keys.prefix + key,
            fleeting=not self.repair,
            repair=int(self.repair),
            **arguments,
        )
        return answer.values[0]

    def _members(self, name: str) -> Iterator[list[str]]:
        key = self.store.keys.prefix + name
        return walk_sorted_set(self.store, key, self.found.walked, most=self.most)

    def _keys(self, pattern: str) -> Iterator[list[str]]:
        return walk_keys(self.store, pattern, self.found.walked, most=self.most)


_OF_BATCHES: Final = {
    "members": "lists jobs that are not its own",
    "unsealed": "would never be sealed",
    "open": "has ended but is not marked as completed",
    "missing": "has no record, but is due to be sealed",
}
_OF_DELIVERIES: Final = {
    "waiting": "has no next attempt",
    "ended": "has ended but has a next attempt",
    "missing": "has no record but has a next attempt",
    "host": "waits for a host that is not in the queue",
}


def _lacking(fault: str) -> str:
    return {
        "wakeup": "has no message",
        "dependencies": "waits for jobs that have ended, or for none",
        "waited": "waits at a slot that does not list it",
        "unique": "its unique key is missing",
        "conflict": "shares its unique key with another active job",
        "batch": "its batch does not list it",
        "fragment": "fragment of a record",
    }.get(fault, f"not in {fault}")


def _steps(items: Iterable[Any], *, size: int = STEP) -> Iterator[list[Any]]:
    step: list[Any] = []
    for item in items:
        step.append(item)
        if len(step) == size:
            yield step
            step = []
    if step:
        yield step
