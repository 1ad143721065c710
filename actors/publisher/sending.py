"""Sends messages over one open connection, each to a queue that is known to exist."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final

from pika.channel import Channel
from pika.frame import Method
from pika.spec import Basic, BasicProperties

from callboard.actors.amqp import is_only_delivery_limit
from callboard.actors.levels import Levels, is_of_earlier_version
from callboard.actors.publisher.confirms import Confirms
from callboard.actors.publisher.framing import Framing
from callboard.actors.publisher.inquiries import Inquiries, QueueAnswer, QueueRefusal
from callboard.actors.publisher.outgoing import PendingMessage, PublishOutcome
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

SENDINGS: Final = 2
REFUSED_QUEUE_S: Final = 5.0
EARLIER_QUEUE_S: Final = 60.0
"""After that it is seen whether a queue of an earlier version has been made anew."""

log = get_logger(__name__)


class Sender:
    """Declares, publishes and confirms on one channel, until its connection is lost.

    Args:
        channel: in confirm mode once `on_confirm` is its callback.
        levels: of queues that are as this version declares them.
        on_heard: called whenever RabbitMQ answers for a message.
    """

    def __init__(
        self,
        channel: Channel,
        inquiries: Inquiries,
        queue_arguments: dict[str, Any],
        levels: Levels,
        on_heard: Callable[[], None],
    ) -> None:
        self._inquiries = inquiries
        self.queue_arguments: Final = queue_arguments
        self._levels = levels
        self._on_heard = on_heard
        self._framing = Framing(channel)
        self._confirms = Confirms()
        self._declared: set[str] = set()
        self._earlier_until: dict[str, float] = {}
        self._awaiting_queue: dict[str, deque[PendingMessage]] = {}
        self._refused_until: dict[str, float] = {}
        self._reported: set[str] = set()
        channel.add_on_return_callback(self._on_return)

    @property
    def oldest_sent_at(self) -> float | None:
        """Return when the longest unanswered message was sent, on the monotonic clock."""
        return self._confirms.oldest_sent_at

    @property
    def unanswered(self) -> list[PendingMessage]:
        """List the messages that are on their way or wait for their queue."""
        return [
            *self._confirms.pending_messages,
            *chain.from_iterable(self._awaiting_queue.values()),
        ]

    def send(self, pending_messages: Iterable[PendingMessage]) -> None:
        """Publish messages, after their queues were declared; drop those without a caller."""
        for pending in pending_messages:
            self._send(pending)
        self._framing.write()

    def _send(self, pending: PendingMessage) -> None:
        if pending.outcome is not None:
            return
        if pending.expires_at <= time.monotonic():
            pending.resolve(PublishOutcome.EXPIRED)
        elif pending.sendings >= SENDINGS:
            pending.resolve(
                PublishOutcome.REFUSED if pending.returned else PublishOutcome.UNAVAILABLE
            )
        elif levels := self._levels_of(pending.routing_key):
            pending.meet(levels)
            pending.sendings += 1
            pending.sent_at = time.monotonic()
            pending.returned = False
            self._confirms.add(pending)
            self._framing.add(pending)
        elif self._refused_until.get(pending.routing_key, 0.0) > time.monotonic():
            pending.resolve(PublishOutcome.REFUSED)
        else:
            self._declare(pending)

    def _levels_of(self, queue: str) -> Levels | None:
        """Return which levels a queue has; None for one that is to be declared first."""
        if queue in self._declared:
            return self._levels
        if self._earlier_until.get(queue, 0.0) > time.monotonic():
            return Levels.EARLIER
        return None

    def on_confirm(self, frame: Method[Any]) -> None:
        """Resolve what RabbitMQ acknowledges or refuses."""
        self._on_heard()
        method = frame.method
        acknowledged = isinstance(method, Basic.Ack)
        taken = self._confirms.take(method.delivery_tag, multiple=method.multiple)
        for pending in taken:
            if not acknowledged:
                pending.resolve(PublishOutcome.REFUSED)
            elif not pending.returned:
                pending.resolve(PublishOutcome.CONFIRMED)
        self.send(pending for pending in taken if pending.returned)

    def _on_return(
        self, _channel: Channel, method: Basic.Return, properties: BasicProperties, _body: bytes
    ) -> None:
        """Forget a queue that is gone: its messages come here before they are confirmed."""
        self._declared.discard(method.routing_key)
        self._earlier_until.pop(method.routing_key, None)
        self._confirms.note_returned(properties.message_id, method.routing_key)

    def _declare(self, pending: PendingMessage) -> None:
        queue = pending.routing_key
        if queue in self._awaiting_queue:
            waiting = self._awaiting_queue[queue]
            waiting.append(pending)
            # A queue without a majority may leave its declaration unanswered for hours.
            while waiting and waiting[0].expires_at <= time.monotonic():
                waiting.popleft().resolve(PublishOutcome.EXPIRED)
            return
        self._awaiting_queue[queue] = deque([pending])
        self._inquiries.declare(
            queue, self.queue_arguments, lambda answer: self._on_declared(queue, answer)
        )

    def _on_declared(self, queue: str, answer: QueueAnswer) -> None:
        if isinstance(answer, QueueRefusal) and is_of_earlier_version(answer.text):
            self._earlier_until[queue] = time.monotonic() + EARLIER_QUEUE_S
        elif isinstance(answer, QueueRefusal) and not is_only_delivery_limit(answer.text):
            self._refused_until[queue] = time.monotonic() + REFUSED_QUEUE_S
            if queue not in self._reported:
                self._reported.add(queue)
                log.error(LogEvent.RABBITMQ_QUEUE_REFUSED, queue=queue, reason=answer.text)
        else:
            self._declared.add(queue)
            self._reported.discard(queue)
        self.send(self._awaiting_queue.pop(queue))
