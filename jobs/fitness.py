"""Whether a Redis server is set up so that jobs are safe in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import redis

from jobs.errors import StoreUnfit

OLDEST_VERSION: Final = (6, 2)
WAITAOF_SINCE: Final = (7, 2)
DURABLE_WITHIN_MS: Final = 2000


@dataclass(frozen=True)
class Fitness:
    """What was found.

    Attributes:
        complaints: a sentence for each thing that can lose jobs.
        durable_by: the command that waits until a change is safe, in strict durability when the
            server does not wait by itself; None otherwise.
    """

    complaints: tuple[str, ...]
    durable_by: tuple[str | int, ...] | None


def examine(client: redis.Redis, *, strict: bool) -> Fitness:
    """Look at a server's version, persistence and eviction.

    Args:
        client: of that server; a replica that it has must take each change too.
        strict: whether each accepted job must be on disk.

    Raises:
        StoreUnfit: strict durability is asked for, and cannot be had from it.
        redis.RedisError: it does not answer.
    """
    info: dict[str, Any] = client.info()
    version = _version(str(info.get("redis_version", "0")))
    appendfsync = _configured(client, "appendfsync")
    complaints = tuple(_complaints(info, version))
    always = info.get("aof_enabled") == 1 and appendfsync == "always"
    can_wait = info.get("aof_enabled") == 1 and version >= WAITAOF_SINCE
    if strict and not (always or can_wait):
        raise StoreUnfit(
            "CALLBOARD_DURABILITY=strict needs Redis with appendonly yes, and either "
            "appendfsync always or version 7.2."
        )
    if not strict:
        return Fitness(complaints, None)
    replicas = min(1, int(info.get("connected_slaves", 0)))
    if always and not replicas:
        return Fitness(complaints, None)
    if can_wait:
        return Fitness(complaints, ("WAITAOF", 0 if always else 1, replicas, DURABLE_WITHIN_MS))
    return Fitness(complaints, ("WAIT", replicas, DURABLE_WITHIN_MS))


def _complaints(info: Mapping[str, Any], version: tuple[int, ...]) -> Iterator[str]:
    if version < OLDEST_VERSION:
        yield "Redis is older than 6.2."
    if info.get("aof_enabled") != 1:
        yield "Redis does not write an append-only file (appendonly yes): a restart loses jobs."
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield f"Redis may evict jobs: maxmemory-policy is {policy}, it must be noeviction."


def _configured(client: redis.Redis, name: str) -> str | None:
    try:
        found = client.config_get(name)
    except redis.ResponseError:
        # Hosted servers often forbid CONFIG.
        return None
    return found.get(name)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
