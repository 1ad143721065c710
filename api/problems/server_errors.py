"""Problems for what a web server refuses by itself, before any application is called."""

import secrets

from pydantic_core import to_json

from callboard.api.problems.problem import PROBLEM, Problem
from callboard.api.problems.table import type_of_status
from callboard.api.urls import Urls
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

_MAX_DETAIL_LENGTH = 200

log = get_logger(__name__)


def server_problem(status: int, detail: str) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a problem, and log it.

    The address that the client used is unknown, so the type is a path.

    Args:
        status: the status of the response.
        detail: what the server says about the request; nothing is said about a failure of ours.
    """
    problem_type = type_of_status(status)
    known = detail[:_MAX_DETAIL_LENGTH] if status < 500 and detail else problem_type.title  # noqa: PLR2004
    request_id = secrets.token_hex(16)
    # Behind a colon servers quote what was sent.
    reason = known.partition(":")[0]
    log.info(LogEvent.REQUEST_REFUSED, request_id=request_id, status=status, reason=reason)
    body = to_json(Problem(problem_type, known).body(Urls(""), request_id))
    headers = {
        "Content-Type": PROBLEM,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-ID": request_id,
    }
    return headers, body
