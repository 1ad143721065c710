"""The Redis client: bounded waits, no command sent twice, a bounded pool."""

import functools
from typing import TYPE_CHECKING

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from callboard.config.settings import Settings
from callboard.jobs.connection.process_name import ProcessName

if TYPE_CHECKING:
    import fakeredis

_CONNECT_TIMEOUT_SECONDS = 2.0
_REPLY_TIMEOUT_SECONDS = 5.0
_POOL_WAIT_SECONDS = 5.0
_HEALTH_CHECK_SECONDS = 15
_MAX_CONNECTIONS = 64


def connect_redis(
    settings: Settings, *, for_subscription: bool = False, role: str = "program"
) -> redis.Redis:
    """Create a client; it connects at its first command, and threads may share it.

    A failed command is raised and never sent again by the client, since it may have been carried
    out. A command waits 2 s for a connection and 5 s for its reply at most. Without servers, all
    clients of the process share one Redis inside it.

    Args:
        settings: contain the URL of Redis; replies are bytes.
        for_subscription: for a client that listens: reads wait without end, and keep-alive probes
            notice a dead peer.
        role: the role of this process, for `CLIENT LIST`.

    """
    if settings.redis_url is None:
        return _connect_inside()
    url = settings.redis_url.get_secret_value()
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=_MAX_CONNECTIONS,
        timeout=_POOL_WAIT_SECONDS,
        socket_connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        socket_timeout=None if for_subscription else _REPLY_TIMEOUT_SECONDS,
        **({} if url.startswith("unix:") else {"socket_keepalive": True}),
        **(settings.tls.redis_options() if url.startswith("rediss:") else {}),
        health_check_interval=_HEALTH_CHECK_SECONDS,
        retry=Retry(NoBackoff(), 0),
        # The same replies from every server version and from the in-process Redis.
        protocol=2,
        decode_responses=False,
        client_name=f"callboard-{ProcessName(role, settings.namespace).without_spaces()}",
    )
    return redis.Redis.from_pool(pool)


def _connect_inside() -> redis.Redis:
    import fakeredis  # noqa: PLC0415  # a second of start-up that only the one-process server needs

    return fakeredis.FakeRedis(server=_server_inside(), decode_responses=False, protocol=2)


@functools.cache
def _server_inside() -> "fakeredis.FakeServer":
    import fakeredis  # noqa: PLC0415  # as above

    return fakeredis.FakeServer(version=(7, 2))
