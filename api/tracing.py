"""The id that a request is traced by, and its line in the log."""

import logging
import re
import secrets
import time
from typing import Final

import falcon
import structlog

from api.request import Request
from api.urls import Addresses

_SAFE: Final = re.compile(r"[A-Za-z0-9._~:/+=@,-]{1,128}")
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_REFUSED: Final = 400

log = structlog.get_logger(__name__)
_standard = logging.getLogger(__name__)


class Tracing:
    """Middleware that gives each request its id and addresses, and logs its outcome.

    Requests that succeed are logged at `debug`: a line costs as much time as the job's script.
    """

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    def process_request(self, req: Request, resp: falcon.Response) -> None:
        """Take a safe `X-Request-ID` or make one, and let log lines of this request carry it."""
        begin(req, resp, self._addresses)

    def process_response(
        self, req: Request, resp: falcon.Response, _resource: object, _succeeded: object
    ) -> None:
        """Log how the request ended."""
        status = resp.status_code
        structlog.contextvars.unbind_contextvars("request_id")
        level = logging.INFO if status >= _REFUSED else logging.DEBUG
        if not _standard.isEnabledFor(level):
            return
        log.log(
            level,
            "request",
            request_id=req.context.request_id,
            method=req.method,
            route=req.uri_template,
            status=status,
            duration_ms=round((time.monotonic() - req.context.began) * 1000, 1),
            tenant=req.context.caller.tenant or None,
        )


def begin(req: Request, resp: falcon.Response, addresses: Addresses) -> None:
    """Find out what a request is called and how its client sees this server."""
    context = req.context
    context.began = time.monotonic()
    context.urls = addresses.of(req)
    given = req.get_header("X-Request-ID") or ""
    context.request_id = given if _SAFE.fullmatch(given) else secrets.token_hex(16)
    structlog.contextvars.bind_contextvars(request_id=context.request_id)
    resp.set_header("X-Request-ID", context.request_id)
    resp.set_header("Cache-Control", "no-store")
    resp.set_header("X-Content-Type-Options", "nosniff")


def traceparent_of(req: falcon.Request) -> str | None:
    """Give the request's W3C `traceparent`, unless it is malformed."""
    given = req.get_header("traceparent") or ""
    return given if _TRACEPARENT.fullmatch(given) else None
