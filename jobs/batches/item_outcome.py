"""The outcome of one item of a batch, as Redis stores it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal, cast

from callboard.config import Rate
from callboard.jobs.errors import InvalidParameters, OperationFault, Refused, UnknownOperation
from callboard.jobs.rate_quota import POLICY, Quota, submissions_policy
from callboard.jobs.submit import refusal

Word = Literal[
    "accepted", "duplicate", "limited", "full",  # as `submit_job` says
    "file_missing", "dependency_missing",  # that too
    "unknown", "misfit", "malformed", "fault",  # what cannot become a job
    "closed",  # the batch accepted no more items
]  # fmt: skip
Errors = Sequence[tuple[str, str]]

_MAX_ERRORS: Final = 10
_MAX_CHARACTERS: Final = 1000


@dataclass(frozen=True)
class ItemOutcome:
    """One item's.

    Attributes:
        job: id and status of the job that it made, or of the active one that it equals; as they
            were when it was decided on.
        refused: why it made none, where a single submission would have raised it.
        malformed: pairs of a JSON Pointer into the item and what is wrong there.
    """

    word: Word
    job: tuple[str, str] | None = None
    refused: Refused | UnknownOperation | InvalidParameters | OperationFault | None = None
    malformed: Errors = ()


def unknown(name: str) -> str:
    """Return the outcome of an item whose operation is unknown."""
    return json.dumps(["unknown", name[:_MAX_CHARACTERS]])


def misfit(error: InvalidParameters) -> str:
    """Return the outcome of an item with invalid parameters."""
    return json.dumps(["misfit", _first(error.errors)])


def fault(error: OperationFault) -> str:
    """Return the outcome of an item on which its operation's own code failed."""
    return json.dumps(["fault", str(error)[:_MAX_CHARACTERS]])


def malformed(errors: Errors) -> str:
    """Return the outcome of an item that is not a submission."""
    return json.dumps(["malformed", _first(errors)])


def read_outcome(text: str) -> ItemOutcome:
    """Read what is kept of an item."""
    word, *values = json.loads(text)
    match word:
        case "unknown":
            return ItemOutcome(word, refused=UnknownOperation(*values))
        case "misfit":
            return ItemOutcome(word, refused=InvalidParameters(_pairs(*values)))
        case "fault":
            return ItemOutcome(word, refused=OperationFault(*values))
        case "malformed":
            return ItemOutcome(word, malformed=_pairs(*values))
    left, reset_ms, *values = values
    if word == "accepted":
        return ItemOutcome("accepted", job=(values[0], values[1]))
    quota = None
    if word == "limited":
        requests, window_ms, *operation = values
        rate = Rate(requests, timedelta(milliseconds=window_ms))
        policy = submissions_policy(operation[0]) if operation else POLICY
        quota = Quota(rate, left, timedelta(milliseconds=reset_ms), policy)
    return ItemOutcome(
        cast("Word", word),
        job=(values[0], values[1]) if word == "duplicate" else None,
        refused=refusal(word, values, quota),
    )


def _first(errors: Errors) -> list[tuple[str, str]]:
    """Keep the first errors, within bounds: pointers and details may quote what was sent."""
    kept = [(pointer, detail[:_MAX_CHARACTERS]) for pointer, detail in errors[:_MAX_ERRORS]]
    return [each if len(each[0]) <= _MAX_CHARACTERS else ("", each[1]) for each in kept]


def _pairs(errors: list[list[Any]]) -> list[tuple[str, str]]:
    return [(pointer, detail) for pointer, detail in errors]
