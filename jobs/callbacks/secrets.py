"""The secrets that callbacks are signed with: derived from one key, rotated, never stored."""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import SecretStr

from callboard.jobs.clock import milliseconds, moment
from callboard.jobs.store import Store

PREFIX: Final = "whsec_"
_PURPOSE: Final = "callboard webhook secret"


@dataclass(frozen=True, slots=True)
class Rotation:
    """The state of a tenant's secrets in Redis, which does not reveal them.

    Attributes:
        generation: the generation of the current secret, from 1.
        rotated_at: None for the first.
        earlier: earlier generations that still sign, the latest first, each with its end.
    """

    generation: int = 1
    rotated_at: datetime | None = None
    earlier: tuple[tuple[int, datetime], ...] = ()


class WebhookSecrets:
    """Derives what each tenant's callbacks are signed with.

    Args:
        store: stores the generation of each tenant's secret.
        signing_key: the key that all secrets are derived from.
    """

    def __init__(self, store: Store, signing_key: SecretStr) -> None:
        self._store = store
        self._signing_key = signing_key

    def of(self, tenant: str) -> list[SecretStr]:
        """Return the secrets that sign now, the newest first.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        rotation = read_rotation(self._store, tenant)
        generations = (rotation.generation, *(number for number, _ends_at in rotation.earlier))
        return [derive(self._signing_key, tenant, number) for number in generations]


def derive(signing_key: SecretStr, tenant: str, generation: int) -> SecretStr:
    """Derive a tenant's secret in the form of Standard Webhooks: `whsec_` and base64."""
    said = f"{_PURPOSE}|{tenant}|{generation}".encode()
    made = hmac.digest(signing_key.get_secret_value().encode(), said, hashlib.sha256)
    return SecretStr(PREFIX + base64.b64encode(made).decode())


def read_rotation(store: Store, tenant: str) -> Rotation:
    """Read the generations of a tenant's secret that sign now.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (said,) = store.pipeline(("HGET", store.keys("secrets"), tenant))
    return Rotation() if said is None else _rotation(said, store.now_ms())


def list_rotations(store: Store) -> dict[str, Rotation]:
    """Read the same of all tenants that have submitted or rotated, by name.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    known, said = store.pipeline(
        ("SMEMBERS", store.keys("tenants")), ("HGETALL", store.keys("secrets"))
    )
    now_ms = store.now_ms()
    rotations = {tenant.decode(): _rotation(raw, now_ms) for tenant, raw in said.items()}
    names = sorted({tenant.decode() for tenant in known} | rotations.keys())
    return {name: rotations.get(name, Rotation()) for name in names}


def rotate(store: Store, tenant: str, *, overlap: timedelta) -> None:
    """Sign a tenant's callbacks with its next secret from now on; a repeat rotates again.

    Args:
        store: the store.
        tenant: whose.
        overlap: how long the former secret signs as well.

    Raises:
        StoreUnavailable: Redis does not answer, and it may have been done or not.
    """
    store.run(
        "rotate_secret",
        store.keys("secrets"),
        tenant=tenant,
        overlap_ms=milliseconds(overlap),
        token=secrets.token_hex(8),
    )


def _rotation(said: bytes, now_ms: int) -> Rotation:
    known = json.loads(said)
    return Rotation(
        generation=int(known["generation"]),
        rotated_at=moment(int(known["rotated_ms"])),
        earlier=tuple(
            (int(one["generation"]), moment(int(one["until_ms"])))
            for one in known["earlier"]
            if one["until_ms"] > now_ms
        ),
    )
