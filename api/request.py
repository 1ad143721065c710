"""A request with its context: the caller, and what the middleware found out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import falcon

from callboard.api.urls import Urls
from callboard.config import Role

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token

    from opentelemetry.context import Context as OTelContext
    from opentelemetry.trace import Span

    from callboard.api.trace_context import TraceContext
    from callboard.jobs.rate_quota import Quota


SMALL_BYTES: Final = 32 * 1024
"""How much is read without a noticeable delay."""

_RANKS: Final[Mapping[Role, int]] = {"viewer": 1, "client": 2, "operator": 3, "admin": 4}


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller: its tenant, whose jobs it sees, and its role.

    Attributes:
        name: the id of its key; empty if none is required.
    """

    tenant: str
    role: Role | None
    name: str = ""

    @property
    def identity(self) -> str:
        """A name that differs from all other callers, also of the same tenant."""
        return f"{self.tenant}:{self.name}"

    @property
    def only_tenant(self) -> str | None:
        """The tenant whose jobs alone it may change; None for an operator, who may change all."""
        return None if self.may("operator") else self.tenant

    def may(self, role: Role) -> bool:
        """Return whether they have this role, or one above it."""
        return self.role is not None and _RANKS[self.role] >= _RANKS[role]


ANONYMOUS: Final = Caller("", None)
KEYLESS: Final = Caller("default", "admin")
"""The caller while no key is required, which is possible only on loopback."""


class Context:
    """What is known about a request besides its content.

    Attributes:
        request_id: taken from the client or made; empty when no middleware has run.
        urls: absolute addresses for the answer.
        caller: the caller; by default, one without permissions.
        admitted: returns whether the caller's key is still valid; for long responses.
        began: when it arrived, by the monotonic clock.
        peer: the address of the client, or of what is in front of it and is not trusted; empty for
            one of loopback.
        held: releases what the request holds, once it is answered.
        quota: what is left of the caller's quota; None until the request is counted.
        submission_quota: the same of the quota of submissions of an operation.
        trace: its trace context; None until it is parsed.
        span: its span and what ends it, where telemetry is on.
    """

    __slots__ = (
        "admitted",
        "began",
        "caller",
        "held",
        "peer",
        "quota",
        "request_id",
        "span",
        "submission_quota",
        "trace",
        "urls",
    )

    def __init__(self) -> None:
        self.request_id = ""
        self.urls = Urls("")
        self.caller: Caller = ANONYMOUS
        self.admitted: Callable[[], bool] = lambda: True
        self.began = 0.0
        self.peer = ""
        self.held: list[Callable[[], None]] = []
        self.quota: Quota | None = None
        self.submission_quota: Quota | None = None
        self.trace: TraceContext | None = None
        self.span: tuple[Span, Token[OTelContext]] | None = None

    def release(self) -> None:
        """Release what the request holds; a repeat does nothing."""
        while self.held:
            self.held.pop()()


class Request(falcon.Request):
    """A request whose context is typed."""

    __slots__ = ()
    context_type = Context
    context: Context  # type: ignore[assignment]  # made from `context_type`


class ReleaseHeld:
    """Middleware that releases what a request holds once its response is built."""

    def process_response(
        self, req: Request, _resp: falcon.Response, _resource: object, _succeeded: object
    ) -> None:
        """Release it, also after an error."""
        req.context.release()


def holders_of(req: Request) -> tuple[str, ...]:
    """Return those whose shares a request uses: its tenant, and its client's address.

    While no key is required, there are no tenants to share among.
    """
    caller, peer = req.context.caller, req.context.peer
    tenants = () if caller is KEYLESS else (f"tenant {caller.tenant}",)
    return tenants if not peer else (*tenants, f"peer {peer}")


def is_large(req: Request) -> bool:
    """Return whether reading its body may delay other requests."""
    return is_chunked(req) or (req.content_length or 0) > SMALL_BYTES


def is_chunked(req: Request) -> bool:
    """Return whether the body is chunked, so that its length is unknown."""
    return "chunked" in req.get_header("Transfer-Encoding", default="").lower()
