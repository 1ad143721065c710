"""Authenticates callers by their API keys."""

import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import falcon

from callboard.api.problems.problem import Problem
from callboard.api.problems.table import AUTHENTICATION_REQUIRED, FORBIDDEN
from callboard.api.request import ANONYMOUS, KEYLESS, Caller, Request
from callboard.config import ApiKey, Role
from callboard.jobs.api_keys import Door, digest_of, find_key, id_of, look_at_door, may_be_key
from callboard.jobs.errors import StorageUnavailable, StoreUnavailable
from callboard.jobs.key_memory import KeyMemory
from callboard.jobs.store import Store
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

REMEMBER_S: Final = 5.0
"""How long a process caches a key: the longest that a revoked key keeps working."""

_MAX_REMEMBERED: Final = 10_000
log = get_logger(__name__)

_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="callboard"'}


class Keyring:
    """Finds the caller of a key, in the settings or in Redis.

    Only keys that Redis knows are cached, so wrong ones take no memory, and only well-formed keys
    are looked up, so other texts cost no round trip.

    Args:
        configured: the keys of the settings; they work while Redis is unavailable.
        required: whether a key is required even if none exists.
        store: the store of the other keys.
        memory: remembers that keys existed, should Redis lose them; None if it cannot.
        clock: returns seconds.
    """

    def __init__(
        self,
        configured: Sequence[ApiKey],
        store: Store,
        *,
        required: bool,
        memory: KeyMemory | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._configured: Final = tuple(
            (key.sha256, Caller(key.tenant, key.role, id_of(key.sha256))) for key in configured
        )
        self._always: Final = required or bool(configured)
        self._store = store
        self._memory = memory
        self._clock = clock
        self._remembered: dict[str, tuple[Caller, float]] = {}
        self._required = self._always
        self._marked = False
        self._asked_at: float | None = None
        self.lost = False
        """Whether Redis has lost all keys, although keys were required."""

    @property
    def size(self) -> int:
        """How many callers are cached."""
        return len(self._remembered)

    def is_required(self) -> bool:
        """Return whether a key is required now; Redis is asked at most every 5 s.

        Once keys were required, a Redis without any has lost them: every request is refused until a
        key is created, or until the last one was revoked on purpose.

        Raises:
            StoreUnavailable: Redis does not answer, and only Redis knows.
            StorageUnavailable: the memory of keys is needed and unavailable.
        """
        if self._always:
            return True
        now = self._clock()
        if self._asked_at is None or now - self._asked_at >= REMEMBER_S:
            self._look(look_at_door(self._store))
            self._asked_at = now
        return self._required

    def _look(self, door: Door) -> None:
        match door:
            case "closed":
                self._require()
            case "opened":
                if self._memory is not None:
                    self._memory.clear()
                self._required = self._marked = False
            case "empty" if not self._required and self._memory is not None:
                self._required = self._memory.is_marked()
        lost = self._required and door == "empty"
        if lost and not self.lost:
            log.error(LogEvent.KEYS_LOST, remedy="callboardctl keys create")
        self.lost = lost

    def _require(self) -> None:
        """Record that keys are required, in this process and where a loss of Redis has no effect.

        While the storage is unavailable, only this process remembers; it tries again.
        """
        self._required = True
        if self._memory is None or self._marked or self._always:
            return
        try:
            self._memory.mark()
            self._marked = True
        except StorageUnavailable as error:
            log.warning(LogEvent.KEYS_MARKER_FAILED, reason=str(error))

    def find(self, key: str) -> Caller | None:
        """Return the caller of a key, or None.

        Raises:
            StoreUnavailable: Redis does not answer, and the settings do not have the key.
        """
        digest = digest_of(key)
        found = None
        # Every key is compared, so that timing reveals nothing.
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
        self._require()
        caller = Caller(found.tenant, found.role, found.id)
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[digest] = (caller, now + REMEMBER_S)
        return caller


class Authentication:
    """Middleware that admits a request to its resource, or refuses it.

    A method that the table does not list is refused. OPTIONS, which reveals only the table of
    routes, is open to all, and so is what the framework answers with 405.

    Args:
        keyring: finds the callers of keys.
        roles: the role that each method needs, by route template; None for no role.
    """

    def __init__(self, keyring: Keyring, roles: Mapping[str, Mapping[str, Role | None]]) -> None:
        self._keyring: Final = keyring
        self._roles: Final = roles

    def process_resource(
        self, req: Request, _resp: falcon.Response, _resource: object, _params: object
    ) -> None:
        """Authenticate the caller before the request is parsed.

        Raises:
            Problem: 401 without a valid key, 403 without the role.
            StoreUnavailable: Redis, which alone knows the key, does not answer.
        """
        methods = self._roles.get(req.uri_template or "", {})
        method = "GET" if req.method == "HEAD" else req.method
        if method not in methods or (needed := methods[method]) is None:
            return
        presented = _presented_key(req)
        req.context.caller = caller = self._caller(presented)
        req.context.admitted = partial(self._admits, presented, caller)
        if not caller.may(needed):
            raise Problem(FORBIDDEN, f"Use a key with the role {needed!r} or a higher one.")

    def _admits(self, presented: str | None, caller: Caller) -> bool:
        try:
            return self._caller(presented) == caller
        except (StoreUnavailable, StorageUnavailable):
            return True
        except Problem:
            return False

    def _caller(self, presented: str | None) -> Caller:
        found = ANONYMOUS if presented is None else self._keyring.find(presented) or ANONYMOUS
        if found is not ANONYMOUS:
            return found
        if not self._keyring.is_required():
            return KEYLESS
        detail = (
            "Send a key as `Authorization: Bearer <key>` or as `X-API-Key: <key>`."
            if presented is None
            else "The server does not know this key."
        )
        raise Problem(AUTHENTICATION_REQUIRED, detail, headers=_CHALLENGE)


def _presented_key(req: falcon.Request) -> str | None:
    scheme, _, credentials = (req.get_header("Authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return req.get_header("X-API-Key") or None
