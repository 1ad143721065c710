"""Consuming: how a worker processes messages, with RabbitMQ and in one process."""
# long: the same fixtures test both brokers

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import dramatiq
import pika
import pytest
from dramatiq import Actor, Consumer, Message, Middleware, Worker
from dramatiq.errors import ActorNotFound
from dramatiq.middleware import SkipMessage

from callboard.actors.broker import (
    EmbeddedBroker,
    MessageNotConfirmedError,
    RabbitmqBroker,
    ReceivedMessage,
)
from callboard.actors.broker.work_queue import WorkQueue
from callboard.actors.encoding import install_encoding
from callboard.actors.levels import EARLIER_LEVEL, HIGHEST_LEVEL
from callboard.actors.publisher import OutgoingMessage, PublishOutcome, RabbitmqPublisher
from tests.eventually import eventually
from tests.logs import capture_logs
from tests.servers import RabbitMQ

IDLE_MS = 100

AnyBroker = RabbitmqBroker | EmbeddedBroker

install_encoding()


@pytest.fixture
def rabbitmq_broker(rabbitmq: RabbitMQ, namespace: str) -> Iterator[RabbitmqBroker]:
    publisher = RabbitmqPublisher(rabbitmq.url, deadline=timedelta(seconds=10))
    broker = RabbitmqBroker(url=rabbitmq.url, publisher=publisher, prefetch=4)
    yield broker
    broker.close()
    rabbitmq.restore()
    with rabbitmq.connect() as connection:
        connection.channel().queue_delete(namespace)


@pytest.fixture(params=["rabbitmq", "embedded"])
def broker(request: pytest.FixtureRequest) -> Iterator[AnyBroker]:
    if request.param == "rabbitmq":
        yield request.getfixturevalue("rabbitmq_broker")
    else:
        embedded = EmbeddedBroker(prefetch=4)
        yield embedded
        embedded.close()


@pytest.fixture
def consume(namespace: str) -> Iterator[Callable[[AnyBroker], Consumer]]:
    consumers = []

    def start(broker: AnyBroker) -> Consumer:
        broker.declare_queue(namespace)
        consumers.append(broker.consume(namespace, prefetch=4, timeout=IDLE_MS))
        return consumers[-1]

    yield start
    for consumer in consumers:
        consumer.close()


@pytest.fixture
def work() -> Iterator[Callable[[AnyBroker], Worker]]:
    workers = []

    def start(broker: AnyBroker) -> Worker:
        workers.append(Worker(broker, worker_threads=2, worker_timeout=IDLE_MS))
        workers[-1].start()
        return workers[-1]

    yield start
    for worker in workers:
        worker.stop()


def outgoing(
    queue: str, number: int = 0, *, priority: int = 0, reserved: bool = False
) -> OutgoingMessage:
    message: Message[Any] = Message(queue, "clustering", (), {"number": number}, {})
    return OutgoingMessage(message, priority, reserved=reserved)


def fetch(consumer: Consumer) -> ReceivedMessage:
    delivery = eventually(lambda: next(consumer), what="a message comes")
    assert isinstance(delivery, ReceivedMessage)
    return delivery


def numbers_worked_off(broker: AnyBroker, queue: str) -> list[int]:
    numbers: list[int] = []

    def clustering(number: int) -> None:
        numbers.append(number)

    dramatiq.actor(clustering, broker=broker, queue_name=queue)
    return numbers


def test_the_best_priority_is_consumed_first_and_equals_keep_their_order(
    broker: AnyBroker, namespace: str, consume: Callable[[AnyBroker], Consumer]
) -> None:
    broker.publish([outgoing(namespace, number, priority=number // 3) for number in range(9)])
    broker.publish([outgoing(namespace, 99, priority=1, reserved=True)])
    consumer = consume(broker)

    numbers = []
    for _ in range(10):
        delivery = fetch(consumer)
        numbers.append(delivery.kwargs["number"])
        consumer.ack(delivery)

    # Up to four messages are prefetched.
    assert numbers == [6, 7, 8, 99, 3, 4, 5, 0, 1, 2]


def test_an_unused_queue_of_an_earlier_version_is_replaced_once_it_is_empty(
    rabbitmq: RabbitMQ,
    rabbitmq_broker: RabbitmqBroker,
    namespace: str,
    consume: Callable[[AnyBroker], Consumer],
) -> None:
    earlier = {"x-max-priority": EARLIER_LEVEL}
    with rabbitmq.connect() as connection:
        connection.channel().queue_declare(namespace, durable=True, arguments=earlier)
        connection.channel().basic_publish("", namespace, outgoing(namespace, 1).message.encode())
        with capture_logs() as logs:
            first = consume(rabbitmq_broker)
            first.ack(fetch(first))
        first.close()

        second = consume(rabbitmq_broker)
        next(second)
        anew = {"x-max-priority": HIGHEST_LEVEL}
        connection.channel().queue_declare(namespace, durable=True, arguments=anew)

    assert [line["event"] for line in logs] == ["queue_levels_outdated"]


def test_messages_prefetched_from_several_queues_are_processed_by_rank() -> None:
    queue = WorkQueue()

    for number, level in enumerate((0, 11, 5, 11, 21)):
        message: Message[Any] = Message("default", "clustering", (), {"number": number}, {})
        queue.put(SimpleNamespace(message=ReceivedMessage(message, redelivered=False, level=level)))
    numbers = [queue.get_nowait().message.kwargs["number"] for _ in range(5)]

    assert numbers == [4, 1, 3, 2, 0]
    assert queue.qsize() == 0


def test_a_consumer_prefetches_one_message_per_thread(
    broker: AnyBroker, namespace: str, consume: Callable[[AnyBroker], Consumer]
) -> None:
    broker.publish([outgoing(namespace, number) for number in range(10)])
    broker.declare_queue(namespace)
    consumer = consume(broker)

    held = [fetch(consumer) for _ in range(4)]

    assert [next(consumer) for _ in range(3)] == [None] * 3
    assert broker.ready_messages(namespace) == 6
    consumer.ack(held[0])
    assert fetch(consumer).kwargs["number"] == 4


def test_an_acknowledged_or_failed_message_is_gone(
    broker: AnyBroker, namespace: str, consume: Callable[[AnyBroker], Consumer]
) -> None:
    broker.publish([outgoing(namespace), outgoing(namespace)])
    consumer = consume(broker)

    consumer.ack(fetch(consumer))
    consumer.nack(fetch(consumer))
    next(consumer)
    consumer.close()

    assert broker.ready_messages(namespace) == 0


def test_messages_can_be_acknowledged_in_any_order(
    broker: AnyBroker, namespace: str, consume: Callable[[AnyBroker], Consumer]
) -> None:
    broker.publish([outgoing(namespace, number) for number in range(4)])
    consumer = consume(broker)
    held = [fetch(consumer) for _ in range(4)]

    for number in (3, 0, 2):
        consumer.ack(held[number])
    next(consumer)
    consumer.requeue([held[1]])
    consumer.close()

    eventually(lambda: broker.ready_messages(namespace) == 1, what="one message is left")
    (left,) = [fetch(consume(broker))]
    assert left.kwargs == {"number": 1}


@pytest.mark.parametrize("answer", ["ack", "nack"])
def test_a_requeued_message_returns_to_its_old_position(
    broker: AnyBroker, namespace: str, consume: Callable[[AnyBroker], Consumer], answer: str
) -> None:
    broker.publish([outgoing(namespace, number) for number in range(6)])
    consumer = consume(broker)
    delivery = fetch(consumer)
    assert not delivery.redelivered

    delivery.requeue()
    getattr(consumer, answer)(delivery)
    following = [fetch(consumer) for _ in range(4)]

    (again,) = [each for each in following if each.redelivered]
    assert again.message_id == delivery.message_id


def test_a_message_requeued_with_a_delay_is_not_redelivered_before(
    broker: AnyBroker, namespace: str, consume: Callable[[AnyBroker], Consumer]
) -> None:
    broker.publish([outgoing(namespace)])
    consumer = consume(broker)
    delivery = fetch(consumer)
    started = time.monotonic()

    delivery.requeue(after=timedelta(seconds=0.5))
    consumer.ack(delivery)
    again = fetch(consumer)

    assert again.redelivered
    assert 0.5 <= time.monotonic() - started < 2


def test_a_worker_starts_one_consumer_per_queue_and_processes_waiting_messages(
    broker: AnyBroker, namespace: str, work: Callable[[AnyBroker], Worker]
) -> None:
    numbers = numbers_worked_off(broker, namespace)
    broker.publish([outgoing(namespace, number) for number in range(200)])

    worker = work(broker)

    eventually(lambda: len(numbers) >= 200, what="all messages are worked off")
    assert sorted(numbers) == list(range(200))
    assert list(worker.consumers) == [namespace]


def test_a_skipped_message_can_be_requeued_by_a_middleware(
    broker: AnyBroker, namespace: str, work: Callable[[AnyBroker], Worker]
) -> None:
    class Reluctant(Middleware):
        def before_process_message(self, _broker: Any, message: Any) -> None:
            if not message.redelivered:
                message.requeue()
                raise SkipMessage

    broker.add_middleware(Reluctant())
    numbers = numbers_worked_off(broker, namespace)
    broker.publish([outgoing(namespace, number) for number in range(20)])

    work(broker)

    eventually(lambda: len(numbers) == 20, what="each message is worked off, once")
    assert sorted(numbers) == list(range(20))


def test_a_message_for_an_unknown_operation_reaches_the_substitute_actor(
    broker: AnyBroker, namespace: str, work: Callable[[AnyBroker], Worker]
) -> None:
    seen: list[str] = []
    numbers_worked_off(broker, namespace)
    with pytest.raises(ActorNotFound):
        broker.get_actor("newer")

    def unknown(**_: Any) -> None:
        seen.append("newer")

    broker.unknown_actor = Actor(
        unknown, broker=broker, actor_name="unknown", queue_name=namespace, priority=0, options={}
    )
    broker.publish([OutgoingMessage(Message(namespace, "newer", (), {"number": 1}, {}))])
    work(broker)

    eventually(lambda: seen == ["newer"], what="the stand-in was called")


def test_enqueue_publishes_with_the_priority_and_refuses_delays(
    broker: AnyBroker, namespace: str
) -> None:
    message: Message[Any] = Message(namespace, "clustering", (), {}, {"broker_priority": 7})

    assert broker.enqueue(message) is message
    with pytest.raises(ValueError, match="Redis"):
        broker.enqueue(message, delay=1000)
    with pytest.raises(ValueError, match="priority"):
        broker.enqueue(message.copy(options={"broker_priority": 12}))
    assert broker.ready_messages(namespace) == 1


def test_a_closed_broker_accepts_no_message(broker: AnyBroker, namespace: str) -> None:
    broker.publish([outgoing(namespace)])

    broker.close()
    broker.close()

    assert broker.publish([outgoing(namespace)]) == [PublishOutcome.UNAVAILABLE]
    with pytest.raises(MessageNotConfirmedError):
        broker.enqueue(outgoing(namespace).message)


def test_a_stopped_worker_leaves_messages_that_it_has_not_started_in_the_queue(
    broker: AnyBroker, namespace: str, work: Callable[[AnyBroker], Worker]
) -> None:
    begun = numbers_worked_off(broker, namespace)
    worker = work(broker)
    broker.publish([outgoing(namespace, number) for number in range(500)])
    eventually(lambda: begun, what="the worker is at it")

    worker.stop()

    eventually(
        lambda: broker.ready_messages(namespace) == 500 - len(begun),
        what="all others are ready again",
    )


def test_an_undecodable_message_is_rejected_and_reported_without_its_body(
    rabbitmq: RabbitMQ,
    rabbitmq_broker: RabbitmqBroker,
    namespace: str,
    consume: Callable[[AnyBroker], Consumer],
) -> None:
    rabbitmq_broker.publish([outgoing(namespace, 1)])
    with rabbitmq.connect() as connection:
        connection.channel().basic_publish(
            "", namespace, b"secret!", pika.BasicProperties(priority=11, message_id="0199")
        )
    consumer = consume(rabbitmq_broker)

    with capture_logs() as logs:
        delivery = fetch(consumer)
    consumer.ack(delivery)
    consumer.close()

    assert delivery.kwargs == {"number": 1}
    assert [(line["queue"], line["job"]) for line in logs] == [(namespace, "0199")]
    assert "secret" not in str(logs)
    assert rabbitmq_broker.ready_messages(namespace) == 0


def test_a_message_of_a_lost_connection_acknowledges_no_message_of_the_next_one(
    rabbitmq: RabbitMQ,
    rabbitmq_broker: RabbitmqBroker,
    namespace: str,
    consume: Callable[[AnyBroker], Consumer],
) -> None:
    rabbitmq_broker.publish([outgoing(namespace, number) for number in range(3)])
    consumer = consume(rabbitmq_broker)
    stale = [fetch(consumer) for _ in range(3)]
    rabbitmq.ctl("close_all_connections", namespace)

    with capture_logs() as logs:
        fresh = [fetch(consumer) for _ in range(3)]
        consumer.ack(stale[0])
        consumer.nack(stale[1])
        stale[2].requeue()
        consumer.ack(stale[2])
        next(consumer)
        consumer.ack(fresh[1])
        consumer.close()

    assert all(delivery.redelivered for delivery in fresh)
    assert rabbitmq_broker.ready_messages(namespace) == 2
    assert [line["event"] for line in logs if line["log_level"] != "debug"] == [
        "consumer_disconnected",
        "consumer_restored",
    ]


def test_consuming_resumes_after_an_outage_with_two_log_lines(
    rabbitmq: RabbitMQ,
    rabbitmq_broker: RabbitmqBroker,
    namespace: str,
    work: Callable[[AnyBroker], Worker],
) -> None:
    numbers = numbers_worked_off(rabbitmq_broker, namespace)
    work(rabbitmq_broker)
    rabbitmq_broker.publish([outgoing(namespace, 1)])
    eventually(lambda: numbers == [1], what="the worker works")

    with capture_logs() as logs:
        rabbitmq.kill()
        eventually(lambda: len(logs) == 2, what="publisher and consumer have noticed")
        rabbitmq.start()
        eventually(lambda: len(logs) == 4, what="both are back")
        rabbitmq_broker.publish([outgoing(namespace, 2)])
        eventually(lambda: 2 in numbers, what="the worker works again")

    assert sorted(line["event"] for line in logs) == [
        "consumer_disconnected",
        "consumer_restored",
        "rabbitmq_connection_lost",
        "rabbitmq_connection_restored",
    ]
    assert "guest" not in str(logs)


def test_a_queue_deleted_under_a_consumer_is_declared_again(
    rabbitmq: RabbitMQ,
    rabbitmq_broker: RabbitmqBroker,
    namespace: str,
    consume: Callable[[AnyBroker], Consumer],
) -> None:
    consumer = consume(rabbitmq_broker)
    next(consumer)
    with rabbitmq.connect() as connection:
        connection.channel().queue_delete(namespace)

    with capture_logs():
        eventually(
            lambda: next(consumer) or rabbitmq_broker.ready_messages(namespace) == 0,
            what="the queue is there again",
        )
    rabbitmq_broker.publish([outgoing(namespace, 5)])

    assert fetch(consumer).kwargs == {"number": 5}


def test_a_queue_with_other_arguments_is_consumed_and_reported(
    rabbitmq: RabbitMQ,
    rabbitmq_broker: RabbitmqBroker,
    namespace: str,
    consume: Callable[[AnyBroker], Consumer],
) -> None:
    with rabbitmq.connect() as connection:
        channel = connection.channel()
        channel.queue_declare(namespace, durable=True)
        channel.basic_publish("", namespace, outgoing("elsewhere", 3).message.encode())
    consumer = consume(rabbitmq_broker)

    with capture_logs() as logs:
        delivery = fetch(consumer)

    assert delivery.kwargs == {"number": 3}
    assert delivery.queue_name == namespace
    assert [line["log_level"] for line in logs] == ["error"]


def test_a_consumer_closes_within_its_time_limit_while_rabbitmq_is_silent(
    rabbitmq: RabbitMQ,
    rabbitmq_broker: RabbitmqBroker,
    namespace: str,
    consume: Callable[[AnyBroker], Consumer],
) -> None:
    rabbitmq_broker.publish([outgoing(namespace)])
    consumer = consume(rabbitmq_broker)
    delivery = fetch(consumer)
    rabbitmq.pause()
    started = time.monotonic()

    consumer.ack(delivery)
    consumer.close()

    assert time.monotonic() - started < 4


def test_creating_a_broker_opens_no_connection_and_it_has_none_per_thread() -> None:
    nowhere = "amqp://guest:guest@127.0.0.1:1/%2F"
    broker = RabbitmqBroker(url=nowhere, publisher=RabbitmqPublisher(nowhere), prefetch=1)

    broker.declare_queue("default", ensure=True)

    with pytest.raises(RuntimeError, match="publisher"):
        broker.flush("default")
    assert broker.publisher.state is None
    assert broker.get_declared_delay_queues() == set()
