"""order: which job gets a reservation or a place and starts, by rank: priority, then age.

Three rules, on the ranks of `created` (the lowest is first):

1.  During any fault: when a place is reserved for a job that waited at a slot, no better-ranked
    job waits at that slot that needs no more places. Exempt is a job whose last reservation
    lapsed, for ten times as long as it held it and at most ten minutes.
2.  During any fault: a job without a reservation takes no place of a slot at which a
    better-ranked job waits.
3.  Without faults: from the moment at which RabbitMQ has a job's message until a worker
    claims the job, that worker claims no more worse-ranked jobs than it has threads. It had
    prefetched those. Worse-ranked is a lower priority, or the same one when the job joined its
    queue after that moment and has no reservation, which precedes others of its priority.

A fault may reorder jobs from its start until `SETTLE_MS` after it was undone: messages return,
arrive twice or are missed after a minute, and a worker keeps messages prefetched on a lost
connection.
Rule 3 judges no wait that touches such a window. All jobs of a run are in one queue.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from math import inf
from typing import Final

from tests.chaos.verdict.violation import Event, Violations

THREADS: Final = 4
"""Threads of each worker, and its prefetch."""

SETTLE_MS: Final = 2_000
PASSED_OVER_TIMES: Final = 10
MAX_PASSED_OVER_MS: Final = 600_000
_OF_A_PRIORITY: Final = 10**13


@dataclass(slots=True)
class _Wait:
    """A job whose message RabbitMQ has, until it is claimed."""

    job_id: str
    since: int
    since_ms: int
    rank: float
    until_ms: int = 0
    before: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Claim:
    seq: int
    job_id: str
    rank: float
    queued: int
    promised: bool

    def overtakes(self, wait: _Wait) -> bool:
        """Whether the other job should start first."""
        mine, other = self.rank // _OF_A_PRIORITY, wait.rank // _OF_A_PRIORITY
        later = self.rank > wait.rank and self.queued > wait.since and not self.promised
        return mine > other or (mine == other and later)


class Order:
    """Follows which jobs wait where, and which messages are in transit.

    Attributes:
        compared: waits judged by rule 3 beside a worse-ranked waiting job.
    """

    def __init__(self, violations: Violations) -> None:
        self.compared = 0
        self._violations = violations
        self._ranks: dict[str, float] = {}
        self._lines: dict[str, float] = {}
        self._waiting: dict[str, dict[str, int]] = defaultdict(dict)
        self._came_from: dict[str, str] = {}
        self._promised_ms: dict[str, int] = {}
        self._passed_until_ms: dict[str, int] = {}
        self._queued: dict[str, int] = {}
        self._ready: dict[str, _Wait] = {}
        self._claims: dict[str, list[_Claim]] = defaultdict(list)
        self._waits: list[_Wait] = []
        self._broken: list[tuple[int, int]] = []
        self._breaking: dict[str, int] = {}

    def created(self, event: Event) -> None:
        job_id, status, _, _, rank = event["values"][:5]
        self._forget(job_id)
        self._ranks[job_id] = self._lines[job_id] = float(rank)
        if status == "queued":
            self._queued[job_id] = event["seq"]

    def turn(self, event: Event) -> None:
        """Judge by turns, not by age, at the slots of an operation and of its values."""
        job_id, turn = event["values"][:2]
        self._lines[job_id] = float(turn)

    def status(self, event: Event) -> None:
        job_id, _, new = event["values"][:3]
        self._ready.pop(job_id, None)
        self._leave(job_id)
        if new == "queued":
            self._queued[job_id] = event["seq"]

    def lost(self, event: Event) -> None:
        self._forget(event["values"][0])

    def blocked(self, event: Event) -> None:
        """Record that a job waits at one of its slots for a number of places."""
        job_id, slot, slots = event["values"]
        self._leave(job_id)
        self._ready.pop(job_id, None)
        self._came_from.pop(job_id, None)
        self._waiting[slot][job_id] = dict(slots).get(slot, 1)

    def unblocked(self, event: Event) -> None:
        job_id, slot = event["values"]
        self._leave(job_id)
        self._came_from[job_id] = slot

    def reserved(self, event: Event) -> None:
        """Judge rule 1."""
        job_id, _, slots = event["values"]
        slot = self._came_from.pop(job_id, None)
        self._promised_ms[job_id] = event["at"]
        wanted = dict(slots).get(slot, 0)
        for waiter, places in self._better(slot, job_id):
            if places <= wanted and self._passed_until_ms.get(waiter, 0) <= event["at"]:
                detail = f"{job_id} got {wanted} reserved of {slot}, where {waiter} waits for"
                self._violations.add("order", f"{detail} {places} and is ranked better")

    def unreserved(self, event: Event) -> None:
        """Let a lapsed job yield for a while."""
        job_id, at = event["values"][0], event["at"]
        since_ms = self._promised_ms.pop(job_id, at)
        if event["script"] == "unblock_jobs":
            passed_ms = min(PASSED_OVER_TIMES * (at - since_ms), MAX_PASSED_OVER_MS)
            self._passed_until_ms[job_id] = at + passed_ms

    def confirmed(self, event: Event) -> None:
        """Record that RabbitMQ has the message of a queued job that waits at no slot."""
        job_id, seq, at = event["values"][0], event["seq"], event["at"]
        if job_id in self._ranks:
            self._ready[job_id] = _Wait(job_id, seq, at, self._ranks[job_id])

    def claimed(self, event: Event) -> None:
        """Judge rule 2, and store what rule 3 needs once all faults are known."""
        job_id, _, worker, _, slots, _ = event["values"]
        rank = self._ranks.get(job_id, 0.0)
        promised = self._promised_ms.pop(job_id, None) is not None
        self._passed_until_ms.pop(job_id, None)
        for slot, _ in slots if not promised else ():
            for waiter, _ in self._better(slot, job_id):
                detail = f"{job_id} took {slot}, where {waiter} waits and is ranked better"
                self._violations.add("order", detail)
        wait = self._ready.pop(job_id, None)
        claims = self._claims[worker]
        if wait is not None:
            wait.until_ms = event["at"]
            since = takewhile(lambda each: each.seq > wait.since, reversed(claims))
            wait.before = [each.job_id for each in since if each.overtakes(wait)]
            if wait.before or any(each.rank > rank for each in self._ready.values()):
                self._waits.append(wait)
        queued = self._queued.get(job_id, 0)
        claims.append(_Claim(event["seq"], job_id, rank, queued, promised))

    def nemesis(self, event: Event) -> None:
        """Record the period of a fault; one that is not undone lasts to the end."""
        what, target, at = event["what"], event.get("target"), event["at"]
        if what == "begin":
            self._breaking[target] = at
        elif what == "over" and target in self._breaking:
            self._broken.append((self._breaking.pop(target), at + SETTLE_MS))
        elif what == "quiesce":
            self._broken += [(since, at + SETTLE_MS) for since in self._breaking.values()]
            self._breaking.clear()

    def end(self, _final: Event) -> None:
        """Judge rule 3."""
        broken = [*self._broken, *((since, inf) for since in self._breaking.values())]
        for wait in self._waits:
            if any(since <= wait.until_ms and wait.since_ms <= until for since, until in broken):
                continue
            self.compared += 1
            if len(wait.before) > THREADS:
                first = ", ".join(wait.before[:10])
                detail = f"{wait.job_id} waited {wait.until_ms - wait.since_ms} ms while its worker"
                self._violations.add("order", f"{detail} started {len(wait.before)} worse: {first}")

    def _better(self, slot: str | None, job_id: str) -> Iterator[tuple[str, int]]:
        """Return the better-ranked jobs that wait at a slot, with their numbers of places."""
        ranks = self._ranks if slot is None or slot.startswith("resource:") else self._lines
        rank = ranks.get(job_id, 0.0)
        for waiter, places in self._waiting[slot].items() if slot else ():
            if ranks.get(waiter, rank) < rank:
                yield waiter, places

    def _leave(self, job_id: str) -> None:
        for waiters in self._waiting.values():
            waiters.pop(job_id, None)

    def _forget(self, job_id: str) -> None:
        self._leave(job_id)
        for known in (self._ready, self._promised_ms, self._passed_until_ms, self._came_from):
            known.pop(job_id, None)
