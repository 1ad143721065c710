"""Which errors of Redis are outages, that pass or that an operator ends, and what they are."""

import re
from typing import Final

from redis import exceptions

_AWAY: Final = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.InvalidResponse,  # another kind of server, or half an answer
    OSError,
)

NO_RIGHTS: Final = "denies the user permissions that jobs need"
NO_MEMORY: Final = "has no memory left for new jobs"
NO_DATABASE: Final = "does not have the database that CALLBOARD_REDIS_URL names"
READ_ONLY: Final = "is a replica, which accepts no writes"

# By the words of Redis, for inside a script it wraps an error, each version in its own way, and
# the client takes the first word from the text of an error that it has a class for.
_REASONS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), says)
    for pattern, says in (
        (r"\b(NOAUTH|WRONGPASS)\b", "rejects the user or password"),
        (
            r"\bNOPERM\b|script can't|ACL failure|[Uu]nknown (Redis )?command",
            NO_RIGHTS,
        ),
        (r"\bREADONLY\b", READ_ONLY),
        (r"\bOOM\b", NO_MEMORY),
        (r"\bMISCONF\b", "cannot write to its disk, so it accepts no writes"),
        (r"\bNOREPLICAS\b", "has too few replicas, so it accepts no writes"),
        (r"\bLOADING\b", "is still loading its data"),
        (r"\b(BUSY|UNKILLABLE)\b", "is busy running a script"),
        (r"\bMASTERDOWN\b", "is a replica without its primary"),
        (r"\b(CLUSTERDOWN|TRYAGAIN)\b", "is a cluster with missing nodes"),
        (r"\b(MOVED|ASK|CROSSSLOT)\b", "is a cluster, and another node holds these keys"),
        (r"DB index is out of range|invalid DB index|SELECT is not allowed", NO_DATABASE),
        (r"max number of clients reached", "accepts no more connections"),
    )
)


def outage_of(error: BaseException) -> str | None:
    """Return what keeps Redis from an answer; None for an error that no waiting ends: ours.

    What is said completes a sentence that begins with `Redis`, and quotes nothing.
    """
    if isinstance(error, exceptions.ResponseError | exceptions.ConnectionError):
        text = f"{getattr(error, 'status_code', None) or ''} {error}"
        for pattern, says in _REASONS:
            if pattern.search(text):
                return says
    if isinstance(error, exceptions.AuthenticationError | exceptions.AuthorizationError):
        return "rejects the user or password"
    return "does not answer" if isinstance(error, _AWAY) else None
