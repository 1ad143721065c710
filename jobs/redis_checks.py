"""Whether a Redis server is set up so that jobs are safe in it: for start-up and for the doctor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import redis

from callboard.jobs.errors import StoreUnfit
from callboard.jobs.server_versions import numbers_of

OLDEST_VERSION: Final = (6, 2)
WAITAOF_SINCE: Final = (7, 2)
DURABLE_WITHIN_MS: Final = 2000
LITTLE_MEMORY: Final = 0.8

Weight = Literal["ok", "note", "warning", "problem"]


@dataclass(frozen=True)
class Check:
    """One thing about a server.

    Attributes:
        about: which: version, persistence, eviction, memory, durability or replicas.
        weight: a problem can lose jobs, or already keeps the server from taking any.
        says: a sentence of what is so.
        remedy: what to do about it; empty where nothing is to be done.
    """

    about: str
    weight: Weight
    says: str
    remedy: str = ""


@dataclass(frozen=True)
class RedisCheckResult:
    """What was found.

    Attributes:
        complaints: a sentence for each thing that can lose jobs.
        durable_by: the command that waits until a change is safe, in strict durability when the
            server does not wait by itself; None otherwise.
    """

    complaints: tuple[str, ...]
    durable_by: tuple[str | int, ...] | None


@dataclass(frozen=True)
class ServerInfo:
    """What a server says of itself.

    Attributes:
        info: its sections, by name.
        appendfsync: None where it does not tell.
    """

    info: Mapping[str, Any]
    appendfsync: str | None

    @property
    def version(self) -> tuple[int, ...]:
        """Its version's first two numbers."""
        return numbers_of(str(self.info.get("redis_version", "0")))

    @property
    def appends(self) -> bool:
        """Whether it writes an append-only file."""
        return bool(self.info.get("aof_enabled") == 1)

    @property
    def always(self) -> bool:
        """Whether each change is on disk before it is acknowledged."""
        return self.appends and self.appendfsync == "always"

    @property
    def can_wait(self) -> bool:
        """Whether it can be asked to wait until changes are on disk."""
        return self.appends and self.version >= WAITAOF_SINCE


def check_redis(client: redis.Redis, *, strict: bool) -> RedisCheckResult:
    """Look at a server's version, persistence and eviction.

    Args:
        client: of that server; a replica that it has must take each change too.
        strict: whether each accepted job must be on disk.

    Raises:
        StoreUnfit: strict durability is asked for, and cannot be had from it.
        redis.RedisError: it does not answer.
    """
    setup = read_setup(client)
    complaints = tuple(each.says for each in _safety(setup) if each.weight == "problem")
    if not strict:
        return RedisCheckResult(complaints, None)
    for check in _durability(setup, strict=True):
        if check.weight == "problem":
            raise StoreUnfit(check.says)
    replicas = min(1, int(setup.info.get("connected_slaves", 0)))
    if setup.always and not replicas:
        return RedisCheckResult(complaints, None)
    if setup.can_wait:
        needs_disk = 0 if setup.always else 1
        return RedisCheckResult(complaints, ("WAITAOF", needs_disk, replicas, DURABLE_WITHIN_MS))
    return RedisCheckResult(complaints, ("WAIT", replicas, DURABLE_WITHIN_MS))


def read_setup(client: redis.Redis) -> ServerInfo:
    """Ask a server how it is set up.

    Raises:
        redis.RedisError: it does not answer, or refuses to say.
    """
    info: dict[str, Any] = client.info()
    return ServerInfo(info, _configured(client, "appendfsync"))


def checks(setup: ServerInfo, *, strict: bool) -> Iterator[Check]:
    """Say all that matters about a server, good or bad."""
    yield from _safety(setup)
    yield from _durability(setup, strict=strict)
    yield from _memory(setup.info)
    yield from _replicas(setup.info)


def _safety(setup: ServerInfo) -> Iterator[Check]:
    text = str(setup.info.get("redis_version", "?"))
    if setup.version < OLDEST_VERSION:
        yield Check("version", "problem", "Redis is older than 6.2.", "Install a newer version.")
    else:
        yield Check("version", "ok", f"Redis {text}.")
    if setup.appends:
        yield from _appending(setup)
    else:
        yield Check(
            "persistence",
            "problem",
            "Redis does not write an append-only file (appendonly yes): a restart loses jobs.",
            "CONFIG SET appendonly yes, then CONFIG REWRITE.",
        )
    policy = setup.info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield Check(
            "eviction",
            "problem",
            f"Redis may evict jobs: maxmemory-policy is {policy}, it must be noeviction.",
            "CONFIG SET maxmemory-policy noeviction, then CONFIG REWRITE.",
        )
    else:
        yield Check("eviction", "ok", "Redis evicts nothing.")


def _appending(setup: ServerInfo) -> Iterator[Check]:
    failing = [
        name
        for name in ("aof_last_write_status", "aof_last_bgrewrite_status")
        if setup.info.get(name, "ok") != "ok"
    ]
    if failing:
        yield Check(
            "persistence",
            "problem",
            "Redis cannot write its append-only file.",
            "Check its log and its disk space.",
        )
    elif setup.appendfsync == "no":
        yield Check(
            "persistence",
            "warning",
            "The operating system decides when Redis writes to disk (appendfsync no).",
            "CONFIG SET appendfsync everysec, or always.",
        )
    else:
        how = f" (appendfsync {setup.appendfsync})" if setup.appendfsync else ""
        yield Check("persistence", "ok", f"Redis writes an append-only file{how}.")


def _durability(setup: ServerInfo, *, strict: bool) -> Iterator[Check]:
    if not strict:
        if not setup.always:
            yield Check(
                "durability",
                "note",
                "A crash of Redis may lose the last second (CALLBOARD_DURABILITY=standard).",
                "If that is not acceptable, set CALLBOARD_DURABILITY=strict.",
            )
    elif setup.always or setup.can_wait:
        yield Check("durability", "ok", "Jobs are accepted only once they are on disk.")
    else:
        yield Check(
            "durability",
            "problem",
            "CALLBOARD_DURABILITY=strict needs Redis with appendonly yes, and either "
            "appendfsync always or version 7.2.",
            "CONFIG SET appendfsync always, or install Redis 7.2.",
        )


def _memory(info: Mapping[str, Any]) -> Iterator[Check]:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not most:
        machine = int(info.get("total_system_memory", 0))
        yield Check(
            "memory",
            "note",
            f"Redis uses {_mib(used)} and may use all of the machine's {_mib(machine)}.",
            "Set maxmemory lower, so that submissions get 503 before the machine runs out.",
        )
    elif used >= most:
        yield Check(
            "memory",
            "problem",
            f"Redis is full: it uses {_mib(used)} of {_mib(most)}, so submissions get 503.",
            "Raise maxmemory, or purge jobs and shorten result_ttl.",
        )
    elif used > LITTLE_MEMORY * most:
        full = f"Redis is nearly full: it uses {_mib(used)} of {_mib(most)}."
        yield Check("memory", "warning", full, "Raise maxmemory, or shorten result_ttl.")
    else:
        yield Check("memory", "ok", f"Redis uses {_mib(used)} of {_mib(most)}.")


def _replicas(info: Mapping[str, Any]) -> Iterator[Check]:
    if info.get("role", "master") != "master":
        yield Check(
            "replicas",
            "problem",
            "This Redis is a replica, which accepts no jobs.",
            "Set CALLBOARD_REDIS_URL to the primary.",
        )
    elif count := int(info.get("connected_slaves", 0)):
        yield Check("replicas", "ok", f"Redis has {count} replica{'s' if count > 1 else ''}.")
    else:
        yield Check("replicas", "note", "Redis has no replica: its disk has the only copy.")


def _mib(count: int) -> str:
    return f"{count / 1024**2:,.0f} MiB"


def _configured(client: redis.Redis, name: str) -> str | None:
    try:
        found = client.config_get(name)
    except redis.ResponseError:
        # Hosted servers often forbid CONFIG.
        return None
    return found.get(name)
