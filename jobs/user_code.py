"""Call code of an operation's author outside its function: nothing that it raises goes further."""

import signal
import threading
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from callboard.jobs.errors import InvalidParameters, Leaving, OperationFault
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger
from callboard.telemetry.redaction import stack_of

T = TypeVar("T")

log = get_logger(__name__)


def call_user_code(call: Callable[[], T], operation: str, task: str) -> T:
    """Run validators, factories, serialisers and the like, which may raise anything.

    Args:
        call: runs them.
        operation: whose code it is.
        task: what it is to do, as in "failed to check the parameters".

    Raises:
        ValidationError, InvalidParameters: it refuses what it was given.
        OperationFault: it raised anything else, such as `KeyError` or `SystemExit`.
    """
    try:
        return call()
    except (ValidationError, InvalidParameters, Leaving):
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and may_be_a_keys():
            raise
        raise OperationFault.of(operation, task, error, stack=stack_of(error)) from error


def log_fault(error: OperationFault, operation: str) -> None:
    """Log where an operation's code failed, without what it said: that may quote parameters."""
    reason = error.exception or str(error)
    log.error(LogEvent.OPERATION_FAULT, operation=operation, exception=reason, stack=error.stack)


def describe(error: BaseException) -> str:
    """Return the name of an error and the first line of what it says, if it says anything."""
    try:
        lines = str(error).splitlines()
    except BaseException:  # noqa: BLE001 — it may do anything
        lines = []
    name = type(error).__name__
    return f"{name}: {lines[0]}" if lines and lines[0] else name


def may_be_a_keys() -> bool:
    """Return whether Python itself raises `KeyboardInterrupt` here at Ctrl-C."""
    handled = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return handled and threading.current_thread() is threading.main_thread()
