"""The table of types in a job's `error`: one row each, with all that is said about it."""

from collections.abc import Mapping
from typing import Final

from callboard.api.problems.problem_type import JobErrorType

_ROWS: Final = (
    JobErrorType(
        name="failure",
        title="The operation reported a failure.",
        meaning="The operation's function ended the job with a message for whoever submitted it.",
        advice="Read `detail`. `retryable` says whether another attempt could succeed.",
    ),
    JobErrorType(
        name="exception",
        title="The operation raised an exception.",
        meaning="The operation's function raised an exception that it did not handle.",
        advice="This is most likely a bug in the operation. Operators see the job's traceback.",
    ),
    JobErrorType(
        name="timeout",
        title="The operation exceeded its time limit.",
        meaning="The function ran longer than the operation's time limit and was interrupted.",
        advice="Request less work per job, or have the operation's `time_limit` raised.",
    ),
    JobErrorType(
        name="cancelled",
        title="The job was cancelled.",
        meaning="The job was cancelled on request.",
        advice="Submit it again if you still need it.",
    ),
    JobErrorType(
        name="superseded",
        title="Another job replaced this one.",
        meaning="A newer submission with the same parameters replaced this job before it ran, or "
        "the job was recovered after a loss of data when another one had already replaced it.",
        advice="Follow the newer job.",
    ),
    JobErrorType(
        name="dependency-failed",
        title="A job that this one waited for did not succeed.",
        meaning="A job named in `after` failed, was cancelled or was lost, so this job was "
        "cancelled before it ran. `detail` names the other job.",
        advice="Find out why the other job did not succeed. Retry this one to run it anyway. If a "
        "job should run however the others end, submit it with the `after_policy` `finished`.",
    ),
    JobErrorType(
        name="worker-lost",
        title="The workers that ran this job were lost.",
        meaning="The workers that ran this job disappeared several times: killed, out of memory or "
        "cut off. The job is not retried, since it may be the cause.",
        advice="Check the workers' logs and memory before you submit the job again.",
    ),
    JobErrorType(
        name="unknown-operation",
        title="No worker has this operation.",
        meaning="For ten minutes no running worker had the job's operation.",
        advice="Operators check that workers and web processes run the same version with the same "
        "`CALLBOARD_OPERATIONS`.",
    ),
    JobErrorType(
        name="invalid-parameters",
        title="The parameters do not match the operation's current schema.",
        meaning="An older version of the operation accepted the job, and the worker's version "
        "rejects its parameters.",
        advice="Submit it again with parameters that match the current schema.",
    ),
    JobErrorType(
        name="result-not-serialisable",
        title="The operation returned a value that cannot be serialised.",
        meaning="The returned value does not match the function's return annotation, or cannot be "
        "written as JSON.",
        advice="This is a bug in the operation: its function must return what it declares.",
    ),
    JobErrorType(
        name="result-too-large",
        title="The result is too large.",
        meaning="The returned data or files exceed the limit on results.",
        advice="Request less. Operators set the limits with `CALLBOARD_MAX_RESULT_BYTES` and "
        "`CALLBOARD_MAX_FILE_BYTES`, authors of operations with `max_result`.",
    ),
    JobErrorType(
        name="file-gone",
        title="A file of this job no longer exists.",
        meaning="A file that the job takes was lost or removed before the job ran, or a file that "
        "it created was lost before it ended.",
        advice="Upload the file again, and submit a new job.",
    ),
    JobErrorType(
        name="out-of-memory",
        title="The operation ran out of memory.",
        meaning="The function needed more memory than its operation's `memory_limit`, or the "
        "machine had no more to give.",
        advice="Request less work per job, or have the operation's `memory_limit` raised.",
    ),
    JobErrorType(
        name="crashed",
        title="The operation's process ended unexpectedly.",
        meaning="The function runs in a process of its own, and that process ended before the "
        "function returned. `detail` names the signal or the exit code; typical causes are a fault "
        "in compiled code and a machine without free memory.",
        advice="This is most likely a bug in the operation or in a library that it uses. Operators "
        "find where it happened in the worker's log.",
    ),
    JobErrorType(
        name="storage-unavailable",
        title="The job's files could not be read or written.",
        meaning="The worker could not fetch the job's files from the storage, or could not store "
        "the files of the result.",
        advice="Submit the job again. Operators find the cause in the worker's log.",
    ),
    JobErrorType(
        name="storage-full",
        title="The result's files do not fit into the tenant's storage.",
        meaning="The files of the result need more storage than the tenant has left.",
        advice="Remove files and jobs that are no longer needed, and submit the job again.",
    ),
)

JOB_ERRORS: Final[Mapping[str, JobErrorType]] = {row.name: row for row in _ROWS}
"""By the word that a job's error has as the end of its type."""
