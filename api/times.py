"""Times as requests and answers write them (RFC 3339)."""

import re
from datetime import datetime
from typing import Annotated, Final

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)

TIME_IN_YEAR: Final = (
    r"-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
TIME: Final = f"(?:19[7-9][0-9]|[2-9][0-9]{{3}}){TIME_IN_YEAR}"
_TIME: Final = re.compile(TIME)
_NO_TIME: Final = "must be a time as RFC 3339, such as 2030-01-31T12:00:00Z"


def timestamp(moment: datetime) -> str:
    """Format a time as RFC 3339 in UTC with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def optional_time(moment: datetime | None) -> str | None:
    """Format a time; None stays None."""
    return None if moment is None else timestamp(moment)


def _check_time(value: object) -> object:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError(_NO_TIME)
    return value


Time = Annotated[
    AwareDatetime,
    Field(strict=False),
    BeforeValidator(_check_time),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


_TIME_ALONE: Final[TypeAdapter[datetime]] = TypeAdapter(Time)


def parse_time(text: str) -> datetime:
    """Parse a time (RFC 3339).

    Raises:
        ValueError: the text is not a time; the message says what it must be.
    """
    try:
        return _TIME_ALONE.validate_python(text)
    except ValidationError as error:
        raise ValueError(_NO_TIME) from error
