"""What a job is: operations, records, and one module and one Lua script per transition."""

from callboard.jobs.errors import Failure, RetryAfter
from callboard.jobs.files.accepts import Accepts
from callboard.jobs.files.file import File
from callboard.jobs.job import Job
from callboard.jobs.operation import Operation, operation

__all__ = ["Accepts", "Failure", "File", "Job", "Operation", "RetryAfter", "operation"]
