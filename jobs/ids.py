"""Ids of jobs and tokens of attempts."""

import re
import secrets
from typing import Final

import uuid_utils

JOB_ID_PATTERN: Final = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_UUID: Final = re.compile(JOB_ID_PATTERN)


def new_job_id() -> str:
    """Make a UUIDv7 (RFC 9562, section 5.7): ids sort by the time they were made."""
    return str(uuid_utils.uuid7())


def new_token() -> str:
    """Draw the random half of a fence: 96 bits, 16 characters."""
    return secrets.token_urlsafe(12)


def is_job_id(text: str) -> bool:
    """Return whether this can be the id of a job."""
    return _UUID.fullmatch(text) is not None
