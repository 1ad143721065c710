"""Checks the host that a request names, and the site of the page that sent it."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import falcon

from callboard.api.media import ACCEPT
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import (
    BAD_REQUEST,
    MISDIRECTED,
    OTHER_ORIGIN,
    UNSUPPORTED_MEDIA_TYPE,
)
from callboard.api.request import Request, is_chunked
from callboard.api.urls import HOST, Addresses
from callboard.jobs.errors import StoreUnavailable

_PROBED: Final = frozenset({"/healthz", "/readyz"})
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "text/plain"})
_PORT: Final = re.compile(r":[0-9]{1,5}$")


class HostCheck:
    """Middleware that refuses requests for other hosts and from pages of other sites.

    While no key is required, every client that reaches the server may do everything, and a browser
    on this machine reaches it for any page: by a form or script, whose `Origin` names its site, or
    by a host name that points here (DNS rebinding), which `Host` shows.

    Args:
        addresses: determine the host that a client used.
        hosts: the host names of this server, such as `jobs.example.com` or `*.example.com`; with
            none, any while keys are required, and otherwise those of loopback.
        keys_required: returns whether a key is required now; may raise StoreUnavailable.
    """

    def __init__(
        self, addresses: Addresses, hosts: Sequence[str], keys_required: Callable[[], bool]
    ) -> None:
        self._addresses: Final = addresses
        self._names: Final = frozenset(host for host in hosts if not host.startswith("*."))
        self._endings: Final = tuple(host[1:] for host in hosts if host.startswith("*."))
        self._listed: Final = bool(hosts)
        self._keys_required: Final = keys_required

    def process_request(self, req: Request, _resp: falcon.Response) -> None:
        """Check host and origin.

        Raises:
            Problem: 400 without a host, 403 for a page of another site, 415 for what a form of
                any page may send, 421 for another host.
        """
        given = req.env.get("HTTP_HOST")
        if given is None and req.env.get("SERVER_PROTOCOL") == "HTTP/1.1":
            raise Problem(BAD_REQUEST, "HTTP/1.1 requests must have a Host header.")
        if given is not None and not HOST.fullmatch(given):
            raise Problem(BAD_REQUEST, "The Host header is not a valid host name.")
        if req.path in _PROBED:
            return
        is_open = self._is_open()
        called = {self._addresses.host_of(req)}
        if is_open:
            called.add(req.netloc)  # a page can send a proxy's headers, but cannot choose Host
        ours = all(self._is_ours(_name_of(name), loopback=is_open) for name in called)
        if (self._listed or is_open) and not ours:
            raise Problem(MISDIRECTED, "CALLBOARD_HOSTS lists the names of this server.")
        if is_open:
            _refuse_other_sites(req)
            _refuse_forms(req)

    def _is_open(self) -> bool:
        with suppress(StoreUnavailable):  # then authentication refuses the request
            return not self._keys_required()
        return False

    def _is_ours(self, name: str, *, loopback: bool) -> bool:
        known = name in self._names or name == self._addresses.own_name
        return known or name.endswith(self._endings) or (loopback and _is_loopback(name))


def _name_of(host: str) -> str:
    """Return a host without its port."""
    return _PORT.sub("", host.lower()).strip("[]").rstrip(".")


def _is_loopback(name: str) -> bool:
    """Return whether browsers resolve a name to this machine without DNS (RFC 6761, 6.3)."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _refuse_other_sites(req: Request) -> None:
    origin = req.get_header("Origin")
    site = req.get_header("Sec-Fetch-Site", default="none")
    ours = {req.netloc.lower(), urlsplit(req.context.urls.base).netloc.lower()}
    foreign = origin is not None and urlsplit(origin).netloc.lower() not in ours
    if foreign or (req.method not in _READING and site not in ("none", "same-origin")):
        raise Problem(OTHER_ORIGIN, "Use this server's own pages, or set up API keys and send one.")


def _refuse_forms(req: Request) -> None:
    if req.method in _READING:
        return
    declared = (req.content_type or "").partition(";")[0].strip().lower()
    has_body = bool(req.content_length) or is_chunked(req)
    # A file may have any type, and its upload may have none.
    if declared in _OF_FORMS and not req.path.startswith("/v1/files"):
        raise _untyped("Send JSON or msgpack, and declare it in Content-Type.")
    if has_body and not declared:
        raise _untyped("Declare the media type of the body in Content-Type.")


def _untyped(detail: str) -> Problem:
    return Problem(UNSUPPORTED_MEDIA_TYPE, detail, headers=ACCEPT)
