"""Publishing while RabbitMQ is healthy."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from dramatiq import Message

from callboard.actors.encoding import install_encoding
from callboard.actors.levels import EARLIER_LEVEL
from callboard.actors.publisher import (
    ConnectionState,
    OutgoingMessage,
    PublishOutcome,
    RabbitmqPublisher,
)
from tests.eventually import eventually
from tests.logs import capture_logs
from tests.servers import RabbitMQ

ROOT = Path(__file__).parents[2]

install_encoding()


@pytest.fixture
def publisher(rabbitmq: RabbitMQ) -> Iterator[RabbitmqPublisher]:
    publisher = RabbitmqPublisher(rabbitmq.url, deadline=timedelta(seconds=20))
    yield publisher
    publisher.close()


@pytest.fixture
def queue(rabbitmq: RabbitMQ, namespace: str) -> Iterator[str]:
    yield namespace
    with rabbitmq.connect() as connection:
        connection.channel().queue_delete(namespace)


def outgoing(
    queue: str, *, priority: int = 0, reserved: bool = False, **parameters: Any
) -> OutgoingMessage:
    message: Message[Any] = Message(queue, "clustering", (), parameters, {})
    return OutgoingMessage(message, priority, reserved=reserved)


def test_every_message_of_fifty_threads_is_confirmed_and_in_its_queue(
    publisher: RabbitmqPublisher, queue: str
) -> None:
    outcomes: list[PublishOutcome] = []
    threads = [
        threading.Thread(
            target=lambda: [
                outcomes.extend(publisher.publish([outgoing(queue)])) for _ in range(20)
            ]
        )
        for _ in range(50)
    ]
    started = time.monotonic()

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes == [PublishOutcome.CONFIRMED] * 1000
    assert time.monotonic() - started < 20
    assert publisher.ready_messages(queue) == 1000


def test_outcomes_are_in_the_order_of_the_messages(
    publisher: RabbitmqPublisher, queue: str
) -> None:
    messages = [outgoing(queue), outgoing("amq.reserved"), outgoing(queue)]

    with capture_logs():
        outcomes = publisher.publish(messages)

    assert outcomes == [PublishOutcome.CONFIRMED, PublishOutcome.REFUSED, PublishOutcome.CONFIRMED]


def test_an_empty_publish_has_no_outcomes(publisher: RabbitmqPublisher) -> None:
    assert publisher.publish([]) == []


def test_a_message_has_the_properties_that_the_management_ui_shows(
    rabbitmq: RabbitMQ, publisher: RabbitmqPublisher, queue: str
) -> None:
    message = Message(queue, "clustering", (), {"genes": []}, {"request_id": "r-1"}, "0199")
    publisher.publish([OutgoingMessage(message, priority=7)])

    with rabbitmq.connect() as connection:
        _, properties, body = connection.channel().basic_get(queue, auto_ack=True)

    assert Message.decode(body) == message
    assert properties.delivery_mode == 2
    assert properties.content_type == "application/msgpack"
    assert properties.type == "clustering"
    assert properties.message_id == "0199"
    assert properties.correlation_id == "r-1"
    assert properties.priority == 14
    assert properties.app_id == "callboard"
    assert abs(properties.timestamp - datetime.now(UTC).timestamp()) < 60


def test_a_body_of_many_frames_arrives_whole(
    rabbitmq: RabbitMQ, publisher: RabbitmqPublisher, queue: str
) -> None:
    genes = "x" * 1_000_000
    publisher.publish([outgoing(queue, genes=genes), outgoing(queue, genes="y")])

    with rabbitmq.connect() as connection:
        _, _, body = connection.channel().basic_get(queue, auto_ack=True)

    assert Message.decode(body).kwargs == {"genes": genes}
    assert publisher.ready_messages(queue) == 1


def test_the_highest_priority_overtakes_and_equals_keep_their_order(
    rabbitmq: RabbitMQ, publisher: RabbitmqPublisher, queue: str
) -> None:
    publisher.publish([outgoing(queue, number=n, priority=n // 2) for n in range(22)])
    publisher.publish([outgoing(queue, number=99, priority=7, reserved=True)])

    with rabbitmq.connect() as connection:
        channel = connection.channel()
        bodies = [channel.basic_get(queue, auto_ack=True)[2] for _ in range(23)]

    numbers = [Message.decode(body).kwargs["number"] for body in bodies]
    assert numbers[6:8] == [99, 14]
    numbers.remove(99)
    assert all(a // 2 > b // 2 or a + 1 == b for a, b in pairwise(numbers))


def test_a_queue_of_an_earlier_version_is_used_by_rank_until_it_is_replaced(
    rabbitmq: RabbitMQ, publisher: RabbitmqPublisher, queue: str
) -> None:
    earlier = {"x-max-priority": EARLIER_LEVEL}
    with rabbitmq.connect() as connection:
        connection.channel().queue_declare(queue, durable=True, arguments=earlier)

    outcomes = publisher.publish(
        [outgoing(queue, number=n, priority=n) for n in range(11)]
        + [outgoing(queue, number=50 + n, priority=n, reserved=True) for n in (5, 6)]
    )

    with rabbitmq.connect() as connection:
        channel = connection.channel()
        bodies = [channel.basic_get(queue, auto_ack=True)[2] for _ in range(13)]
    numbers = [Message.decode(body).kwargs["number"] for body in bodies]
    assert outcomes == [PublishOutcome.CONFIRMED] * 13
    assert numbers == [10, 9, 8, 7, 6, 56, 55, 5, 4, 3, 2, 1, 0]


def test_a_deleted_queue_is_declared_again_and_gets_its_messages(
    rabbitmq: RabbitMQ, publisher: RabbitmqPublisher, queue: str
) -> None:
    publisher.publish([outgoing(queue)])
    with rabbitmq.connect() as connection:
        connection.channel().queue_delete(queue)

    outcomes = publisher.publish([outgoing(queue) for _ in range(10)])

    assert outcomes == [PublishOutcome.CONFIRMED] * 10
    assert publisher.ready_messages(queue) == 10


def test_a_queue_with_other_arguments_is_reported_once_and_delays_no_message(
    rabbitmq: RabbitMQ, publisher: RabbitmqPublisher, queue: str
) -> None:
    publisher.publish([outgoing(f"{queue}-well")])
    with rabbitmq.connect() as connection:
        connection.channel().queue_declare(queue, durable=True)

    with capture_logs() as logs:
        outcomes = publisher.publish([outgoing(queue), outgoing(f"{queue}-well"), outgoing(queue)])
        again = publisher.publish([outgoing(queue)])

    assert outcomes == [PublishOutcome.REFUSED, PublishOutcome.CONFIRMED, PublishOutcome.REFUSED]
    assert again == [PublishOutcome.REFUSED]
    assert [(line["queue"], line["log_level"]) for line in logs] == [(queue, "error")]
    assert "x-max-priority" in logs[0]["reason"]
    with rabbitmq.connect() as connection:
        connection.channel().queue_delete(f"{queue}-well")


def test_a_message_that_a_full_queue_rejects_is_refused(
    rabbitmq: RabbitMQ, publisher: RabbitmqPublisher, queue: str
) -> None:
    policy = '{"max-length":3,"overflow":"reject-publish"}'
    rabbitmq.ctl("set_policy", queue, f"^{queue}$", policy, "--apply-to", "queues")

    # The limit may take effect a few messages late.
    outcomes = [
        *publisher.publish([outgoing(queue)] * 3),
        *publisher.publish([outgoing(queue)] * 9),
    ]

    assert outcomes[:3] == [PublishOutcome.CONFIRMED] * 3
    assert PublishOutcome.REFUSED in outcomes
    assert publisher.ready_messages(queue) == outcomes.count(PublishOutcome.CONFIRMED)
    rabbitmq.ctl("clear_policy", queue)


def test_quorum_queues_accept_messages(rabbitmq: RabbitMQ, queue: str) -> None:
    publisher = RabbitmqPublisher(rabbitmq.url, queue_type="quorum", deadline=timedelta(seconds=20))

    outcomes = publisher.publish([outgoing(queue, priority=10)] * 3)

    assert outcomes == [PublishOutcome.CONFIRMED] * 3
    eventually(lambda: publisher.ready_messages(queue) == 3, what="three messages are ready")
    publisher.close()


def test_counting_an_unknown_queue_reports_it_and_declares_none(
    publisher: RabbitmqPublisher, queue: str
) -> None:
    publisher.publish([outgoing(queue)])

    assert publisher.ready_messages(f"{queue}-other") is None
    assert publisher.ready_messages(f"{queue}-other") is None
    assert publisher.ready_messages(queue) == 1
    assert publisher.state is ConnectionState.OPEN


@pytest.mark.parametrize("priority", [-1, 11])
def test_a_priority_out_of_range_is_a_value_error(priority: int) -> None:
    with pytest.raises(ValueError, match="priority"):
        outgoing("default", priority=priority)


def test_an_unencodable_parameter_fails_only_its_caller(
    publisher: RabbitmqPublisher, queue: str
) -> None:
    with pytest.raises(TypeError):
        publisher.publish([outgoing(queue), outgoing(queue, since=datetime.now(UTC))])

    assert publisher.publish([outgoing(queue)]) == [PublishOutcome.CONFIRMED]
    assert publisher.ready_messages(queue) == 1


def test_closing_waits_for_confirms_and_then_refuses_messages(
    publisher: RabbitmqPublisher, queue: str
) -> None:
    publisher.publish([outgoing(queue)])
    outcomes: list[PublishOutcome] = []
    callers = [
        threading.Thread(target=lambda: outcomes.extend(publisher.publish([outgoing(queue)] * 100)))
        for _ in range(5)
    ]

    for caller in callers:
        caller.start()
    publisher.close(timeout=timedelta(seconds=10))
    publisher.close()
    for caller in callers:
        caller.join(5)

    # Each caller was before the close or after it.
    assert [outcomes.count(outcome) % 100 for outcome in PublishOutcome] == [0, 0, 0, 0]
    assert set(outcomes) <= {PublishOutcome.CONFIRMED, PublishOutcome.UNAVAILABLE}
    assert publisher.publish([outgoing(queue)]) == [PublishOutcome.UNAVAILABLE]
    assert publisher.state is ConnectionState.CLOSED


FORK = """
import os, sys
from dramatiq import Message
from callboard.actors.encoding import install_encoding
from callboard.actors.publisher import OutgoingMessage, RabbitmqPublisher

install_encoding()
url, queue = sys.argv[1:]
publisher = RabbitmqPublisher(url)
send = lambda: publisher.publish([OutgoingMessage(Message(queue, "clustering", (), {}, {}))] * 10)
socket = lambda: publisher._processes[os.getpid()].connection._connection._transport
assert send() == ["confirmed"] * 10
mine = socket()
child = os.fork()
if child == 0:
    fine = send() == ["confirmed"] * 10 and socket() is not mine
    publisher.close()
    os._exit(0 if fine else 1)
assert os.waitpid(child, 0)[1] == 0
assert send() == ["confirmed"] * 10
assert socket() is mine
publisher.close()
"""


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import sys, time, gevent
from datetime import timedelta
from dramatiq import Message
from callboard.actors.encoding import install_encoding
from callboard.actors.publisher import OutgoingMessage, RabbitmqPublisher

install_encoding()
url, queue = sys.argv[1:]
publisher = RabbitmqPublisher(url, deadline=timedelta(seconds=20))
ticks = 0
def tick():
    global ticks
    while True:
        gevent.sleep(0.005)
        ticks += 1
gevent.spawn(tick)
send = lambda: [publisher.publish([OutgoingMessage(Message(queue, "clustering", (), {}, {}))])
                for _ in range(5)]
greenlets = [gevent.spawn(send) for _ in range(200)]
gevent.joinall(greenlets)
assert [g.value for g in greenlets] == [[["confirmed"]] * 5] * 200
assert ticks > 5, "the other greenlets did not run"
assert publisher.ready_messages(queue) == 1000
publisher.close()
"""


@pytest.mark.parametrize(("script", "messages"), [(FORK, 30), (GREENLETS, 1000)])
def test_publishing_works_in_forked_processes_and_in_greenlets(
    rabbitmq: RabbitMQ, publisher: RabbitmqPublisher, queue: str, script: str, messages: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, rabbitmq.url, queue],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert publisher.ready_messages(queue) == messages
