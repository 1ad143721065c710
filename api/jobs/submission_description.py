"""The description that all methods that submit one job share."""

from typing import Final

from callboard.api.description import BODY_PROBLEMS, ResponseDescription
from callboard.api.jobs.render import JobObject
from callboard.api.problems import table

SUBMISSION_PROBLEMS: Final = (
    *BODY_PROBLEMS,
    table.INVALID_HEADER,
    table.INVALID_REQUEST,
    table.INVALID_PARAMETERS,
    table.IDEMPOTENCY_MISMATCH,
    table.CAPACITY_EXCEEDED,
    table.FILE_MISSING,
    table.DEPENDENCY_MISSING,
    table.JOB_GONE,
)
"""Problems of every submission."""

SUBMISSION_HEADERS: Final = ("Prefer", "Idempotency-Key", "traceparent")
_LINKS: Final = ("look", "result", "events", "log", "cancel", "delete", "retry")
_OPTIONAL: Final = ("Preference-Applied", "Idempotency-Replayed")

SUBMISSION_RESPONSES: Final = {
    200: ResponseDescription(
        description="The job ended while the request waited.",
        schema=JobObject,
        headers=("Location", "Vary"),
        optional_headers=_OPTIONAL,
        links=_LINKS,
    ),
    202: ResponseDescription(
        description="The job is accepted and will run.",
        schema=JobObject,
        headers=("Location", "Retry-After", "Vary"),
        optional_headers=_OPTIONAL,
        links=_LINKS,
    ),
    303: ResponseDescription(
        description="An identical job is already active, and this operation redirects "
        "duplicates to it.",
        headers=("Location",),
    ),
}
"""The responses to a submission that is not refused."""
