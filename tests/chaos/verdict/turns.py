"""turns: each value of an operation gets a turn after its own last one, and accumulates none."""

from collections import defaultdict

from tests.chaos.verdict.violation import FINAL, Event, Violations

_OF_A_PRIORITY = 10**13


class Turns:
    """Counts turns by start-time fair queuing, for each operation while it has jobs.

    What Redis lost may have been counted, so an operation with a lost job is judged again once it
    has been idle.
    """

    def __init__(self, violations: Violations) -> None:
        self._operations: dict[str, str] = {}
        self._active: dict[str, set[str]] = defaultdict(set)
        self._started: dict[tuple[str, int], int] = {}
        self._turns: dict[str, int] = {}
        self._values: dict[str, str] = {}
        self._unknown: set[str] = set()
        self._violations = violations

    def created(self, event: Event) -> None:
        job_id, operation = event["values"][0], event["values"][3]
        self._operations[job_id] = operation
        self._active[operation].add(job_id)

    def turn(self, event: Event) -> None:
        """Judge a turn by the highest that has started, and by the last one of its value."""
        job_id, turn, slot = event["values"][0], int(event["values"][1]), event["values"][2]
        operation, priority = self._operations.get(job_id, ""), turn // _OF_A_PRIORITY
        started = self._started.setdefault((operation, priority), turn - 1)
        known = self._turns.get(job_id)
        others = (id for id in self._active[operation] if self._values.get(id) == slot)
        own = [self._turns[id] for id in others if self._turns[id] // _OF_A_PRIORITY == priority]
        right = max(started + 1, known if known is not None else max(own, default=0) + 1)
        if turn != right and operation not in self._unknown:
            detail = f"{job_id} got turn {turn} of {slot} instead of {right}"
            self._violations.add("turns", detail)
        self._turns[job_id], self._values[job_id] = turn, slot

    def claimed(self, event: Event) -> None:
        job_id = event["values"][0]
        if (turn := self._turns.get(job_id)) is not None:
            of = self._operations[job_id], turn // _OF_A_PRIORITY
            self._started[of] = max(turn, self._started.get(of, turn))

    def status(self, event: Event) -> None:
        job_id, _, new = event["values"][:3]
        if new in FINAL:
            self._forget(job_id)

    def lost(self, event: Event) -> None:
        job_id = event["values"][0]
        self._unknown.add(self._operations.get(job_id, ""))
        self._forget(job_id)

    def _forget(self, job_id: str) -> None:
        self._turns.pop(job_id, None)
        self._values.pop(job_id, None)
        operation = self._operations.pop(job_id, "")
        self._active[operation].discard(job_id)
        if not self._active[operation]:
            self._unknown.discard(operation)
            for of in [each for each in self._started if each[0] == operation]:
                del self._started[of]
