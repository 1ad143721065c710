"""The statuses of a job, for Python and for the Lua prelude that is generated from here."""

from collections.abc import Collection
from typing import Final, Literal, get_args

Status = Literal["scheduled", "queued", "running", "cancelling", "succeeded", "failed", "cancelled"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
WAITING: Final[tuple[Status, ...]] = ("scheduled", "queued")
"""No worker has the job: a cancel ends it at once."""
HOLDING: Final[tuple[Status, ...]] = ("running", "cancelling")
"""A worker holds the job's lease and its places."""
STOPPABLE: Final[tuple[Status, ...]] = (*WAITING, "running")
"""A cancel changes the job."""
ACTIVE: Final[tuple[Status, ...]] = WAITING + HOLDING
"""The job counts against capacity."""
FINAL: Final[tuple[Status, ...]] = ("succeeded", "failed", "cancelled")
"""The job never changes again."""


def status_prelude() -> str:
    """Write the Lua locals of the same names: lists of all, active and final ones, and sets."""
    lists = {"STATUSES": STATUSES, "ACTIVE": ACTIVE, "STOPPABLE": STOPPABLE, "FINAL": FINAL}
    sets = {"IS_WAITING": WAITING, "IS_HOLDING": HOLDING, "IS_FINAL": FINAL}
    return "".join(
        [
            *(f"local {name} = {{{_quoted(words)}}}\n" for name, words in lists.items()),
            *(f"local {name} = {{{_set(words)}}}\n" for name, words in sets.items()),
        ]
    )


def _quoted(words: Collection[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _set(words: Collection[str]) -> str:
    return ", ".join(f"{word} = true" for word in words)
