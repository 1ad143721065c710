"""API keys in Redis: made, listed, revoked and found by their hashes."""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args

from callboard.config.values import Role
from callboard.jobs.clock import moment
from callboard.jobs.store import Store

TENANT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_NAME_LENGTH: Final = 100
_KEY: Final = re.compile(r"cbk_[A-Za-z0-9_-]{43}")
_SECRET_BYTES: Final = 32
_ID_DIGITS: Final = 12
_ROLES: Final[Mapping[str, Role]] = {role: role for role in get_args(Role)}


@dataclass(frozen=True, kw_only=True)
class StoredKey:
    """A key as Redis knows it: by its hash, never by itself.

    Attributes:
        id: the first digits of its hash; it names the key and opens nothing.
        name: what people call it; may be empty.
    """

    id: str
    tenant: str
    role: Role
    name: str
    created_at: datetime
    sha256: str = field(repr=False)


def digest_of(key: str) -> str:
    """Hash a key; 256 random bits need neither salt nor a slow hash."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def id_of(sha256: str) -> str:
    """Name a key by the first digits of its hash."""
    return sha256[:_ID_DIGITS]


def may_be_key(text: str) -> bool:
    """Return whether this is written as the keys that `create_key` makes."""
    return _KEY.fullmatch(text) is not None


def create_key(store: Store, *, tenant: str, role: Role, name: str = "") -> tuple[str, StoredKey]:
    """Draw a new key and keep its hash; the key itself is nowhere but in what this gives.

    A lost reply may leave a key that nobody knows; the list shows it, and it can be revoked.

    Args:
        store: the store.
        tenant: whose jobs it opens; letters, digits, `_` and `-`, at most 64.
        role: what it may do.
        name: for people; printable, at most 100 characters.

    Raises:
        ValueError: the tenant or the name is not written so.
        StoreUnavailable: Redis does not answer.
    """
    if not TENANT.fullmatch(tenant):
        raise ValueError("A tenant is 1 to 64 letters, digits, _ and -.")
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise ValueError(f"A key's name is printable and has at most {MAX_NAME_LENGTH} characters.")
    key = f"cbk_{secrets.token_urlsafe(_SECRET_BYTES)}"
    sha256 = digest_of(key)
    said = {
        "id": id_of(sha256),
        "tenant": tenant,
        "role": role,
        "name": name,
        "created_ms": store.now_ms(),
    }
    store.pipeline(
        ("HSET", store.keys("api_keys"), sha256, json.dumps(said)),
        ("DEL", store.keys("keys_opened")),
        atomic=True,
    )
    return key, _stored(sha256, said)


def list_keys(store: Store) -> list[StoredKey]:
    """Return all keys, the oldest first.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (flat,) = store.pipeline(("HGETALL", store.keys("api_keys")))
    found = (_read(sha256.decode(), raw) for sha256, raw in flat.items())
    return sorted((key for key in found if key), key=lambda key: (key.created_at, key.id))


def revoke_key(store: Store, key: StoredKey, *, opens: bool = False) -> bool:
    """Let a key open nothing more, within the 5 s that web processes remember it.

    Args:
        store: the store.
        key: which.
        opens: whether it is the last one, and everybody is to be let in without it.

    Returns:
        Whether it was there; a repeat is safe.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    removal = ("HDEL", store.keys("api_keys"), key.sha256)
    opening = [("SET", store.keys("keys_opened"), "1")] if opens else []
    removed, *_ = store.pipeline(removal, *opening, atomic=True)
    return bool(removed)


def find_key(store: Store, sha256: str) -> StoredKey | None:
    """Look up a key by its hash; None for one that is not there or cannot be read.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (raw,) = store.pipeline(("HGET", store.keys("api_keys"), sha256))
    return None if raw is None else _read(sha256, raw)


Door = Literal["closed", "opened", "empty"]
"""closed: there are keys. opened: an operator removed the last one on purpose. empty: there is
nothing, because there never was or because Redis lost it."""


def look_at_door(store: Store) -> Door:
    """Return whether there are keys, and whether that is meant.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    keys, opened = store.pipeline(
        ("EXISTS", store.keys("api_keys")), ("EXISTS", store.keys("keys_opened"))
    )
    if keys:
        return "closed"
    return "opened" if opened else "empty"


def _read(sha256: str, raw: bytes) -> StoredKey | None:
    try:
        return _stored(sha256, json.loads(raw))
    except (ValueError, KeyError, TypeError):
        # Not written by this version: it opens nothing.
        return None


def _stored(sha256: str, said: Mapping[str, Any]) -> StoredKey:
    return StoredKey(
        id=said["id"],
        tenant=said["tenant"],
        role=_ROLES[said["role"]],
        name=said["name"],
        created_at=moment(said["created_ms"]),
        sha256=sha256,
    )
