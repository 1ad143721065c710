"""Entity tags of jobs, and the requests that are conditional on them (RFC 9110, section 13)."""

import re
from typing import Final

from callboard.jobs.record import Record
from callboard.jobs.statuses import STATUSES

# Besides the version, the tag contains attempt and status: a job that Redis lost and a message
# recovered restarts its versions. A queued job's place changes without its version.
_OURS: Final = re.compile(rf'W/"\d+\.\d+\.({"|".join(STATUSES)})(?:\.\d+)?"', re.ASCII)


def entity_tag(record: Record, place: int | None = None) -> str:
    """Return the entity tag of a job; weak, since each media type renders it differently.

    Args:
        record: the job.
        place: its place in the queue; None if it is not queued, or unknown.
    """
    return f'W/"{state_tag(record)}{"" if place is None else f".{place}"}"'


def state_tag(record: Record) -> str:
    """Return a name of a job's state that differs after each change."""
    return f"{record.version}.{record.attempt}.{record.status}"


def is_known(tag: str, if_none_match: str | None) -> bool:
    """Return whether the client has this version, by weak comparison (section 8.8.3.2)."""
    if not if_none_match:
        return False
    opaque = tag.removeprefix("W/")
    given = (member.strip() for member in if_none_match.split(","))
    return any(member == "*" or member.removeprefix("W/") == opaque for member in given)


def is_same(tag: str, if_match: str) -> bool:
    """Return whether the client names this version, by strong comparison."""
    given = (member.strip() for member in if_match.split(","))
    return any(member in ("*", tag) for member in given)


def known_statuses(if_none_match: str | None) -> frozenset[str]:
    """Return the statuses that the client has seen, from its tags."""
    return frozenset(_OURS.findall(if_none_match or ""))
