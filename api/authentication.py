"""Find out who asks, by their key."""

import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import falcon

from callboard.api.problems.problem import Problem
from callboard.api.problems.table import AUTHENTICATION_REQUIRED, FORBIDDEN
from callboard.api.request import EVERYBODY, NOBODY, Caller, Request
from callboard.config import ApiKey, Role
from callboard.jobs.api_keys import Door, digest_of, find_key, id_of, look_at_door, may_be_key
from callboard.jobs.errors import StorageUnavailable, StoreUnavailable
from callboard.jobs.key_memory import KeyMemory
from callboard.jobs.store import Store
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

REMEMBER_S: Final = 5.0
"""So long a process remembers what Redis said of a key: a revoked one works no longer."""

_MAX_REMEMBERED: Final = 10_000
log = get_logger(__name__)

_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="callboard"'}


class Keyring:
    """The callers behind keys: those of the settings, and those in Redis.

    Only keys that Redis knows are remembered, so wrong ones take no memory, and only texts that
    are written as keys are looked up, so that the others cost no round trip.

    Args:
        configured: the keys of the settings; they work while Redis is away.
        required: whether a key is needed even when there is none.
        store: where the other keys are.
        memory: knows of keys that Redis lost; None where it cannot lose any.
        clock: seconds, for tests.
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
        """Whether keys were required, Redis has none, and no operator meant that."""

    @property
    def size(self) -> int:
        """How many callers are remembered."""
        return len(self._remembered)

    def is_required(self) -> bool:
        """Whether a key is needed now; whether Redis has any is asked at most every 5 s.

        Once keys were required, a Redis without any has lost them: nobody is let in, until keys
        are made again, or the last one is removed on purpose.

        Raises:
            StoreUnavailable: Redis does not answer, and it alone could tell.
            StorageUnavailable: the same of what remembers keys.
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
        """Remember in this process at once, and for all others where Redis' loss reaches nothing.

        A storage that is away is tried again: meanwhile this process remembers.
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
        self._require()
        caller = Caller(found.tenant, found.role, found.id)
        if len(self._remembered) >= _MAX_REMEMBERED:
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
            raise Problem(FORBIDDEN, f"Use a key with the role {needed!r} or a higher one.")

    def _admits(self, presented: str | None, caller: Caller) -> bool:
        try:
            return self._caller(presented) == caller
        except (StoreUnavailable, StorageUnavailable):
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
            else "The server does not know this key."
        )
        raise Problem(AUTHENTICATION_REQUIRED, detail, headers=_CHALLENGE)


def _presented_key(req: falcon.Request) -> str | None:
    scheme, _, credentials = (req.get_header("Authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return req.get_header("X-API-Key") or None
