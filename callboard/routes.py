"""The public API for routes of your own; see docs/how-to/add-routes.md."""

from callboard.api.description import BodyDescription, ResponseDescription, describe
from callboard.api.extension.callbacks import CallbackJob
from callboard.api.extension.jobs import Form, JobEstimate, Jobs
from callboard.api.files.uploads import FileRefused
from callboard.api.request import Caller, Request
from callboard.api.route import Route
from callboard.jobs.cancel import Confirmation
from callboard.jobs.errors import (
    CapacityExceeded,
    ConfirmationStale,
    DuplicateJob,
    InvalidParameters,
    JobFinal,
    JobGone,
    JobNotFound,
    RateExceeded,
    Refused,
    UnknownOperation,
)
from callboard.jobs.record import Progress, Record
from callboard.jobs.statuses import Status

__all__ = [
    "BodyDescription",
    "CallbackJob",
    "Caller",
    "CapacityExceeded",
    "Confirmation",
    "ConfirmationStale",
    "DuplicateJob",
    "FileRefused",
    "Form",
    "InvalidParameters",
    "JobEstimate",
    "JobFinal",
    "JobGone",
    "JobNotFound",
    "Jobs",
    "Progress",
    "RateExceeded",
    "Record",
    "Refused",
    "Request",
    "ResponseDescription",
    "Route",
    "Status",
    "UnknownOperation",
    "describe",
]
