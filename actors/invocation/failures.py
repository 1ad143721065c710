"""Turns what ended a run into the error that its job shows.

An exception of a function is code of the function. Nothing here relies on its methods, and
whatever it does when it is rendered is caught here, once. No other module touches it.
"""

import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from dramatiq.middleware import SkipMessage

from callboard.jobs.encoding import cut
from callboard.jobs.errors import (
    Cancelled,
    Failure,
    InvalidParameters,
    RetryAfter,
    StorageFull,
    StorageUnavailable,
    TimedOut,
)

MAX_DETAIL_LENGTH: Final = 2000
MAX_TRACEBACK_LENGTH: Final = 8000
MAX_NAME_LENGTH: Final = 200
MAX_FRAMES: Final = 100
NOT_SHOWN: Final = "(cannot be displayed)"

_NAME: Final[Callable[[type], str]] = type.__dict__["__name__"].__get__
_TRACEBACK: Final[Callable[[BaseException], Any]] = BaseException.__dict__["__traceback__"].__get__
_KINDS: Final = {
    TimedOut: "timeout",
    Cancelled: "cancelled",
    StorageUnavailable: "storage-unavailable",
    StorageFull: "storage-full",
    InvalidParameters: "invalid-parameters",
}
_FINAL: Final = (Cancelled, InvalidParameters)


class FailedElsewhere(Failure):
    """A function has failed; this is the account of its exception, which stays where it was raised.

    Attributes:
        shown: the result of `describe` there.
        named: the result of `names` there.
        delay: the delay that it asked for before a retry; None if it did not.
    """

    def __init__(
        self, shown: dict[str, Any], named: dict[str, str], delay: timedelta | None = None
    ) -> None:
        super().__init__(shown["detail"], retryable=shown["retryable"])
        self.kind = shown["type"]
        self.shown: Final = shown
        self.named: Final = named
        self.delay: Final = delay


def account(error: BaseException) -> FailedElsewhere:
    """Return the account of an error."""
    if type(error) is FailedElsewhere:
        return error
    if issubclass(type(error), SkipMessage):
        # Dramatiq would take the message for one that never ran.
        error = Failure("The function raised SkipMessage.", retryable=False)
    delay = error.delay if type(error) is RetryAfter else None
    return FailedElsewhere(describe(error), names(error), delay)


def traceback_of(error: BaseException) -> TracebackType | None:
    """Return the traceback from Python itself: a class may report something else."""
    found: TracebackType | None = _TRACEBACK(error)
    return found


def describe(error: BaseException) -> dict[str, Any]:
    """Return the error's type, its message, and whether another attempt may succeed.

    The traceback is for operators; clients never see it.
    """
    if type(error) is FailedElsewhere:
        return error.shown
    kind, detail, retryable = _told(error)
    can_be_shown = not str.endswith(detail, NOT_SHOWN)
    return {
        "type": kind,
        "detail": cut(detail, MAX_DETAIL_LENGTH),
        "retryable": retryable,
        "traceback": _trace(error, in_full=can_be_shown),
    }


def names(error: BaseException) -> dict[str, str]:
    """Return an error's name and location for the log; its message may quote parameters."""
    if type(error) is FailedElsewhere:
        return error.named
    named = {"exception": _name_of(error)}
    try:
        last = traceback.extract_tb(traceback_of(error))[-1]
        place = f"{Path(last.filename).name}:{last.lineno} {last.name}"
        named["raised_at"] = cut(place, MAX_NAME_LENGTH)
    except Exception:  # noqa: BLE001 — the function may have made the code itself
        return named
    return named


def _told(error: BaseException) -> tuple[str, str, bool]:
    # Not `isinstance`: an object may claim another class, or raise when asked.
    kind = type(error)
    if issubclass(kind, Failure):
        return _of_failure(error)
    for known, word in _KINDS.items():
        if issubclass(kind, known):
            return word, _shown(error), known not in _FINAL
    return "exception", f"{_name_of(error)}: {_shown(error)}", True


def _of_failure(failure: Any) -> tuple[str, str, bool]:
    try:
        kind, detail = failure.kind, _shown(failure.detail)
        retryable = bool(failure.retryable)
    except BaseException:  # noqa: BLE001 — a class of the function's own may say anything
        kind, detail, retryable = Failure.kind, _shown(failure), True
    return (kind if type(kind) is str else Failure.kind), detail, retryable


def _name_of(error: BaseException) -> str:
    return cut(_NAME(type(error)), MAX_NAME_LENGTH)


def _trace(error: BaseException, *, in_full: bool) -> str:
    said = None
    if in_full:
        said = _tried(lambda: "".join(traceback.format_exception(error, limit=-MAX_FRAMES)))
    if said is None:
        # Its message cannot be rendered, but its location can.
        said = _tried(lambda: "".join(traceback.format_tb(traceback_of(error), limit=-MAX_FRAMES)))
        said = f"{said or ''}{_name_of(error)}: {NOT_SHOWN}\n"
    return cut(said, MAX_TRACEBACK_LENGTH, end=True)


def _shown(said: object) -> str:
    """Render a value of a function; its own methods may fail."""
    text = _tried(lambda: str(said))
    return NOT_SHOWN if text is None else text


def _tried(show: Callable[[], str]) -> str | None:
    try:
        return show()
    except BaseException:  # noqa: BLE001 — it is the function's code, which may even exit
        return None
