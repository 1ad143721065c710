"""limits and reservations: which job takes a place in a slot, and which has it reserved."""

from collections import defaultdict
from typing import Final

from tests.chaos.verdict.violation import FINAL, HOLDING, Event, Violations

Slots = list[list[object]]

_SOURCES: Final = ("pause", "operator", "declared")
_UNLIMITED: Final = 10**9
_MIN_MS: Final = 1000
"""An unclaimed reservation lasts at least this long."""


class Places:
    """Counts the occupants and the reservations of each slot, claim by claim.

    Running jobs continue after a limit is lowered, so only taking a place is judged.
    """

    def __init__(self, violations: Violations) -> None:
        self._limits: dict[str, dict[str, int]] = {source: {} for source in _SOURCES}
        self._occupants: dict[str, dict[str, int]] = defaultdict(dict)
        self._reserved: dict[str, dict[str, int]] = defaultdict(dict)
        self._slots: dict[str, list[str]] = {}
        self._ranks: dict[str, float] = {}
        self._lines: dict[str, float] = {}
        self._operations: dict[str, str] = {}
        self._needs: dict[str, dict[str, int]] | None = None
        self._reserved_ms: dict[str, int] = {}
        self._evicted: set[str] = set()
        self._forfeited: dict[str, str] = {}
        self._violations = violations

    def limits(self, event: Event) -> None:
        """Set the declared limits; changes that the scripts record override them, in order."""
        for slot, places in event["limits"].items():
            self._limits["declared"].setdefault(slot, int(places))
        self._needs = event.get("needs", self._needs)

    def limited(self, event: Event) -> None:
        source, slot, places = event["values"]
        if places == "":
            self._limits[source].pop(slot, None)
        else:
            self._limits[source][slot] = int(places)

    def created(self, event: Event) -> None:
        job_id, _, _, operation, rank = event["values"][:5]
        self._ranks[job_id] = self._lines[job_id] = float(rank)
        self._operations[job_id] = operation

    def turn(self, event: Event) -> None:
        job_id, turn = event["values"][:2]
        self._lines[job_id] = float(turn)

    def reserved(self, event: Event) -> None:
        job_id, _, slots = event["values"]
        for slot, places in _read(slots):
            taken = self._taken(slot, job_id)
            limit = self._limit(slot)
            if taken + places > limit:
                detail = f"{job_id} got {places} reserved of {slot}: {taken} of {limit} are taken"
                self._violations.add("reservations", detail)
        self._reserved_ms[job_id] = event["at"]
        self._take(self._reserved, job_id, slots)

    def unreserved(self, event: Event) -> None:
        """End a reservation: evicted, its limit lowered, lapsed, or its job ended."""
        job_id, script = event["values"][0], event["script"]
        held_ms = event["at"] - self._reserved_ms.get(job_id, 0)
        if job_id in self._evicted:
            pass  # judged there
        elif script == "claim_job" and not self._exceeds(job_id):
            detail = f"{job_id} lost its reservation to no better-ranked job"
            self._violations.add("reservations", detail)
        elif script == "unblock_jobs" and 0 <= held_ms < _MIN_MS:
            detail = f"{job_id} lost its reservation after {held_ms} ms"
            self._violations.add("reservations", detail)
        elif script not in ("claim_job", "unblock_jobs"):
            self._forfeited[job_id] = script
        self._evicted.discard(job_id)
        self._free(job_id)

    def lost(self, event: Event) -> None:
        self._free(event["values"][0])

    def evicted(self, event: Event) -> None:
        evicted_id, slot, by_id = event["values"]
        self._evicted.add(evicted_id)
        ranks = self._ranks_at(slot)
        if ranks.get(evicted_id, 0) <= ranks.get(by_id, 0):
            detail = f"{by_id} took the place of {evicted_id} in {slot} and is ranked no better"
            self._violations.add("reservations", detail)

    def claimed(self, event: Event) -> None:
        job_id, slots = event["values"][0], event["values"][4]
        self._free(job_id)
        self._judge_need(job_id, dict(_read(slots)))
        for slot, places in _read(slots):
            limit, occupied = self._limit(slot), sum(self._occupants[slot].values())
            ranks = self._ranks_at(slot)
            rank = ranks.get(job_id, 0)
            firm = sum(n for id, n in self._reserved[slot].items() if ranks[id] <= rank)
            if occupied + places > limit:
                detail = f"{job_id} took {places} of {slot}: {occupied} of {limit} were taken"
                self._violations.add("limits", detail)
            elif occupied + firm + places > limit:
                detail = f"{job_id} took {places} of {slot}: {occupied} of {limit} were taken and "
                detail += f"{firm} reserved for jobs of equal or better rank"
                self._violations.add("reservations", detail)
        self._take(self._occupants, job_id, slots)

    def status(self, event: Event) -> None:
        job_id, old, new = event["values"][:3]
        if old in HOLDING and new not in HOLDING:
            self._free(job_id)
        if new in FINAL:
            self._forfeited.pop(job_id, None)

    def _judge_need(self, job_id: str, taken: dict[str, int]) -> None:
        if self._needs is None:
            return
        operation = self._operations.get(job_id, "")
        needed = {f"operation:{operation}": 1, **self._needs.get(operation, {})}
        taken = {_class_of(slot): places for slot, places in taken.items()}
        if taken != needed:
            self._violations.add("limits", f"{job_id} took {taken} and needs {needed}")

    def _exceeds(self, job_id: str) -> bool:
        """Whether one of its slots has more reservations than places, after a lowered limit."""
        slots = self._slots.get(job_id, ())
        return any(self._taken(slot, "") > self._limit(slot) for slot in slots)

    def _ranks_at(self, slot: str) -> dict[str, float]:
        return self._ranks if slot.startswith("resource:") else self._lines

    def _limit(self, slot: str) -> int:
        slot = _class_of(slot)
        known = (self._limits[source].get(slot) for source in _SOURCES)
        return next((places for places in known if places is not None), _UNLIMITED)

    def _taken(self, slot: str, job_id: str) -> int:
        holders = (self._occupants[slot], self._reserved[slot])
        return sum(n for held in holders for id, n in held.items() if id != job_id)

    def _take(self, where: dict[str, dict[str, int]], job_id: str, slots: Slots) -> None:
        if script := self._forfeited.pop(job_id, None):
            detail = f"{job_id} lost its reservation to {script}, which did not end it"
            self._violations.add("reservations", detail)
        read = _read(slots)
        self._slots[job_id] = [slot for slot, _ in read]
        for slot, places in read:
            where[slot][job_id] = places

    def _free(self, job_id: str) -> None:
        for slot in self._slots.pop(job_id, ()):
            self._occupants[slot].pop(job_id, None)
            self._reserved[slot].pop(job_id, None)


def _class_of(slot: str) -> str:
    """Return the key of a slot's limit, which all values of a name share."""
    return slot.rpartition(":")[0] if slot.startswith("per:") else slot


def _read(slots: Slots) -> list[tuple[str, int]]:
    return [(str(slot), int(str(places))) for slot, places in slots]
