"""Publishing while RabbitMQ is unavailable, silent, blocked or restarted."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from dramatiq import Message

from callboard.actors.encoding import install_encoding
from callboard.actors.publisher import (
    ConnectionState,
    OutgoingMessage,
    PublishOutcome,
    RabbitmqPublisher,
)
from tests.eventually import eventually
from tests.logs import capture_logs
from tests.servers import RabbitMQ
from tests.servers.process import free_port

AT_ONCE_S = 0.2
MARGIN_S = 0.5

install_encoding()


@pytest.fixture
def publisher(rabbitmq: RabbitMQ) -> Iterator[RabbitmqPublisher]:
    publisher = RabbitmqPublisher(rabbitmq.url)
    yield publisher
    publisher.close()


@pytest.fixture
def queue(rabbitmq: RabbitMQ, namespace: str) -> Iterator[str]:
    yield namespace
    rabbitmq.restore()
    with rabbitmq.connect() as connection:
        connection.channel().queue_delete(namespace)


def publish(publisher: RabbitmqPublisher, queue: str) -> tuple[PublishOutcome, float]:
    """Publish one message; return its outcome and the seconds it took."""
    started = time.monotonic()
    message: Message[None] = Message(queue, "clustering", (), {}, {})
    (outcome,) = publisher.publish([OutgoingMessage(message)])
    return outcome, time.monotonic() - started


def confirmed(publisher: RabbitmqPublisher, queue: str) -> bool:
    return publish(publisher, queue)[0] is PublishOutcome.CONFIRMED


def test_while_rabbitmq_is_down_callers_fail_at_once_and_later_publish_again(
    rabbitmq: RabbitMQ, publisher: RabbitmqPublisher, queue: str
) -> None:
    eventually(lambda: confirmed(publisher, queue), what="a message is confirmed")

    with capture_logs() as logs:
        rabbitmq.kill()
        eventually(lambda: publisher.state is ConnectionState.AWAY, what="the loss is noticed")
        while_down = [publish(publisher, queue) for _ in range(100)]
        rabbitmq.start()
        eventually(lambda: confirmed(publisher, queue), what="messages are confirmed again")

    assert {outcome for outcome, _ in while_down} == {PublishOutcome.UNAVAILABLE}
    assert max(seconds for _, seconds in while_down) < AT_ONCE_S
    assert [line["event"] for line in logs] == [
        "rabbitmq_connection_lost",
        "rabbitmq_connection_restored",
    ]
    assert "guest" not in str(logs)


def test_a_process_that_starts_without_rabbitmq_answers_and_connects_later(
    rabbitmq: RabbitMQ, publisher: RabbitmqPublisher, queue: str
) -> None:
    rabbitmq.stop()

    with capture_logs():
        outcome, seconds = publish(publisher, queue)
        rabbitmq.start()
        eventually(lambda: confirmed(publisher, queue), what="a message is confirmed")

    assert outcome is PublishOutcome.UNAVAILABLE
    assert seconds < MARGIN_S


def test_a_silent_rabbitmq_costs_the_deadline_once_and_publishing_resumes_after_it(
    rabbitmq: RabbitMQ, publisher: RabbitmqPublisher, queue: str
) -> None:
    eventually(lambda: confirmed(publisher, queue), what="a message is confirmed")

    rabbitmq.pause()
    outcome, seconds = publish(publisher, queue)
    following = [publish(publisher, queue) for _ in range(20)]
    rabbitmq.resume()

    assert outcome is PublishOutcome.EXPIRED
    assert 2 <= seconds < 2 + MARGIN_S
    assert {outcome for outcome, _ in following} == {PublishOutcome.UNAVAILABLE}
    assert max(seconds for _, seconds in following) < AT_ONCE_S
    eventually(lambda: confirmed(publisher, queue), what="messages are confirmed again")
    assert publisher.state is ConnectionState.OPEN


def test_a_rabbitmq_that_accepts_but_never_greets_costs_no_more_than_the_deadline(
    rabbitmq: RabbitMQ, publisher: RabbitmqPublisher, queue: str
) -> None:
    rabbitmq.pause()

    with capture_logs():
        outcome, seconds = publish(publisher, queue)
        next_outcome, next_seconds = publish(publisher, queue)
        rabbitmq.resume()
        eventually(lambda: confirmed(publisher, queue), what="a message is confirmed")

    assert outcome is PublishOutcome.EXPIRED
    assert seconds < 2 + MARGIN_S
    assert next_outcome is PublishOutcome.UNAVAILABLE
    assert next_seconds < AT_ONCE_S


def test_callers_do_not_notice_that_their_connection_was_replaced(
    rabbitmq: RabbitMQ, namespace: str, queue: str
) -> None:
    publisher = RabbitmqPublisher(rabbitmq.url, deadline=timedelta(seconds=20))
    outcomes: list[PublishOutcome] = []
    enough = threading.Event()

    def call() -> None:
        while not enough.is_set():
            outcomes.append(publish(publisher, queue)[0])

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    rabbitmq.ctl("close_all_connections", namespace)
    before = len(outcomes)
    eventually(lambda: len(outcomes) > before + 50, what="fifty more messages are settled")
    enough.set()
    for caller in callers:
        caller.join()

    assert set(outcomes) == {PublishOutcome.CONFIRMED}
    assert (publisher.ready_messages(queue) or 0) >= len(outcomes)
    publisher.close()


def test_during_a_memory_alarm_callers_fail_at_once(
    rabbitmq: RabbitMQ, publisher: RabbitmqPublisher, queue: str
) -> None:
    eventually(lambda: confirmed(publisher, queue), what="a message is confirmed")

    try:
        with capture_logs() as logs:
            rabbitmq.ctl("set_vm_memory_high_watermark", "0.0000001")
            eventually(
                lambda: not confirmed(publisher, queue), what="RabbitMQ blocks its publishers"
            )
            eventually(
                lambda: publisher.state is ConnectionState.BLOCKED, what="we are told that it does"
            )
            blocked = [publish(publisher, queue) for _ in range(20)]
            rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")
            eventually(lambda: confirmed(publisher, queue), what="messages are confirmed again")
    finally:
        rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")

    assert {outcome for outcome, _ in blocked} == {PublishOutcome.UNAVAILABLE}
    assert max(seconds for _, seconds in blocked) < AT_ONCE_S
    assert [line["event"] for line in logs] == [
        "rabbitmq_connection_lost",
        "rabbitmq_connection_restored",
    ]


def test_closing_takes_bounded_time_whatever_rabbitmq_does(
    rabbitmq: RabbitMQ, publisher: RabbitmqPublisher, queue: str
) -> None:
    eventually(lambda: confirmed(publisher, queue), what="a message is confirmed")
    rabbitmq.pause()
    started = time.monotonic()

    publisher.close(timeout=timedelta(seconds=1))

    assert time.monotonic() - started < 1 + MARGIN_S
    assert publisher.state is ConnectionState.CLOSED


def test_a_failed_login_logs_no_password(rabbitmq: RabbitMQ) -> None:
    publisher = RabbitmqPublisher(f"amqp://guest:hunter2@127.0.0.1:{rabbitmq.port}/%2F")

    with capture_logs() as logs:
        outcome, _ = publish(publisher, "default")

    assert outcome is PublishOutcome.UNAVAILABLE
    assert "ACCESS_REFUSED" in logs[0]["reason"]
    assert "hunter2" not in str(logs)
    publisher.close()


def test_without_a_server_callers_fail_at_once() -> None:
    publisher = RabbitmqPublisher(f"amqp://guest:guest@127.0.0.1:{free_port()}/%2F")

    with capture_logs():
        outcome, seconds = publish(publisher, "default")

    assert outcome is PublishOutcome.UNAVAILABLE
    assert seconds < MARGIN_S
    publisher.close()
