"""The private servers of the tests behave as the fault tests require."""

from pathlib import Path

import pika
import pytest
from redis import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.eventually import eventually
from tests.servers import RabbitMQ, RedisServer


def test_with_appendfsync_always_redis_keeps_acknowledged_writes_across_a_kill(
    tmp_path: Path,
) -> None:
    server = RedisServer(tmp_path, options={"appendfsync": "always"})
    server.start()
    try:
        with server.connect() as client:
            client.set("kept", "yes", ex=60)

        server.kill()
        server.start()

        with server.connect() as client:
            assert client.get("kept") == b"yes"
    finally:
        server.close()


def test_a_paused_redis_answers_again_after_it_resumes(
    redis: Redis, redis_server: RedisServer
) -> None:
    impatient = Redis.from_url(redis_server.url, socket_timeout=0.2, retry=None)

    redis_server.pause()
    with pytest.raises(RedisTimeoutError):
        impatient.ping()
    redis_server.resume()

    assert eventually(redis.ping, what="Redis answers")
    impatient.close()


def test_rabbitmq_keeps_a_confirmed_durable_message_across_a_kill(rabbitmq: RabbitMQ) -> None:
    queue = "kept"
    connection = rabbitmq.connect()
    channel = connection.channel()
    channel.queue_declare(queue, durable=True)
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"yes", pika.BasicProperties(delivery_mode=2), mandatory=True)
    connection.close()
    # The confirm is for the message; RabbitMQ persists the queue a moment later.
    rabbitmq.ctl("eval", "mnesia:sync_log().")

    rabbitmq.kill()
    rabbitmq.start()

    connection = rabbitmq.connect()
    _, _, body = connection.channel().basic_get(queue, auto_ack=True)
    connection.channel().queue_delete(queue)
    connection.close()
    assert body == b"yes"


def test_rabbitmqctl_reaches_the_private_node(rabbitmq: RabbitMQ) -> None:
    answer = rabbitmq.ctl("status")

    assert str(rabbitmq.port) in answer
