"""A RabbitMQ that answers but refuses is an outage: it is reported, and ends by itself."""

from collections.abc import Iterator

import pytest
from dramatiq import Message

from callboard.actors.publisher import OutgoingMessage, PublishOutcome, RabbitmqPublisher
from callboard.actors.wakeups import queue_name
from tests.eventually import eventually
from tests.logs import capture_logs
from tests.servers import RabbitMQ, free_port

USER, PASSWORD = "weak", "hush-hush"


@pytest.fixture(scope="module")
def weak(rabbitmq: RabbitMQ) -> Iterator[str]:
    """The URL of a user without permissions."""
    rabbitmq.ctl("add_user", USER, PASSWORD)
    yield rabbitmq.url.replace("guest:guest", f"{USER}:{PASSWORD}")
    rabbitmq.ctl("delete_user", USER)


def publish(publisher: RabbitmqPublisher, queue: str) -> PublishOutcome:
    message = Message(queue_name=queue, actor_name="none", args=(), kwargs={}, options={})
    (outcome,) = publisher.publish([OutgoingMessage(message)])
    return outcome


def says(publisher: RabbitmqPublisher, text: str) -> None:
    eventually(
        lambda: text in (publisher.trouble() or "nothing"), what=f"it says {text!r}", timeout=20
    )


def test_missing_permissions_are_reported_and_their_return_is_noticed(
    rabbitmq: RabbitMQ, weak: str, namespace: str
) -> None:
    queue = queue_name(namespace, "default")
    rabbitmq.ctl("set_permissions", USER, ".*", ".*", ".*")
    publisher = RabbitmqPublisher(weak, queues=[queue])
    says(publisher, "nothing")

    with capture_logs() as logs:
        rabbitmq.ctl("clear_permissions", USER)
        says(publisher, "denies the user permissions")
        rabbitmq.ctl("set_permissions", USER, ".*", ".*", ".*")
        says(publisher, "nothing")
    outcome = publish(publisher, queue)

    publisher.close()
    assert outcome is PublishOutcome.CONFIRMED
    assert PASSWORD not in str(logs)


@pytest.mark.parametrize(
    "allowed", [("^$", ".*", ".*"), (".*", "^$", ".*")], ids=["configure", "write"]
)
def test_a_user_without_a_permission_gets_no_confirm_until_it_is_granted(
    rabbitmq: RabbitMQ, weak: str, namespace: str, allowed: tuple[str, str, str]
) -> None:
    queue = queue_name(namespace, "default")
    rabbitmq.ctl("set_permissions", USER, *allowed)
    publisher = RabbitmqPublisher(weak, queues=[queue])

    says(publisher, "denies the user permissions")
    refused = publish(publisher, queue)
    says(publisher, "denies the user permissions")
    rabbitmq.ctl("set_permissions", USER, ".*", ".*", ".*")
    eventually(
        lambda: publish(publisher, queue) is PublishOutcome.CONFIRMED,
        what="it is confirmed",
        timeout=20,
    )
    says(publisher, "nothing")

    publisher.close()
    assert refused is not PublishOutcome.CONFIRMED


def test_a_queue_with_other_arguments_is_reported(rabbitmq: RabbitMQ, namespace: str) -> None:
    queue = queue_name(namespace, "default")
    with rabbitmq.connect() as connection:
        connection.channel().queue_declare(queue, durable=True, arguments={"x-max-priority": 3})
        publisher = RabbitmqPublisher(rabbitmq.url, queues=[queue])

        says(publisher, "has a queue with other arguments")
        connection.channel().queue_delete(queue)
        says(publisher, "nothing")

    publisher.close()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("hush-hush", "another"), "rejects the user or password"),
        (("%2F", "nowhere"), "denies the user access to the virtual host"),
        (("//weak", "//nobody"), "rejects the user or password"),
    ],
)
def test_an_error_in_the_address_is_reported(weak: str, change: tuple[str, str], text: str) -> None:
    publisher = RabbitmqPublisher(weak.replace(*change), queues=["any"])

    says(publisher, text)

    publisher.close()


def test_an_unreachable_server_is_reported() -> None:
    publisher = RabbitmqPublisher(f"amqp://127.0.0.1:{free_port()}", queues=["any"])

    says(publisher, "does not answer")

    publisher.close()


def test_an_alarm_is_reported_even_without_publishers(rabbitmq: RabbitMQ, namespace: str) -> None:
    publisher = RabbitmqPublisher(rabbitmq.url, queues=[queue_name(namespace, "default")])
    says(publisher, "nothing")

    try:
        rabbitmq.ctl("set_vm_memory_high_watermark", "0.0000001")
        says(publisher, "accepts no messages")
    finally:
        rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")
    says(publisher, "nothing")

    publisher.close()
