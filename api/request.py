"""A request with what the middleware found out about it."""

import falcon

from api.caller import NOBODY, Caller
from api.urls import Urls


class Context:
    """What is known about a request besides what it says itself.

    Attributes:
        request_id: taken from the client or made; empty when no middleware has run.
        urls: absolute addresses for the answer.
        caller: who asks; nobody may do anything.
        began: when it came, by the monotonic clock.
    """

    __slots__ = ("began", "caller", "request_id", "urls")

    def __init__(self) -> None:
        self.request_id = ""
        self.urls = Urls("")
        self.caller: Caller = NOBODY
        self.began = 0.0


class Request(falcon.Request):
    """A request whose context is typed."""

    __slots__ = ()
    context_type = Context
    context: Context  # type: ignore[assignment]  # made from `context_type`
