"""API keys in Redis: created, listed, revoked and found by their hashes."""

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
    """A key in Redis, which holds its hash and not the key.

    Attributes:
        id: the first digits of its hash; it names the key and grants nothing.
        name: a label for people; may be empty.
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
    """Return a key's id: the first digits of its hash."""
    return sha256[:_ID_DIGITS]


def may_be_key(text: str) -> bool:
    """Return whether a text has the form of keys from `create_key`."""
    return _KEY.fullmatch(text) is not None


def create_key(store: Store, *, tenant: str, role: Role, name: str = "") -> tuple[str, StoredKey]:
    """Create a key and store its hash; the key itself is only in the return value.

    A lost reply may leave an unknown key; it is listed and can be revoked.

    Args:
        store: the store.
        tenant: the tenant; letters, digits, `_` and `-`, at most 64.
        role: the role of its caller.
        name: a label for people; printable, at most 100 characters.

    Raises:
        ValueError: the tenant or the name has another form.
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
    """Revoke a key; it stops working within 5 s, while web processes cache it.

    Args:
        store: the store.
        key: which.
        opens: if it is the last key, whether requests without a key are to be accepted.

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
    """Look up a key by its hash; None if it does not exist or cannot be read.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (raw,) = store.pipeline(("HGET", store.keys("api_keys"), sha256))
    return None if raw is None else _read(sha256, raw)


Door = Literal["closed", "opened", "empty"]
"""closed: keys exist. opened: an operator revoked the last one on purpose. empty: there are
none, because there never were any or because Redis lost them."""


def look_at_door(store: Store) -> Door:
    """Return whether keys exist, and if not, whether that is on purpose.

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
        # Not written by this version: it grants nothing.
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
