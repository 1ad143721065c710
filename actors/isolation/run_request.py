"""The message with which a worker starts a function in a child."""

import structlog

from callboard.actors.isolation import messages
from callboard.actors.runs import Run
from callboard.jobs.errors import StorageUnavailable
from callboard.jobs.files.folder import RunFiles
from callboard.jobs.files.inputs import Fetch, fetched
from callboard.jobs.files.outputs import OutputBounds
from callboard.jobs.operation_rules import Rules


def request_of(run: Run, bounds: OutputBounds, folder: RunFiles, fetch: Fetch) -> messages.Message:
    """Return the message, after fetching the function's files."""
    operation = run.operation
    # The parameters are validated in the child: a validator may crash its process.
    taken = fetched(run.submission.files, fetch)
    return {
        "kind": "run",
        "job_id": run.fence.job_id,
        "attempt": run.fence.attempt,
        "tenant": run.submission.tenant,
        "operation": operation.name,
        "params": dict(run.submission.params),
        "saved": run.job.saved_bytes,
        "files": messages.files(taken),
        "folder": _path_of(folder),
        "memory_bytes": _refused_beyond(operation.rules),
        "max_result_bytes": bounds.result_bytes,
        "max_file_bytes": bounds.files_bytes,
        "log": structlog.contextvars.get_contextvars(),
    }


def _refused_beyond(rules: Rules) -> int | None:
    """Return the limit beyond which the kernel refuses memory, whether it is used or not."""
    if rules.memory_limit_kind == "address_space":
        return rules.memory_limit_bytes
    return None


def _path_of(folder: RunFiles) -> str:
    try:
        return str(folder.there())
    except StorageUnavailable:
        return ""  # most functions create no files
