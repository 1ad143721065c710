"""What a job is: operations, records, and one module and one Lua script per transition."""

from jobs.errors import Failure, RetryAfter
from jobs.files.accepts import Accepts
from jobs.files.file import File
from jobs.job import Job
from jobs.operation import Operation, operation

__all__ = ["Accepts", "Failure", "File", "Job", "Operation", "RetryAfter", "operation"]
