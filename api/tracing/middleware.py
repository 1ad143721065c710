"""The id of a request, and its log event."""

import logging
import re
import secrets
import time
from typing import Final

import falcon
import structlog

from callboard.api.request import Request
from callboard.api.trace_context import TraceContext, parse_trace_context
from callboard.api.urls import Addresses
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

_SAFE: Final = re.compile(r"[A-Za-z0-9._~:/+=@,-]{1,128}")
_REFUSED: Final = 400

log = get_logger(__name__)
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
        level = logging.INFO if status >= _REFUSED else logging.DEBUG
        if _standard.isEnabledFor(level):
            log.log(
                level,
                LogEvent.REQUEST_HANDLED,
                method=req.method,
                route=req.uri_template,
                status=status,
                duration_ms=round((time.monotonic() - req.context.began) * 1000, 1),
            )
        structlog.contextvars.unbind_contextvars("request_id", "tenant")


class TenantInLog:
    """Middleware after the authentication: adds the tenant to log events."""

    def process_resource(
        self, req: Request, _resp: falcon.Response, _resource: object, _params: object
    ) -> None:
        """Let log lines of this request carry the tenant, if there is one."""
        if req.context.caller.tenant:
            structlog.contextvars.bind_contextvars(tenant=req.context.caller.tenant)


def begin(req: Request, resp: falcon.Response, addresses: Addresses) -> None:
    """Determine a request's id, and the server's URL as its client sees it."""
    context = req.context
    context.began = time.monotonic()
    context.urls = addresses.of(req)
    context.peer = addresses.peer_of(req)
    given = req.get_header("X-Request-ID") or ""
    context.request_id = given if _SAFE.fullmatch(given) else secrets.token_hex(16)
    structlog.contextvars.bind_contextvars(request_id=context.request_id)
    resp.set_header("X-Request-ID", context.request_id)
    resp.set_header("Cache-Control", "no-store")
    resp.set_header("X-Content-Type-Options", "nosniff")


def traceparent_of(req: Request) -> str | None:
    """Return the W3C `traceparent` that a job of this request keeps, unless it is malformed."""
    trace = trace_context_of(req)
    return trace.traceparent if trace else None


def tracestate_of(req: Request) -> str | None:
    """Return the W3C `tracestate` that belongs to the `traceparent`."""
    trace = trace_context_of(req)
    return trace.tracestate if trace else None


def trace_context_of(req: Request) -> TraceContext | None:
    """Find the request in its trace: its own span where telemetry is on, else the client's."""
    if req.context.trace is None and (parent := req.get_header("traceparent")):
        req.context.trace = parse_trace_context(parent, req.get_header("tracestate") or "")
    return req.context.trace
