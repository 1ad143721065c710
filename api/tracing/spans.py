"""A span for each HTTP request; imported only where telemetry is on."""

from typing import Any, Final

import falcon
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from callboard.api.request import Request
from callboard.api.trace_context import TraceContext
from callboard.api.tracing.middleware import trace_context_of
from callboard.telemetry.traces import Telemetry

_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
)
_OTHER: Final = "_OTHER"
_SERVER_ERROR: Final = 500


class RequestSpans:
    """Middleware that spans each request, from its first look to the end of its answer's head.

    Names and attributes are OpenTelemetry's semantic conventions for HTTP servers. Query strings
    and headers with keys in them stay out.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._tracer = telemetry.tracer
        self._propagator = TraceContextTextMapPropagator()

    def process_request(self, req: Request, _resp: falcon.Response) -> None:
        """Begin below the client's span, if it has sent one."""
        given = trace_context_of(req)
        carried = _headers(given) if given else {}
        method = req.method if req.method in _METHODS else _OTHER
        span = self._tracer.start_span(
            _name(method, None),
            context=self._propagator.extract(carried, Context()),
            kind=SpanKind.SERVER,
            attributes=_attributes(req, method),
        )
        current = set_span_in_context(span)
        req.context.span = span, attach(current)
        headers: dict[str, str] = {}
        self._propagator.inject(headers, current)
        req.context.trace = TraceContext(**headers)

    def process_response(
        self, req: Request, resp: falcon.Response, _resource: object, _succeeded: object
    ) -> None:
        """End the span with the response; refusals are the client's errors, not the server's."""
        if req.context.span is None:
            return
        span, token = req.context.span
        status = resp.status_code
        span.set_attribute("callboard.request_id", req.context.request_id)
        span.set_attribute("http.response.status_code", status)
        if req.context.caller.tenant:
            span.set_attribute("callboard.tenant", req.context.caller.tenant)
        if req.uri_template:
            span.set_attribute("http.route", req.uri_template)
            method = req.method if req.method in _METHODS else _OTHER
            span.update_name(_name(method, req.uri_template))
        if status >= _SERVER_ERROR:
            span.set_status(StatusCode.ERROR)
            span.set_attribute("error.type", str(status))
        detach(token)
        span.end()


def _name(method: str, route: str | None) -> str:
    shown = "HTTP" if method == _OTHER else method
    return f"{shown} {route}" if route else shown


def _headers(given: TraceContext) -> dict[str, str]:
    return {name: value for name, value in given._asdict().items() if value}


def _attributes(req: Request, method: str) -> dict[str, Any]:
    attributes = {
        "http.request.method": method,
        "url.path": req.path,
        "url.scheme": req.scheme,
        "server.address": req.host,
        "server.port": req.port,
        "client.address": req.remote_addr,
        "user_agent.original": req.user_agent,
    }
    if method == _OTHER:
        attributes["http.request.method_original"] = req.method
    return {name: value for name, value in attributes.items() if value is not None}
