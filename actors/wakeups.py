"""Publish the core's wake-ups as Dramatiq messages that carry the whole submission."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from dramatiq import Message

from callboard.actors.publisher import OutgoingMessage, PublishOutcome
from callboard.jobs.publisher import Wakeup
from callboard.jobs.submission import Submission

PUBLISHED_MS: Final = "published_ms"


class Publishing(Protocol):
    """What both brokers can do."""

    def publish(self, messages: Sequence[OutgoingMessage]) -> list[PublishOutcome]:
        """Publish messages and say what became of each."""

    def ready_messages(self, queue: str) -> int | None:
        """Count the messages of a queue that no worker has fetched."""


class BrokerPublisher:
    """The core's publisher, on a Dramatiq broker.

    Args:
        broker: publishes the messages.
        namespace: begins the name of each queue, so that installations can share a RabbitMQ.
    """

    def __init__(self, broker: Publishing, namespace: str) -> None:
        self._broker = broker
        self._namespace = namespace

    def queue(self, name: str) -> str:
        """Name an operation's queue as RabbitMQ knows it."""
        return queue_name(self._namespace, name)

    def publish(self, wakeups: Sequence[Wakeup]) -> list[bool]:
        """Publish, and say for each whether it was confirmed within the deadline."""
        outcomes = self._broker.publish([self._outgoing(wakeup) for wakeup in wakeups])
        return [outcome is PublishOutcome.CONFIRMED for outcome in outcomes]

    def ready(self, queue: str) -> int | None:
        """Count the messages that wait in a queue; None if unknown."""
        return self._broker.ready_messages(self.queue(queue))

    def put_back(self, queue: str, body: bytes) -> None:
        """Publish a message as it came, behind all others.

        Args:
            queue: as RabbitMQ knows it.
            body: the message.
        """
        self._broker.publish([OutgoingMessage(Message.decode(body), queue=queue)])

    def _outgoing(self, wakeup: Wakeup) -> OutgoingMessage:
        submission = wakeup.submission
        message: Message[Any] = Message(
            queue_name=self.queue(submission.queue),
            actor_name=submission.operation,
            args=(),
            kwargs=dict(submission.params),
            options={**submission.to_options(), PUBLISHED_MS: wakeup.published_ms},
            message_id=submission.job_id,
            message_timestamp=wakeup.published_ms,
        )
        return OutgoingMessage(message, submission.priority, reserved=wakeup.reserved)


def queue_name(namespace: str, queue: str) -> str:
    """Name an operation's queue as RabbitMQ knows it."""
    return f"{namespace}.{queue}"


def submission_of(message: Message[Any]) -> tuple[Submission, int]:
    """Read the submission that a message carries, and when it was published (Redis' clock, ms).

    Raises:
        KeyError: the message is not one of ours.
    """
    submission = Submission.from_options(
        message.message_id, message.actor_name, message.kwargs, message.options
    )
    return submission, int(message.options[PUBLISHED_MS])
