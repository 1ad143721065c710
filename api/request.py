"""A request with what the middleware found out about it: who asks, and what they may do."""

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
"""So much is read before anybody notices."""

_RANKS: Final[Mapping[Role, int]] = {"viewer": 1, "client": 2, "operator": 3, "admin": 4}


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a key: whose jobs they see, and what they may do.

    Attributes:
        name: the id of their key; empty where none is needed.
    """

    tenant: str
    role: Role | None
    name: str = ""

    @property
    def identity(self) -> str:
        """Tell this caller from all others, also from those of the same tenant."""
        return f"{self.tenant}:{self.name}"

    def may(self, role: Role) -> bool:
        """Return whether they have this role, or one above it."""
        return self.role is not None and _RANKS[self.role] >= _RANKS[role]


NOBODY: Final = Caller("", None)
EVERYBODY: Final = Caller("default", "admin")
"""Who asks while no key is needed, which only a server on loopback may have."""


class Context:
    """What is known about a request besides what it says itself.

    Attributes:
        request_id: taken from the client or made; empty when no middleware has run.
        urls: absolute addresses for the answer.
        caller: who asks; nobody may do anything.
        admitted: whether that caller would be let in now, too; for answers that take long.
        began: when it came, by the monotonic clock.
        peer: the address of the client, or of what is in front of it and is not trusted; empty for
            one of loopback.
        held: releases what the request holds, once it is answered.
        quota: what is left of the caller's; None while the request is not counted.
        trace: where in which trace it is; None until somebody has looked.
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
        "trace",
        "urls",
    )

    def __init__(self) -> None:
        self.request_id = ""
        self.urls = Urls("")
        self.caller: Caller = NOBODY
        self.admitted: Callable[[], bool] = lambda: True
        self.began = 0.0
        self.peer = ""
        self.held: list[Callable[[], None]] = []
        self.quota: Quota | None = None
        self.trace: TraceContext | None = None
        self.span: tuple[Span, Token[OTelContext]] | None = None


class Request(falcon.Request):
    """A request whose context is typed."""

    __slots__ = ()
    context_type = Context
    context: Context  # type: ignore[assignment]  # made from `context_type`


def holders_of(req: Request) -> tuple[str, ...]:
    """Name those in whose name a request takes places: its tenant, and the address it came from.

    While no key is asked for there are no tenants to share among.
    """
    caller, peer = req.context.caller, req.context.peer
    tenants = () if caller is EVERYBODY else (f"tenant {caller.tenant}",)
    return tenants if not peer else (*tenants, f"peer {peer}")


def is_large(req: Request) -> bool:
    """Return whether its body may take longer to be read than others should wait."""
    return is_chunked(req) or (req.content_length or 0) > SMALL_BYTES


def is_chunked(req: Request) -> bool:
    """Return whether the body comes in chunks, so that nobody knows its length yet."""
    return "chunked" in req.get_header("Transfer-Encoding", default="").lower()
