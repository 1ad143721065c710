"""Entity tags of jobs, and the requests that are conditional on them (RFC 9110, section 13)."""

import re
from typing import Final

from callboard.jobs.record import Record
from callboard.jobs.statuses import STATUSES

# Besides the version the tag says attempt and status: a record that Redis lost and a message
# brought back counts its versions anew. A queued job's place changes without the job.
_OURS: Final = re.compile(rf'W/"\d+\.\d+\.({"|".join(STATUSES)})(?:\.\d+)?"', re.ASCII)


def entity_tag(record: Record, place: int | None = None) -> str:
    """Give the tag of a job as it is; weak, since each media type writes it in its own way.

    Args:
        record: the job.
        place: where it stands while it is queued; None elsewhere, or when unknown.
    """
    return f'W/"{state_tag(record)}{"" if place is None else f".{place}"}"'


def state_tag(record: Record) -> str:
    """Name a job's state, differently after each change."""
    return f"{record.version}.{record.attempt}.{record.status}"


def is_known(tag: str, if_none_match: str | None) -> bool:
    """Whether the client has this version already, by weak comparison (section 8.8.3.2)."""
    if not if_none_match:
        return False
    opaque = tag.removeprefix("W/")
    given = (member.strip() for member in if_none_match.split(","))
    return any(member == "*" or member.removeprefix("W/") == opaque for member in given)


def is_same(tag: str, if_match: str) -> bool:
    """Whether the client names this version, by strong comparison."""
    given = (member.strip() for member in if_match.split(","))
    return any(member in ("*", tag) for member in given)


def known_statuses(if_none_match: str | None) -> frozenset[str]:
    """Give the statuses that the client has seen, as its tags say; none when it sends none."""
    return frozenset(_OURS.findall(if_none_match or ""))
