"""One connection of a consumer, and the messages that only it can acknowledge."""

import secrets
from collections import OrderedDict, deque
from datetime import timedelta
from functools import partial
from typing import Any, Final, NamedTuple

import pika
from dramatiq import Message
from dramatiq.errors import DecodeError
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker, StreamLostError

from callboard.actors.amqp import (
    UNNAMED,
    is_only_delivery_limit,
    queue_arguments,
    server_version,
)
from callboard.actors.broker.received_message import ReceivedMessage
from callboard.actors.levels import QueueType, is_of_earlier_version
from callboard.jobs.connection.process_name import ProcessName
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

CLOSE_S: Final = 3.0
PRECONDITION_FAILED: Final = 406

log = get_logger(__name__)


class SessionMessage(ReceivedMessage):
    """A delivery and its session: its tag is valid only there."""

    def __init__(
        self,
        message: Message[Any],
        *,
        redelivered: bool,
        level: int,
        session: "Session",
        tag: int,
    ) -> None:
        super().__init__(message, redelivered=redelivered, level=level)
        self.session = session
        self.tag = tag


class Acknowledgement(NamedTuple):
    """An acknowledgement, rejection or requeue of a delivery."""

    tag: int
    rejected: bool
    requeue_after: timedelta | None


class Session:
    """Fetches messages of one queue until its connection is lost.

    `acknowledge` may be called from any thread, all else from one thread at a time.

    Raises:
        AMQPError: no connection can be made.
        OSError: the same.
    """

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        parameters: pika.URLParameters,
        queue: str,
        *,
        prefetch: int,
        idle_s: float,
        queue_type: QueueType,
        process: ProcessName = UNNAMED,
        max_priority: int,
    ) -> None:
        self._queue = queue
        self._open_tags: OrderedDict[int, None] = OrderedDict()
        self._acknowledgements: deque[Acknowledgement] = deque()
        self._acknowledging_due = False
        self._connection = pika.BlockingConnection(parameters)
        try:
            version = server_version(self._connection._impl.server_properties)  # noqa: SLF001
            self._channel = self._declare(queue_arguments(queue_type, max_priority, version))
            self._channel.basic_qos(prefetch_count=prefetch)
            self._frames = self._channel.consume(
                queue,
                inactivity_timeout=idle_s,
                consumer_tag=f"{process.without_spaces()}-{secrets.token_hex(4)}",
            )
        except BaseException:
            self.close()
            raise

    def fetch(self) -> ReceivedMessage | None:
        """Wait for a message; None if none came, or one that is not ours was rejected.

        Raises:
            AMQPError: the connection is lost.
            StopIteration: RabbitMQ ended the consumer, as when its queue is deleted.
        """
        method, properties, body = next(self._frames)
        if method is None:
            return None
        try:
            message = Message.decode(body)
        except DecodeError as error:
            log.error(
                LogEvent.MESSAGE_REJECTED,
                queue=self._queue,
                job=properties.message_id,
                operation=properties.type,
                bytes=len(body),
                reason=str(error.error or error),
            )
            self._channel.basic_reject(method.delivery_tag, requeue=False)
            return None
        self._open_tags[method.delivery_tag] = None
        return SessionMessage(
            # The worker finds the consumer of a message by this name.
            message.copy(queue_name=self._queue) if message.queue_name != self._queue else message,
            redelivered=method.redelivered,
            level=properties.priority or 0,
            session=self,
            tag=method.delivery_tag,
        )

    def acknowledge(self, delivery: SessionMessage, *, rejected: bool) -> bool:
        """Acknowledge, reject or requeue a message, soon, on the consumer's thread.

        Returns:
            False if the connection is lost; then RabbitMQ has requeued the message itself.
        """
        self._acknowledgements.append(
            Acknowledgement(delivery.tag, rejected, delivery.requeue_after)
        )
        if self._acknowledging_due and self._connection.is_open:
            return True
        self._acknowledging_due = True
        try:
            self._connection.add_callback_threadsafe(self._send_acknowledgements)
        except AMQPError:
            return False
        return True

    def close(self) -> None:
        """Send outstanding acknowledgements and close; RabbitMQ requeues all other messages."""
        if not self._connection.is_open:
            return
        try:
            self._bound_closing()
            self._send_acknowledgements()
            self._connection.close()
        except (AMQPError, AssertionError, OSError):
            log.debug(LogEvent.CONSUMER_CONNECTION_LOST, queue=self._queue)

    def _bound_closing(self) -> None:
        """Terminate the connection after a while: pika alone would wait for a missed heartbeat."""
        connection = self._connection._impl  # noqa: SLF001 - pika has no public way
        overdue = StreamLostError("not closed in time")
        connection._adapter_call_later(  # noqa: SLF001
            CLOSE_S,
            lambda: connection._terminate_stream(overdue),  # noqa: SLF001
        )

    def _declare(self, arguments: dict[str, Any]) -> BlockingChannel:
        """Declare the queue; one with other arguments is consumed as it is."""
        channel, refusal = self._try_to_declare(arguments)
        if is_of_earlier_version(refusal) and self._removed_unused():
            channel, refusal = self._try_to_declare(arguments)
        if is_of_earlier_version(refusal):
            log.warning(LogEvent.QUEUE_LEVELS_OUTDATED, queue=self._queue)
        elif refusal and not is_only_delivery_limit(refusal):
            log.error(
                LogEvent.QUEUE_ARGUMENTS_MISMATCHED,
                queue=self._queue,
                reason=refusal,
            )
        return channel

    def _try_to_declare(self, arguments: dict[str, Any]) -> tuple[BlockingChannel, str]:
        """Return an open channel, and the refusal if the queue has other arguments."""
        channel = self._connection.channel()
        try:
            channel.queue_declare(self._queue, durable=True, arguments=arguments)
        except ChannelClosedByBroker as error:
            if error.reply_code != PRECONDITION_FAILED:
                raise
            return self._connection.channel(), str(error.reply_text)
        return channel, ""

    def _removed_unused(self) -> bool:
        """Delete the queue if it is empty and has no other consumer."""
        try:
            channel = self._connection.channel()
            channel.queue_delete(self._queue, if_unused=True, if_empty=True)
        except ChannelClosedByBroker:
            return False
        channel.close()
        return True

    def _send_acknowledgements(self) -> None:
        self._acknowledging_due = False
        acknowledged: set[int] = set()
        while self._acknowledgements:
            acknowledgement = self._acknowledgements.popleft()
            after = acknowledgement.requeue_after
            if after:
                again = partial(self._return, acknowledgement.tag, requeue=True)
                self._connection.call_later(after.total_seconds(), again)
            elif acknowledgement.rejected or after is not None:
                self._return(acknowledgement.tag, requeue=after is not None)
            else:
                acknowledged.add(acknowledgement.tag)
        self._send_acks(acknowledged)

    def _return(self, tag: int, *, requeue: bool) -> None:
        if tag in self._open_tags:
            del self._open_tags[tag]
            self._channel.basic_nack(tag, requeue=requeue)

    def _send_acks(self, tags: set[int]) -> None:
        """Acknowledge by one frame up to the first open delivery, then one by one."""
        last = 0
        while self._open_tags and (first := next(iter(self._open_tags))) in tags:
            self._open_tags.popitem(last=False)
            tags.remove(first)
            last = first
        if last:
            self._channel.basic_ack(last, multiple=True)
        for tag in tags & self._open_tags.keys():
            del self._open_tags[tag]
            self._channel.basic_ack(tag)
