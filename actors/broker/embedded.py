"""The broker of the one-process server: queues in memory, with priorities."""

import itertools
import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from queue import Empty, PriorityQueue
from typing import Any, Final, NamedTuple

import dramatiq
from dramatiq import Actor, Message, MessageProxy, Middleware
from dramatiq.brokers.stub import StubBroker
from dramatiq.common import join_queue
from dramatiq.errors import DecodeError, QueueNotFound

from callboard.actors.broker.enqueueing import Enqueueing
from callboard.actors.broker.received_message import ReceivedMessage
from callboard.actors.publisher import OutgoingMessage, PublishOutcome
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

KEPT_DEAD_LETTERS: Final = 100

log = get_logger(__name__)


class QueueEntry(NamedTuple):
    """A message's place in its queue: the highest level first, then the oldest."""

    negative_level: int
    number: int
    body: bytes
    redelivered: bool = False


class EmbeddedMessage(ReceivedMessage):
    """A delivery that can be requeued at its old place."""

    def __init__(self, message: Message[Any], entry: QueueEntry) -> None:
        super().__init__(message, redelivered=entry.redelivered, level=-entry.negative_level)
        self.entry = entry


class EmbeddedBroker(Enqueueing, StubBroker):
    """Dramatiq's in-memory broker with priorities, outcomes and messages that can be requeued.

    Its messages live as long as the process.

    Attributes:
        is_consumed: whether a worker has begun to take messages.

    Args:
        prefetch: how many messages a consumer may hold; the worker threads.
        unknown_actor: stands in for operations that this process does not know.
    """

    def __init__(
        self,
        *,
        prefetch: int,
        middleware: list[Middleware] | None = None,
        unknown_actor: Actor[..., Any] | None = None,
    ) -> None:
        super().__init__(middleware or [])
        self.prefetch = prefetch
        self.unknown_actor = unknown_actor
        # Nothing empties this list in a server, so it is bounded.
        dead_letters: Any = defaultdict(lambda: deque(maxlen=KEPT_DEAD_LETTERS))
        self.dead_letters_by_queue = dead_letters
        self._numbers = itertools.count()
        self._declaring = threading.RLock()
        self._closed = False
        self.is_consumed = False

    def declare_queue(self, queue_name: str) -> None:
        """Create a queue unless it exists, without a delay queue."""
        with self._declaring:
            if queue_name in self.queues:
                return
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = PriorityQueue()
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 100) -> "EmbeddedConsumer":
        """Make a consumer.

        Args:
            queue_name: the queue.
            prefetch: bounded by the broker's own.
            timeout: how long it waits for a message before it yields None, in milliseconds.

        Raises:
            QueueNotFound: the queue was never declared or used.
        """
        if queue_name not in self.queues:
            raise QueueNotFound(queue_name)
        self.is_consumed = True
        return EmbeddedConsumer(
            queue_name,
            self.queues[queue_name],
            self.dead_letters_by_queue[queue_name],
            prefetch=min(prefetch, self.prefetch),
            idle_s=timeout / 1000,
        )

    def publish(self, messages: Sequence[OutgoingMessage]) -> list[PublishOutcome]:
        """Put messages into their queues, which are created if necessary."""
        if self._closed:
            return [PublishOutcome.UNAVAILABLE] * len(messages)
        for outgoing in messages:
            self.declare_queue(outgoing.routing_key)
            entry = QueueEntry(-outgoing.level(), next(self._numbers), outgoing.message.encode())
            self.queues[outgoing.routing_key].put(entry)
        return [PublishOutcome.CONFIRMED] * len(messages)

    def ready_messages(self, queue: str) -> int | None:
        """Count the messages of a queue that no worker has fetched; None if there is no queue."""
        return self.queues[queue].qsize() if queue in self.queues else None

    def flush_all(self) -> None:
        """Drop all messages of all queues."""
        for queue_name in list(self.queues):
            self.flush(queue_name)
        for dead_letters in self.dead_letters_by_queue.values():
            dead_letters.clear()

    def join(
        self, queue_name: str, *, timeout: int | None = None, fail_fast: bool | None = None
    ) -> None:
        """Wait until all messages of a queue are acknowledged; for tests.

        Args:
            queue_name: the queue.
            timeout: in milliseconds.
            fail_fast: whether the error of a dropped message is raised here.

        Raises:
            QueueNotFound: the queue was never declared or used.
            QueueJoinTimeout: the time is over.
        """
        if queue_name not in self.queues:
            raise QueueNotFound(queue_name)
        join_queue(self.queues[queue_name], timeout=timeout and timeout / 1000)
        if self.fail_fast_default if fail_fast is None else fail_fast:
            for message in self.dead_letters_by_queue[queue_name]:
                raise message._exception or RuntimeError("A message failed.")  # noqa: SLF001

    def close(self) -> None:
        """Take no more messages."""
        self._closed = True


class EmbeddedConsumer(dramatiq.Consumer):
    """Yields the messages of a queue in memory, up to the prefetch at a time."""

    def __init__(
        self,
        queue_name: str,
        queue: "PriorityQueue[QueueEntry]",
        dead_letters: Any,
        *,
        prefetch: int,
        idle_s: float,
    ) -> None:
        self._queue_name = queue_name
        self._queue = queue
        self._dead_letters = dead_letters
        self._idle_s = idle_s
        self._free = threading.Semaphore(prefetch)

    def __next__(self) -> MessageProxy | None:
        """Wait for a message for the idle time."""
        if not self._free.acquire(timeout=self._idle_s):
            return None
        try:
            entry = self._queue.get(timeout=self._idle_s)
        except Empty:
            self._free.release()
            return None
        try:
            return EmbeddedMessage(Message.decode(entry.body), entry)
        except DecodeError:
            log.error(LogEvent.MESSAGE_REJECTED, bytes=len(entry.body))
            self._acknowledged()
            return None

    def ack(self, message: MessageProxy) -> None:
        """Acknowledge a processed message, or requeue it if it is so marked."""
        assert isinstance(message, EmbeddedMessage)
        if message.requeue_after is None:
            self._acknowledged()
        elif message.requeue_after:
            timer = threading.Timer(
                message.requeue_after.total_seconds(), self._put_back, [message]
            )
            timer.daemon = True
            timer.start()
        else:
            self._put_back(message)

    def nack(self, message: MessageProxy) -> None:
        """Drop a failed message, or requeue it if it is so marked."""
        assert isinstance(message, EmbeddedMessage)
        if message.requeue_after is None:
            self._dead_letters.append(message)
        self.ack(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Requeue what a stopping worker has fetched and not begun."""
        for message in messages:
            assert isinstance(message, EmbeddedMessage)
            self._put_back(message)

    def _put_back(self, message: EmbeddedMessage) -> None:
        self._queue.put(message.entry._replace(redelivered=True))
        self._acknowledged()

    def _acknowledged(self) -> None:
        self._queue.task_done()
        self._free.release()
