"""Whether Redis lets its user do what jobs need: tried, since no server tells all of it."""

import secrets
from dataclasses import dataclass
from typing import Final

import redis

from callboard.jobs.outages import outage_of
from callboard.jobs.store import Store

# Every command that a script or a process sends, on a key of our own.
_HASH: Final = (
    "HSET f 1", "HSETNX f 1", "HGET f", "HMGET f", "HGETALL", "HINCRBY f 1", "HEXISTS f", "HDEL f",
    "PERSIST", "DEL",
)  # fmt: skip
_SORTED: Final = (
    "ZADD 1 a", "ZSCORE a", "ZMSCORE a", "ZRANK a", "ZCARD", "ZCOUNT -inf +inf", "ZRANGE 0 -1",
    "ZREVRANGE 0 -1", "ZSCAN 0", "ZREMRANGEBYSCORE -inf 0", "ZREM a", "UNLINK",
)  # fmt: skip
_LIST: Final = ("RPUSH a b", "LPOP", "LLEN", "LRANGE 0 -1", "LREM 0 b", "DEL")
_SET: Final = (
    "SADD a", "SISMEMBER a", "SRANDMEMBER 1", "SMEMBERS", "SCARD", "SMOVE {key} a", "SREM a", "DEL",
)  # fmt: skip
_STRING: Final = (
    "SET 1 PX 60000", "GET", "STRLEN", "GETRANGE 0 1", "PEXPIRE 60000", "PTTL", "EXISTS", "DEL",
)  # fmt: skip
TRIED: Final = (*_HASH, *_SORTED, *_LIST, *_SET, *_STRING)


@dataclass(frozen=True)
class Refusal:
    """Something that Redis does not take.

    Attributes:
        reason: in our words; completes a sentence that begins with `Redis`.
        text: in its own words; no password, but perhaps the name of its user.
    """

    reason: str
    text: str

    def __str__(self) -> str:
        """Say both."""
        return f"Redis {self.reason}: {self.text}"


def refusals(store: Store) -> tuple[Refusal, ...]:
    """Try every command that jobs need, and leave nothing behind.

    Raises:
        redis.RedisError: it does not answer, or refuses the connection.
    """
    # The braces keep it on the shard of the namespace; its own end takes care of a lost DEL.
    key = f"{store.keys.prefix}trial:{secrets.token_hex(8)}"
    with store.redis.pipeline(transaction=False) as pipe:
        pipe.execute_command("TIME")
        pipe.execute_command("SCAN", "0", "COUNT", "1")
        pipe.execute_command("EVAL", "return redis.call('GET', KEYS[1])", 1, key)
        for channel in ("events", "cancels"):
            pipe.execute_command("PUBLISH", store.keys.channel(channel), "")
        for line in TRIED:
            name, *rest = line.split()
            pipe.execute_command(name, key, *(word.format(key=key) for word in rest))
        replies = pipe.execute(raise_on_error=False)
    errors = [reply for reply in replies if isinstance(reply, redis.ResponseError)]
    found = (Refusal(outage_of(error) or "refuses a command", str(error)) for error in errors)
    return tuple(dict.fromkeys(found))


def can_publish(store: Store) -> bool:
    """Write a key that expires at once, and return whether Redis also lets us publish on channels.

    Raises:
        StoreUnavailable: Redis accepts no writes now.
    """
    return store.run("try_store", store.keys("trial"), fleeting=True).word == "published"
