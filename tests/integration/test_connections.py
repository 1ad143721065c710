"""A client of Redis waits for a bounded time and sends no command twice."""

import threading
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from callboard.config import load_settings
from callboard.jobs.connection.redis_client import connect_redis
from tests.eventually import eventually
from tests.servers import RedisServer

BROKER = "amqp://127.0.0.1:1"


def test_creating_a_client_opens_no_connection() -> None:
    settings = load_settings(broker_url=BROKER, redis_url="redis://127.0.0.1:1")

    client = connect_redis(settings)

    with pytest.raises(RedisConnectionError):
        client.ping()
    client.close()


def test_a_command_cut_off_by_a_crash_is_raised_and_not_repeated(redis_server: RedisServer) -> None:
    client = connect_redis(load_settings(broker_url=BROKER, redis_url=redis_server.url))
    client.ping()

    redis_server.kill()
    with pytest.raises(RedisConnectionError):
        client.incr("sent")
    redis_server.start()

    assert client.get("sent") is None
    client.close()


def test_a_subscription_receives_what_another_client_publishes(redis_server: RedisServer) -> None:
    settings = load_settings(broker_url=BROKER, redis_url=redis_server.url)
    listener = connect_redis(settings, for_subscription=True)
    subscription = listener.pubsub(ignore_subscribe_messages=True)
    subscription.subscribe("events")
    subscription.get_message(timeout=5)

    speaker = connect_redis(settings)
    speaker.publish("events", b"\xff")

    heard = eventually(lambda: subscription.get_message(timeout=0.1), what="the message arrives")
    assert heard["data"] == b"\xff"
    subscription.close()
    speaker.close()
    listener.close()


def test_threads_beyond_the_number_of_connections_wait(
    redis: Redis, redis_server: RedisServer
) -> None:
    client = connect_redis(load_settings(broker_url=BROKER, redis_url=redis_server.url))
    threads = [threading.Thread(target=client.incr, args=("count",)) for _ in range(200)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert redis.getdel("count") == b"200"
    client.close()


def test_a_unix_socket_is_reached(tmp_path: Path) -> None:
    socket = tmp_path / "s"
    server = RedisServer(tmp_path, options={"unixsocket": str(socket)})
    server.start()
    try:
        client = connect_redis(load_settings(broker_url=BROKER, redis_url=f"unix://{socket}"))

        assert client.ping()
        client.close()
    finally:
        server.close()


def test_all_clients_of_a_process_without_servers_share_one_redis(namespace: str) -> None:
    first, second = connect_redis(load_settings()), connect_redis(load_settings())

    first.set(namespace, b"\xff", ex=60)

    assert second.get(namespace) == b"\xff"
    first.close()
    second.close()
