"""A request with what the middleware found out about it."""

from typing import TYPE_CHECKING

import falcon

from api.caller import NOBODY, Caller
from api.urls import Urls

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token

    from opentelemetry.context import Context as OTelContext
    from opentelemetry.trace import Span

    from api.tracing.context import TraceContext
    from jobs.quota import Quota


class Context:
    """What is known about a request besides what it says itself.

    Attributes:
        request_id: taken from the client or made; empty when no middleware has run.
        urls: absolute addresses for the answer.
        caller: who asks; nobody may do anything.
        admitted: whether that caller would be let in now, too; for answers that take long.
        began: when it came, by the monotonic clock.
        quota: what is left of the caller's; None while the request is not counted.
        trace: where in which trace it is; None until somebody has looked.
        span: its span and what ends it, where telemetry is on.
    """

    __slots__ = ("admitted", "began", "caller", "quota", "request_id", "span", "trace", "urls")

    def __init__(self) -> None:
        self.request_id = ""
        self.urls = Urls("")
        self.caller: Caller = NOBODY
        self.admitted: Callable[[], bool] = lambda: True
        self.began = 0.0
        self.quota: Quota | None = None
        self.trace: TraceContext | None = None
        self.span: tuple[Span, Token[OTelContext]] | None = None


class Request(falcon.Request):
    """A request whose context is typed."""

    __slots__ = ()
    context_type = Context
    context: Context  # type: ignore[assignment]  # made from `context_type`


def is_chunked(req: Request) -> bool:
    """Whether the body comes in chunks, so that nobody knows its length yet."""
    return "chunked" in req.get_header("Transfer-Encoding", default="").lower()
