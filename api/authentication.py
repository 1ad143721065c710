"""Find out who asks, by their key."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

import falcon

from api.caller import EVERYBODY, NOBODY, Caller
from api.problems import AUTHENTICATION_REQUIRED, FORBIDDEN, Problem
from api.request import Request
from config import ApiKey, Role

_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="callboard"'}


class Authentication:
    """Middleware that lets a request through to its resource, or refuses it.

    A method that the table does not list is open to nobody; OPTIONS, which says nothing but
    what the table of routes says, is open to all, and so is what the framework answers with 405.

    Args:
        keys: the configured keys, by their hashes.
        roles: for each route's template, which role each method needs; None for none at all.
    """

    def __init__(
        self, keys: Sequence[ApiKey], roles: Mapping[str, Mapping[str, Role | None]]
    ) -> None:
        self._keys: Final = tuple((key.sha256, Caller(key.tenant, key.role)) for key in keys)
        self._roles: Final = roles

    def process_resource(
        self, req: Request, _resp: falcon.Response, _resource: object, _params: object
    ) -> None:
        """Find out who asks, before their request is looked at.

        Raises:
            Problem: 401 without a valid key, 403 with one that may not do this.
        """
        methods = self._roles.get(req.uri_template or "", {})
        method = "GET" if req.method == "HEAD" else req.method
        if method not in methods or (needed := methods[method]) is None:
            return
        caller = self._caller(req)
        if not caller.may(needed):
            raise Problem(FORBIDDEN, f"This needs a key with the role {needed!r} or a higher one.")
        req.context.caller = caller

    def _caller(self, req: Request) -> Caller:
        if not self._keys:
            return EVERYBODY
        presented = _presented_key(req)
        if presented is None:
            raise Problem(
                AUTHENTICATION_REQUIRED,
                "Send a key as `Authorization: Bearer <key>` or as `X-API-Key: <key>`.",
                headers=_CHALLENGE,
            )
        digest = hashlib.sha256(presented.encode("utf-8", "surrogateescape")).hexdigest()
        found = NOBODY
        # Every key is compared, so that the time taken tells nothing about any of them.
        for known, caller in self._keys:
            if hmac.compare_digest(known, digest):
                found = caller
        if found is NOBODY:
            raise Problem(
                AUTHENTICATION_REQUIRED, "This key is not known here.", headers=_CHALLENGE
            )
        return found


def _presented_key(req: falcon.Request) -> str | None:
    scheme, _, credentials = (req.get_header("Authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return req.get_header("X-API-Key") or None
