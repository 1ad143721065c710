"""The RabbitMQ broker: publishes through the one publisher, consumes a connection per queue."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

import dramatiq.brokers.rabbitmq
from dramatiq import Actor, Middleware

from callboard.actors.amqp import SYSTEM, UNNAMED, connection_parameters, silence_pika
from callboard.actors.broker.consumer import Consumer
from callboard.actors.broker.enqueueing import Enqueueing
from callboard.actors.levels import HIGHEST_LEVEL, QueueType
from callboard.actors.publisher import OutgoingMessage, PublishOutcome, RabbitmqPublisher
from callboard.config.tls import TLS
from callboard.jobs.connection.process_name import ProcessName


class RabbitmqBroker(Enqueueing, dramatiq.brokers.rabbitmq.RabbitmqBroker):
    """Dramatiq's broker with our publisher and consumer, and without delay and dead letter queues.

    Creating one does not connect, and it may be inherited by a fork.

    Args:
        tls: certificate files.
        process: this process, for the management UI.
        prefetch: how many messages this process may hold of each queue; its worker threads.
        publisher: is closed with the broker.
        unknown_actor: stands in for operations that this process does not know.
    """

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        *,
        url: str,
        tls: TLS = SYSTEM,
        process: ProcessName = UNNAMED,
        publisher: RabbitmqPublisher,
        prefetch: int,
        queue_type: QueueType = "classic",
        max_priority: int = HIGHEST_LEVEL,
        middleware: list[Middleware] | None = None,
        unknown_actor: Actor[..., Any] | None = None,
    ) -> None:
        super().__init__(url=url, confirm_delivery=True, middleware=middleware or [])
        silence_pika()
        self._connect_to = partial(
            connection_parameters, url, name="consumer", process=process, tls=tls
        )
        self.process = process
        self.parameters = self._connect_to()
        self.queue_type = queue_type
        self.max_priority = max_priority
        self.prefetch = prefetch
        self.publisher = publisher
        self.unknown_actor = unknown_actor

    @property
    def connection(self) -> NoReturn:
        """Refuse Dramatiq's connection per thread.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("This broker has no connection per thread: use its publisher.")

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:  # noqa: ARG002
        """Add a queue to the broker's list, so that workers consume it.

        The consumer or publisher that connects first declares it in RabbitMQ. No delay queue
        is announced, so that a worker starts one consumer for each queue.
        """
        if queue_name in self.queues:
            return
        self.emit_before("declare_queue", queue_name)
        self.queues.add(queue_name)
        self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Create a consumer, which connects at its first message and reconnects by itself.

        Args:
            queue_name: the queue.
            prefetch: bounded by the broker's own.
            timeout: how long it waits for a message before it yields None, in milliseconds.
        """
        return Consumer(
            self._connect_to,
            queue_name,
            prefetch=min(prefetch, self.prefetch),
            idle_s=timeout / 1000,
            queue_type=self.queue_type,
            process=self.process,
            max_priority=self.max_priority or HIGHEST_LEVEL,
        )

    def publish(self, messages: Sequence[OutgoingMessage]) -> list[PublishOutcome]:
        """Publish messages and return their outcomes, in order, within the deadline."""
        return self.publisher.publish(messages)

    def ready_messages(self, queue: str) -> int | None:
        """Count the messages of a queue that no worker has fetched; None if unknown."""
        return self.publisher.ready_messages(queue)

    def close(self) -> None:
        """Wait for outstanding confirms and close; any thread may call this, repeatedly."""
        self.publisher.close()
