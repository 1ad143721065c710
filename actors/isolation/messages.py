"""What a worker and a child tell each other, as JSON-like messages."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from jobs.errors import Cancelled, Interrupted, LeaseLost, ShutDown, TimedOut
from jobs.files.file import File
from jobs.files.settling import Settled
from jobs.files.staging import Staged
from jobs.finish import Outcome
from jobs.progress import Report

Message = dict[str, Any]

_CAUSES: Final[dict[str, type[Interrupted]]] = {
    kind.__name__: kind for kind in (Cancelled, TimedOut, LeaseLost, ShutDown)
}


def stop(cause: Interrupted) -> Message:
    """Tell a child that its function is to stop."""
    return {"kind": "stop", "cause": type(cause).__name__, "detail": str(cause)}


def cause_of(message: Message) -> Interrupted:
    """Read why a function is to stop."""
    return _CAUSES.get(message["cause"], Cancelled)(message["detail"])


def report(job_id: str, changes: Report) -> Message:
    """Pass on what a job has reported."""
    return {
        "kind": "report",
        "job_id": job_id,
        "report": {**asdict(changes), "lines": list(changes.lines)},
    }


def report_of(message: Message) -> Report:
    """Read what a job has reported."""
    return Report(**message["report"])


def files(taken: Sequence[File]) -> list[Message]:
    """Describe files that are on this machine."""
    return [{**file.described(), "path": str(file.path)} for file in taken]


def file_of(described: Mapping[str, Any]) -> File:
    """Make a file of this machine from its description."""
    file = File(
        file_id=described["id"],
        name=described["name"],
        media_type=described["media_type"],
        path=Path(described["path"]),
    )
    file.settle(size=described["size"], sha256=described["sha256"])
    return file


def done(outcome: Outcome, settled: Settled) -> Message:
    """Hand over what a function came to."""
    return {
        "kind": "done",
        "result": outcome.result,
        "result_bytes": outcome.result_bytes,
        "new": files([file for file, _ in settled.new]),
        "named": list(settled.named),
    }


def outcome_of(message: Message) -> tuple[Outcome, Settled]:
    """Read what a function came to."""
    new = [file_of(described) for described in message["new"]]
    staged = [(file, Staged(file.path or Path(), -1, file.size, known=file.sha256)) for file in new]
    return Outcome(message["result"], message["result_bytes"]), Settled(staged, message["named"])
