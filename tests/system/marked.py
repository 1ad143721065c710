"""Marked secrets that a search finds wherever they are."""

import base64
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import quote

import redis


def _mark() -> str:
    return f"hush-{secrets.token_hex(8)}"


def _long_mark() -> str:
    return f"hush-{secrets.token_hex(24)}"


@dataclass(frozen=True)
class Withheld:
    """Secrets that must never be shown or stored: from the environment, or request headers."""

    broker_password: str = field(default_factory=_mark)
    redis_password: str = field(default_factory=_mark)
    wrong_password: str = field(default_factory=_mark)
    signing_key: str = field(default_factory=_long_mark)
    storage_secret: str = field(default_factory=_long_mark)
    api_key: str = field(default_factory=_mark)
    wrong_api_key: str = field(default_factory=_mark)
    idempotency_key: str = field(default_factory=_mark)


@dataclass(frozen=True)
class Confided:
    """Secrets that Redis stores and their tenant may read, but no log may show."""

    parameter: str = field(default_factory=_mark)
    callback_token: str = field(default_factory=_mark)
    label: str = field(default_factory=_mark)


def found(marks: Withheld | Confided, text: bytes) -> list[str]:
    """Return the secrets in a text, plain or in a common encoding."""
    return [name for name, value in _spelled(marks) if any(each in text for each in value)]


def in_redis(client: redis.Redis) -> bytes:
    """Yield all keys and values."""
    return b"\n".join(piece for key in client.scan_iter("*") for piece in (key, *_of(client, key)))


def _spelled(marks: Withheld | Confided) -> Iterator[tuple[str, list[bytes]]]:
    for each in fields(marks):
        raw = getattr(marks, each.name).encode()
        # The middle of a base64 text does not depend on what precedes it.
        encoded = [base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)]
        yield each.name, [raw, quote(raw).encode(), raw.hex().encode(), *encoded]


def _of(client: redis.Redis, key: bytes) -> list[bytes]:
    readers: Mapping[bytes, Any] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda name: client.lrange(name, 0, -1),
        b"set": client.smembers,
        b"zset": lambda name: client.zrange(name, 0, -1),
        b"stream": client.xrange,
    }
    return [repr(readers[client.type(key)](key)).encode()]
