"""The JSON-like messages between a worker and a child."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from callboard.actors.invocation.failures import FailedElsewhere
from callboard.jobs.errors import (
    CallboardError,
    Cancelled,
    CapacityExceeded,
    DependencyMissing,
    DuplicateJob,
    FileMissing,
    Interrupted,
    InvalidParameters,
    LeaseLost,
    OperationError,
    Refused,
    ShutDown,
    StoreUnavailable,
    TimedOut,
    UnknownOperation,
)
from callboard.jobs.files.file import File
from callboard.jobs.files.finalize import FinalizedFiles
from callboard.jobs.files.staging import Staged
from callboard.jobs.finish import RunOutcome
from callboard.jobs.progress import ProgressReport

Message = dict[str, Any]

_CAUSES: Final[dict[str, type[Interrupted]]] = {
    kind.__name__: kind for kind in (Cancelled, TimedOut, LeaseLost, ShutDown)
}


_REFUSALS: Final[dict[str, type[CallboardError]]] = {
    kind.__name__: kind
    for kind in (
        CapacityExceeded,
        DependencyMissing,
        FileMissing,
        OperationError,
        Refused,
        StoreUnavailable,
        UnknownOperation,
    )
}


def stop(cause: Interrupted) -> Message:
    """Return the message that a function is to stop."""
    return {"kind": "stop", "cause": type(cause).__name__, "detail": str(cause)}


def cause_of(message: Message) -> Interrupted:
    """Return why a function is to stop."""
    return _CAUSES.get(message["cause"], Cancelled)(message["detail"])


def report(job_id: str, changes: ProgressReport) -> Message:
    """Return the message with what a job has reported."""
    return {
        "kind": "report",
        "job_id": job_id,
        "report": {**asdict(changes), "lines": list(changes.lines)},
    }


def report_of(message: Message) -> ProgressReport:
    """Return what a job has reported."""
    return ProgressReport(**message["report"])


def submitting(
    number: int, operation: str, params: Mapping[str, Any], options: Mapping[str, Any]
) -> Message:
    """Return the message that asks the worker to submit a job."""
    return {
        "kind": "submit",
        "number": number,
        "operation": operation,
        "params": dict(params),
        "options": dict(options),
    }


def submitted(message: Message, submit: Callable[[], str]) -> Message:
    """Submit a job for a child, and return the reply.

    Args:
        message: from the child.
        submit: submits the job.
    """
    answer: Message = {"kind": "submitted", "number": message["number"]}
    try:
        return {**answer, "job_id": submit()}
    except CallboardError as error:
        said: list[Any] = [str(error)]
        if isinstance(error, InvalidParameters):
            said = [[list(each) for each in error.errors]]
        elif isinstance(error, DuplicateJob):
            said = [error.job_id, error.status]
        elif isinstance(error, DependencyMissing):
            said = [error.job_id, error.index]
        elif isinstance(error, FileMissing):
            said = [error.file_id]
        elif isinstance(error, CapacityExceeded):
            said = [error.scope]
        return {**answer, "error": type(error).__name__, "said": said}


def job_id_of(message: Message) -> str:
    """Return the id of a job that the worker submitted.

    Raises:
        CallboardError: the submission was refused.
    """
    if "job_id" in message:
        return str(message["job_id"])
    said = message["said"]
    match message["error"]:
        case "InvalidParameters":
            raise InvalidParameters([(pointer, detail) for pointer, detail in said[0]])
        case "DuplicateJob":
            raise DuplicateJob(*said)
    raise _REFUSALS.get(message["error"], OperationError)(*said)


def files(taken: Sequence[File]) -> list[Message]:
    """Return the descriptions of files on this machine."""
    return [{**file.described(), "path": str(file.path)} for file in taken]


def file_of(described: Mapping[str, Any]) -> File:
    """Return a file on this machine from its description."""
    file = File(
        file_id=described["id"],
        name=described["name"],
        media_type=described["media_type"],
        path=Path(described["path"]),
    )
    file.finalize(size=described["size"], sha256=described["sha256"])
    return file


def failed(failure: FailedElsewhere) -> Message:
    """Return the message with the account of an exception."""
    delay = None if failure.delay is None else failure.delay.total_seconds()
    return {"kind": "failed", "error": failure.shown, "names": failure.named, "delay_s": delay}


def failure_of(message: Message) -> FailedElsewhere:
    """Return the account of an exception."""
    delay = None if message["delay_s"] is None else timedelta(seconds=message["delay_s"])
    return FailedElsewhere(message["error"], message["names"], delay)


def done(outcome: RunOutcome, finalized: FinalizedFiles) -> Message:
    """Return the message with a function's result."""
    return {
        "kind": "done",
        "result": outcome.result,
        "result_bytes": outcome.result_bytes,
        "new": files([file for file, _ in finalized.new]),
        "named": list(finalized.named),
    }


def outcome_of(message: Message) -> tuple[RunOutcome, FinalizedFiles]:
    """Return a function's result."""
    new = [file_of(described) for described in message["new"]]
    staged = [(file, Staged(file.path or Path(), -1, file.size, known=file.sha256)) for file in new]
    return RunOutcome(message["result"], message["result_bytes"]), FinalizedFiles(
        staged, message["named"]
    )
