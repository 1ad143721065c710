"""saved: a later attempt finds what an earlier one of the same job saved last."""

from collections import defaultdict
from typing import Any

from tests.chaos.verdict.violation import HOLDING, Event, Violations

Attempt = tuple[str, int]

_GIVEN_BACK = frozenset({"retry_job", "release_job"})


class SavedStates:
    """Keeps what each attempt saved, by its own notes, and found; and whose state Redis had then.

    A function notes a state before it saves it and again afterwards: of one whose process was
    killed in between, either may be true.
    """

    def __init__(self, violations: Violations) -> None:
        self._runs: dict[str, tuple[int, str]] = {}
        self._writer: dict[str, int] = {}
        self._right: dict[Attempt, int | None] = {}
        self._begun: dict[Attempt, list[Any]] = defaultdict(list)
        self._done: dict[Attempt, int] = {}
        self._found: dict[Attempt, Any] = {}
        self._given_back: set[Attempt] = set()
        self._lost: set[str] = set()
        self._violations = violations

    def claimed(self, event: Event) -> None:
        job_id, attempt, token = (event["values"][place] for place in (0, 1, 5))
        self._runs[job_id] = int(attempt), token
        self._right[job_id, int(attempt)] = self._writer.get(job_id)

    def saved(self, event: Event) -> None:
        """Redis took a state from an attempt, which must hold the lease."""
        job_id, attempt, token = event["values"]
        if self._runs.get(job_id) != (int(attempt), token):
            detail = f"{job_id}: a state was taken from attempt {attempt}, which did not run"
            self._violations.add("saved", detail)
        self._writer[job_id] = int(attempt)

    def status(self, event: Event) -> None:
        job_id, old, new = event["values"][:3]
        if old in HOLDING and new not in HOLDING:
            self._runs.pop(job_id, None)

    def reported(self, event: Event) -> None:
        job_id, attempt = event["values"][:2]
        if event["script"] in _GIVEN_BACK:
            self._given_back.add((job_id, int(attempt)))

    def lost(self, event: Event) -> None:
        self._lost.add(event["values"][0])

    def function(self, event: Event) -> None:
        attempt = (event["job"], int(event["attempt"]))
        if event["what"] == "save":
            self._begun[attempt].append(event["state"])
        elif event["what"] == "saved":
            self._done[attempt] = len(self._begun[attempt])
        elif event["what"] == "found":
            self._found[attempt] = event["state"]

    def end(self, _final: Event) -> None:
        for (job_id, attempt), state in self._found.items():
            if job_id not in self._lost and (job_id, attempt) in self._right:
                self._judge(job_id, attempt, state)

    def _judge(self, job_id: str, attempt: int, state: Any) -> None:
        right = self._right[job_id, attempt]
        known = self._begun[job_id, right] if right is not None else []
        least = None
        # Whoever gives a job back has its last state written first.
        before = (job_id, attempt - 1)
        if before in self._given_back and before in self._done:
            right, known, least = attempt - 1, self._begun[before], self._done[before]
        wrong = None
        if state is None or right is None:
            wrong = None if state is right else f"{state}, and Redis had that of attempt {right}"
        elif state not in known:
            wrong = f"{state}, which attempt {right} did not save"
        elif least is not None and known.index(state) + 1 < least:
            wrong = f"{state}, and attempt {right} had given back the job with {known[least - 1]}"
        if wrong is not None:
            self._violations.add("saved", f"{job_id}: attempt {attempt} found {wrong}")
