"""Callboard: slow Python functions as jobs over HTTP.

A module with operations takes what it needs from here, and so does a program that calls a server:
`from callboard import operation, Job, File, Client`. Each name is imported when it is first used,
so that a client needs nothing of the server part, and a function in a process of its own little.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from callboard.server_part import server_part

if TYPE_CHECKING:
    from callboard.client import (
        CallboardClientError,
        CannotAsk,
        Client,
        Event,
        FileDamaged,
        JobFailed,
        Problem,
        ServerAway,
        StrangeAnswer,
        UploadedFile,
    )
    from callboard.jobs import (
        Accepts,
        FailedAttempt,
        Failure,
        File,
        Job,
        Operation,
        RetryAfter,
        RetryPolicy,
        operation,
    )
    from callboard.ops import connect

__all__ = [
    "Accepts",
    "CallboardClientError",
    "CannotAsk",
    "Client",
    "Event",
    "FailedAttempt",
    "Failure",
    "File",
    "FileDamaged",
    "Job",
    "JobFailed",
    "Operation",
    "Problem",
    "RetryAfter",
    "RetryPolicy",
    "ServerAway",
    "StrangeAnswer",
    "UploadedFile",
    "connect",
    "operation",
]

_OF_JOBS = (
    "Accepts",
    "FailedAttempt",
    "Failure",
    "File",
    "Job",
    "Operation",
    "RetryAfter",
    "RetryPolicy",
    "operation",
)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "jobs" if name in _OF_JOBS else "ops" if name == "connect" else "client"
    if home == "client":
        module = import_module(f"{__name__}.client")
    else:
        with server_part(f"{__name__}.{name}"):
            module = import_module(f"{__name__}.{home}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
