"""The job core: operations, records, and one module and one Lua script for each transition."""

from callboard.jobs.errors import Failure, RetryAfter
from callboard.jobs.files.accepts import Accepts
from callboard.jobs.files.file import File
from callboard.jobs.job import Job
from callboard.jobs.operation import Operation, operation
from callboard.jobs.retry_policy import FailedAttempt, RetryPolicy

__all__ = [
    "Accepts",
    "FailedAttempt",
    "Failure",
    "File",
    "Job",
    "Operation",
    "RetryAfter",
    "RetryPolicy",
    "operation",
]
