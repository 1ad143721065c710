"""The connections in RabbitMQ and Redis show the process to which each belongs."""

import os
import socket
from datetime import timedelta

from callboard.actors.broker import RabbitmqBroker
from callboard.actors.encoding import install_encoding
from callboard.actors.publisher import RabbitmqPublisher
from callboard.config import load_settings
from callboard.jobs.connection.process_name import ProcessName
from callboard.jobs.connection.redis_client import connect_redis
from tests.eventually import eventually
from tests.servers import RabbitMQ, RedisServer

HERE = f"{socket.gethostname()}:{os.getpid()}"

install_encoding()


def test_rabbitmq_shows_the_process_names_of_consumers_and_publishers(
    rabbitmq: RabbitMQ, namespace: str
) -> None:
    process = ProcessName("worker", namespace)
    publisher = RabbitmqPublisher(rabbitmq.url, process=process, deadline=timedelta(seconds=10))
    broker = RabbitmqBroker(url=rabbitmq.url, process=process, publisher=publisher, prefetch=1)
    broker.declare_queue(namespace)
    consumer = broker.consume(namespace, timeout=100)
    try:
        publisher.connect()

        def found(*command: str, times: int) -> str | None:
            next(consumer)  # answers heartbeats, too: the command takes seconds
            listed = rabbitmq.ctl(*command)
            return listed if listed.count(namespace) >= times else None

        tags = eventually(
            lambda: found("list_consumers", "consumer_tag", times=1),
            what="the consumer is there",
            timeout=60,
        )
        named = eventually(
            lambda: found("list_connections", "client_properties", times=2),
            what="both connections are there",
            timeout=60,
        )
    finally:
        consumer.close()
        broker.close()
        with rabbitmq.connect() as connection:
            connection.channel().queue_delete(namespace)

    assert f"callboard consumer: worker {namespace} {HERE}" in named
    assert f"callboard publisher: worker {namespace} {HERE}" in named
    assert f"worker-{namespace}-{HERE}-" in tags


def test_redis_shows_the_process_name_of_a_client(
    redis_server: RedisServer, namespace: str
) -> None:
    settings = load_settings(
        broker_url="amqp://127.0.0.1:1", redis_url=redis_server.url, namespace=namespace
    )

    with connect_redis(settings, role="web") as client:
        names = [each["name"] for each in client.client_list()]

    assert f"callboard-web-{namespace}-{HERE}" in names
