"""Times as answers write them."""

from datetime import datetime


def timestamp(moment: datetime) -> str:
    """Write a time as RFC 3339 in UTC with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def optional_time(moment: datetime | None) -> str | None:
    """Write a time that may be missing."""
    return None if moment is None else timestamp(moment)
