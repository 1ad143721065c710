"""Turn what ended a run into the error that its job shows."""

import traceback
from pathlib import Path
from typing import Any, Final

from jobs.encoding import readable
from jobs.errors import (
    Cancelled,
    Failure,
    InvalidParameters,
    StorageFull,
    StorageUnavailable,
    TimedOut,
)

LONGEST_DETAIL: Final = 2000
LONGEST_TRACEBACK: Final = 8000


class FailedElsewhere(Failure):
    """A function has failed in another process; what that was cannot come here, but its account.

    Attributes:
        shown: what `describe` said of it there.
        named: what `names` said of it there.
    """

    def __init__(self, shown: dict[str, Any], named: dict[str, str]) -> None:
        super().__init__(shown["detail"], retryable=shown["retryable"])
        self.kind = shown["type"]
        self.shown: Final = shown
        self.named: Final = named


def describe(error: BaseException) -> dict[str, Any]:
    """Give the error's type, what to tell people, and whether another attempt may do better.

    The traceback is for operators; clients never see it.
    """
    if isinstance(error, FailedElsewhere):
        return error.shown
    retryable = True
    match error:
        case Failure():
            kind, detail, retryable = error.kind, _shown(error.detail), error.retryable
        case TimedOut():
            kind, detail = "timeout", str(error)
        case Cancelled():
            kind, detail, retryable = "cancelled", str(error), False
        case StorageUnavailable():
            kind, detail = "storage-unavailable", str(error)
        case StorageFull():
            kind, detail = "storage-full", str(error)
        case InvalidParameters():
            kind, detail, retryable = "invalid-parameters", str(error), False
        case _:
            kind, detail = "exception", f"{type(error).__name__}: {_shown(error)}"
    trace = "".join(traceback.format_exception(error))
    return {
        "type": kind,
        "detail": readable(detail[:LONGEST_DETAIL]),
        "retryable": retryable,
        "traceback": readable(trace[-LONGEST_TRACEBACK:]),
    }


def names(error: BaseException) -> dict[str, str]:
    """Name an error for the log, and where it was raised; what it says may quote parameters."""
    if isinstance(error, FailedElsewhere):
        return error.named
    frames = traceback.extract_tb(error.__traceback__)
    named = {"exception": type(error).__name__}
    if frames:
        last = frames[-1]
        named["raised_at"] = f"{Path(last.filename).name}:{last.lineno} {last.name}"
    return named


def _shown(said: object) -> str:
    """Put into words what a function raised or said; its own words may fail, too."""
    try:
        return str(said)
    except Exception:  # noqa: BLE001 — it is the function's code
        return "(it cannot be shown)"
