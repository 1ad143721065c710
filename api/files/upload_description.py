"""The description that all methods with uploads share."""

from typing import Final

from callboard.api.problems import table

OCTETS: Final = "application/octet-stream"
UPLOAD_PROBLEMS: Final = (
    table.FILE_TOO_LARGE,
    table.STORAGE_FULL,
    table.STORAGE_UNAVAILABLE,
    table.FILE_TYPE_NOT_ACCEPTED,
    table.FILE_AMBIGUOUS,
    table.INVALID_FILE,
    table.BODIES_FULL,
)
"""Why a file may be refused."""
