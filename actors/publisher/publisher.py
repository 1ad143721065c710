"""The publisher's interface: submit messages and wait for their outcomes, never for long."""

import os
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from callboard.actors.amqp import SYSTEM, UNNAMED, connection_parameters, silence_pika
from callboard.actors.levels import HIGHEST_LEVEL, QueueType
from callboard.actors.publisher.breaker import ConnectionState
from callboard.actors.publisher.connection import PublisherConnection, Server
from callboard.actors.publisher.inquiries import QueueAnswer
from callboard.actors.publisher.outgoing import OutgoingMessage, PublishBatch, PublishOutcome
from callboard.config.tls import TLS
from callboard.jobs.connection.process_name import ProcessName

PUBLISH_DEADLINE: Final = timedelta(seconds=2)


class RabbitmqPublisher:
    """Publishes for all threads of a process over one RabbitMQ connection, with confirms.

    It connects at the first message, and reconnects by itself. Each forked process makes a
    connection of its own and leaves its parent's alone.

    Args:
        url: `amqp://` or `amqps://`.
        tls: certificate files.
        process: this process, for the management UI.
        deadline: how long a caller waits for its outcomes unless it says otherwise.
        queues: those that are used, with which it is tried whether RabbitMQ takes messages.

    Raises:
        ValueError: the URL cannot be read.
        OSError: a certificate file cannot be used.
    """

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        url: str,
        *,
        tls: TLS = SYSTEM,
        process: ProcessName = UNNAMED,
        queue_type: QueueType = "classic",
        max_priority: int = HIGHEST_LEVEL,
        deadline: timedelta = PUBLISH_DEADLINE,
        queues: Sequence[str] = (),
    ) -> None:
        silence_pika()
        # A faulty URL is the caller's error, here.
        connection_parameters(url, name="publisher", tls=tls)
        self._deadline_s = deadline.total_seconds()
        self._server = Server(
            url, tls, process, queue_type, max_priority, self._deadline_s, tuple(queues)
        )
        self._processes: dict[int, _Process] = {}
        self._closed = threading.Event()

    @property
    def state(self) -> ConnectionState | None:
        """Return what the connection of this process is doing; None before the first message."""
        process = self._processes.get(os.getpid())
        return process.connection.state if process and process.connection else None

    def trouble(self) -> str | None:
        """Return what keeps messages from RabbitMQ now, as far as is known; answers at once.

        Completes a sentence that begins with `RabbitMQ`; None when it takes them. Starts to
        connect if that has not happened yet.
        """
        connection = self._connection()
        return "is closed" if connection is None else connection.trouble()

    def connect(self) -> None:
        """Start to connect now rather than at the first message."""
        self._connection()

    def publish(
        self, messages: Sequence[OutgoingMessage], *, deadline: timedelta | None = None
    ) -> list[PublishOutcome]:
        """Publish messages and wait until each is resolved, at most until the deadline.

        While RabbitMQ is known to be unavailable, this returns at once. A message may arrive twice:
        it is sent again after a lost connection. What is not confirmed may have arrived.

        Returns:
            One outcome for each message, in order.

        Raises:
            TypeError: a parameter or option cannot be encoded.
            ValueError: the same, for its value.
        """
        wait_s = self._deadline_s if deadline is None else deadline.total_seconds()
        batch = PublishBatch()
        expires_at = time.monotonic() + wait_s
        for outgoing in messages:
            batch.add(outgoing, expires_at)
        connection = self._connection()
        if connection is None or connection.refuses():
            return [PublishOutcome.UNAVAILABLE] * len(messages)
        if not messages:
            return []
        connection.submit(batch)
        return batch.outcomes(max(0.0, expires_at - time.monotonic()))

    def ready_messages(self, queue: str, *, deadline: timedelta | None = None) -> int | None:
        """Count the messages of a queue that no worker has fetched.

        Returns:
            None if there is no such queue, or no answer before the deadline.
        """
        connection = self._connection()
        if connection is None or connection.refuses():
            return None
        answers: list[QueueAnswer] = []
        answered = threading.Event()

        def on_answer(answer: QueueAnswer) -> None:
            answers.append(answer)
            answered.set()

        connection.count(queue, on_answer)
        answered.wait(self._deadline_s if deadline is None else deadline.total_seconds())
        return next((answer for answer in answers if isinstance(answer, int)), None)

    def close(self, *, timeout: timedelta = PUBLISH_DEADLINE) -> None:
        """Wait for outstanding confirms within a time limit, and close for good.

        May be called from any thread, and again.
        """
        self._closed.set()
        process = self._processes.setdefault(os.getpid(), _Process())
        with process.lock:
            connection = process.connection
        if connection:
            connection.close(timeout.total_seconds())

    def _connection(self) -> PublisherConnection | None:
        """Find or make the connection of this process."""
        if self._closed.is_set():
            return None
        # No lock may be inherited by a fork while it is held, so each process has its own.
        process = self._processes.setdefault(os.getpid(), _Process())
        connection = process.connection
        if connection and connection.state is not ConnectionState.CLOSED:
            return connection
        with process.lock:
            connection = process.connection
            if self._closed.is_set():
                return None
            if connection is None or connection.state is ConnectionState.CLOSED:
                connection = process.connection = PublisherConnection(self._server)
                connection.start()
            return connection


class _Process:
    """What belongs to one process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connection: PublisherConnection | None = None
