"""Find out who asks, by their key."""

import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import falcon

from api.caller import EVERYBODY, NOBODY, Caller
from api.problems.kinds import AUTHENTICATION_REQUIRED, FORBIDDEN
from api.problems.problem import Problem
from api.request import Request
from config import ApiKey, Role
from jobs.api_keys import digest_of, find_key, has_keys, id_of, may_be_key
from jobs.errors import StoreUnavailable
from jobs.store import Store

REMEMBER_S: Final = 5.0
"""So long a process remembers what Redis said of a key: a revoked one works no longer."""

_MOST_REMEMBERED: Final = 10_000
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="callboard"'}


class Keyring:
    """The callers behind keys: those of the settings, and those in Redis.

    Only keys that Redis knows are remembered, so wrong ones take no memory, and only texts that
    are written as keys are looked up, so that the others cost no round trip.

    Args:
        configured: the keys of the settings; they work while Redis is away.
        required: whether a key is needed even when there is none.
        store: where the other keys are.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        configured: Sequence[ApiKey],
        store: Store,
        *,
        required: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._configured: Final = tuple(
            (key.sha256, Caller(key.tenant, key.role, id_of(key.sha256))) for key in configured
        )
        self._always: Final = required or bool(configured)
        self._store = store
        self._clock = clock
        self._remembered: dict[str, tuple[Caller, float]] = {}
        self._required = self._always
        self._asked_at: float | None = None

    @property
    def size(self) -> int:
        """How many callers are remembered."""
        return len(self._remembered)

    def is_required(self) -> bool:
        """Whether a key is needed now; whether Redis has any is asked at most every 5 s.

        Raises:
            StoreUnavailable: Redis does not answer, and it alone could tell.
        """
        if self._always:
            return True
        now = self._clock()
        if self._asked_at is None or now - self._asked_at >= REMEMBER_S:
            self._required = has_keys(self._store)
            self._asked_at = now
        return self._required

    def find(self, key: str) -> Caller | None:
        """Give the caller behind a key, or None.

        Raises:
            StoreUnavailable: Redis does not answer, and the settings do not have the key.
        """
        digest = digest_of(key)
        found = None
        # Every key is compared, so that the time taken tells nothing about any of them.
        for known, caller in self._configured:
            if hmac.compare_digest(known, digest):
                found = caller
        if found is not None or not may_be_key(key):
            return found
        return self._stored(digest)

    def _stored(self, digest: str) -> Caller | None:
        now = self._clock()
        remembered = self._remembered.get(digest)
        if remembered is not None and now < remembered[1]:
            return remembered[0]
        found = find_key(self._store, digest)
        if found is None:
            self._remembered.pop(digest, None)
            return None
        self._required = True
        caller = Caller(found.tenant, found.role, found.id)
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[digest] = (caller, now + REMEMBER_S)
        return caller


class Authentication:
    """Middleware that lets a request through to its resource, or refuses it.

    A method that the table does not list is open to nobody; OPTIONS, which says nothing but
    what the table of routes says, is open to all, and so is what the framework answers with 405.

    Args:
        keyring: knows who has which key.
        roles: for each route's template, which role each method needs; None for none at all.
    """

    def __init__(self, keyring: Keyring, roles: Mapping[str, Mapping[str, Role | None]]) -> None:
        self._keyring: Final = keyring
        self._roles: Final = roles

    def process_resource(
        self, req: Request, _resp: falcon.Response, _resource: object, _params: object
    ) -> None:
        """Find out who asks, before their request is looked at.

        Raises:
            Problem: 401 without a valid key, 403 with one that may not do this.
            StoreUnavailable: Redis, which alone could tell, does not answer.
        """
        methods = self._roles.get(req.uri_template or "", {})
        method = "GET" if req.method == "HEAD" else req.method
        if method not in methods or (needed := methods[method]) is None:
            return
        presented = _presented_key(req)
        req.context.caller = caller = self._caller(presented)
        req.context.admitted = partial(self._admits, presented, caller)
        if not caller.may(needed):
            raise Problem(FORBIDDEN, f"This needs a key with the role {needed!r} or a higher one.")

    def _admits(self, presented: str | None, caller: Caller) -> bool:
        try:
            return self._caller(presented) == caller
        except StoreUnavailable:
            return True
        except Problem:
            return False

    def _caller(self, presented: str | None) -> Caller:
        found = NOBODY if presented is None else self._keyring.find(presented) or NOBODY
        if found is not NOBODY:
            return found
        if not self._keyring.is_required():
            return EVERYBODY
        detail = (
            "Send a key as `Authorization: Bearer <key>` or as `X-API-Key: <key>`."
            if presented is None
            else "This key is not known here."
        )
        raise Problem(AUTHENTICATION_REQUIRED, detail, headers=_CHALLENGE)


def _presented_key(req: falcon.Request) -> str | None:
    scheme, _, credentials = (req.get_header("Authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return req.get_header("X-API-Key") or None
