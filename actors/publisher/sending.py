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
from callboard.actors.publisher.inquiries import Answer, Inquiries, Refusal
from callboard.actors.publisher.outgoing import Outcome, Slip
from callboard.config.lines import get_logger

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
        self._awaiting_queue: dict[str, deque[Slip]] = {}
        self._refused_until: dict[str, float] = {}
        self._reported: set[str] = set()
        channel.add_on_return_callback(self._on_return)

    @property
    def oldest_sent_at(self) -> float | None:
        """Say when the longest unanswered message was sent, on the monotonic clock."""
        return self._confirms.oldest_sent_at

    @property
    def unanswered(self) -> list[Slip]:
        """List the messages that are on their way or wait for their queue."""
        return [*self._confirms.slips, *chain.from_iterable(self._awaiting_queue.values())]

    def send(self, slips: Iterable[Slip]) -> None:
        """Publish messages, after their queues were declared; drop what nobody waits for."""
        for slip in slips:
            self._send(slip)
        self._framing.write()

    def _send(self, slip: Slip) -> None:
        if slip.outcome is not None:
            return
        if slip.expires_at <= time.monotonic():
            slip.settle(Outcome.EXPIRED)
        elif slip.sendings >= SENDINGS:
            slip.settle(Outcome.REFUSED if slip.returned else Outcome.UNAVAILABLE)
        elif levels := self._levels_of(slip.routing_key):
            slip.meet(levels)
            slip.sendings += 1
            slip.sent_at = time.monotonic()
            slip.returned = False
            self._confirms.add(slip)
            self._framing.add(slip)
        elif self._refused_until.get(slip.routing_key, 0.0) > time.monotonic():
            slip.settle(Outcome.REFUSED)
        else:
            self._declare(slip)

    def _levels_of(self, queue: str) -> Levels | None:
        """Say which levels a queue has; None for one that is to be declared first."""
        if queue in self._declared:
            return self._levels
        if self._earlier_until.get(queue, 0.0) > time.monotonic():
            return Levels.EARLIER
        return None

    def on_confirm(self, frame: Method[Any]) -> None:
        """Settle what RabbitMQ acknowledges or refuses."""
        self._on_heard()
        method = frame.method
        acknowledged = isinstance(method, Basic.Ack)
        taken = self._confirms.take(method.delivery_tag, multiple=method.multiple)
        for slip in taken:
            if not acknowledged:
                slip.settle(Outcome.REFUSED)
            elif not slip.returned:
                slip.settle(Outcome.CONFIRMED)
        self.send(slip for slip in taken if slip.returned)

    def _on_return(
        self, _channel: Channel, method: Basic.Return, properties: BasicProperties, _body: bytes
    ) -> None:
        """Forget a queue that is gone: its messages come here before they are confirmed."""
        self._declared.discard(method.routing_key)
        self._earlier_until.pop(method.routing_key, None)
        self._confirms.note_returned(properties.message_id, method.routing_key)

    def _declare(self, slip: Slip) -> None:
        queue = slip.routing_key
        if queue in self._awaiting_queue:
            waiting = self._awaiting_queue[queue]
            waiting.append(slip)
            # A queue without a majority may leave its declaration unanswered for hours.
            while waiting and waiting[0].expires_at <= time.monotonic():
                waiting.popleft().settle(Outcome.EXPIRED)
            return
        self._awaiting_queue[queue] = deque([slip])
        self._inquiries.declare(
            queue, self.queue_arguments, lambda answer: self._on_declared(queue, answer)
        )

    def _on_declared(self, queue: str, answer: Answer) -> None:
        if isinstance(answer, Refusal) and is_of_earlier_version(answer.text):
            self._earlier_until[queue] = time.monotonic() + EARLIER_QUEUE_S
        elif isinstance(answer, Refusal) and not is_only_delivery_limit(answer.text):
            self._refused_until[queue] = time.monotonic() + REFUSED_QUEUE_S
            if queue not in self._reported:
                self._reported.add(queue)
                log.error("rabbitmq refuses the queue", queue=queue, reason=answer.text)
        else:
            self._declared.add(queue)
            self._reported.discard(queue)
        self.send(self._awaiting_queue.pop(queue))
