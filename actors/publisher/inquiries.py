"""Declares and counts queues, one at a time, on a channel that a refusal may close."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pika.channel import Channel
from pika.exceptions import ChannelClosedByBroker
from pika.frame import Method


@dataclass(frozen=True, slots=True)
class QueueRefusal:
    """A refusal of RabbitMQ, with its code and text."""

    code: int
    text: str


QueueAnswer = int | QueueRefusal
"""How many messages of a queue are ready, or why RabbitMQ would not say."""


@dataclass(frozen=True, slots=True)
class _Inquiry:
    queue: str
    arguments: dict[str, Any] | None
    on_answer: Callable[[QueueAnswer], None]


class Inquiries:
    """Declares and counts queues of one connection.

    RabbitMQ closes the channel on which it refuses a declaration, so these have a channel of
    their own beside the one that publishes. A lost connection leaves its questions unanswered.
    """

    def __init__(self, open_channel: Callable[[Callable[[Channel], None]], None]) -> None:
        self._open_channel = open_channel
        self._channel: Channel | None = None
        self._opening = False
        self._asked: _Inquiry | None = None
        self._waiting: deque[_Inquiry] = deque()

    def declare(
        self, queue: str, arguments: dict[str, Any], on_answer: Callable[[QueueAnswer], None]
    ) -> None:
        """Declare the queue, which may exist with the same arguments."""
        self._ask(_Inquiry(queue, arguments, on_answer))

    def count(self, queue: str, on_answer: Callable[[QueueAnswer], None]) -> None:
        """Request a queue's number of ready messages, without declaring it."""
        self._ask(_Inquiry(queue, None, on_answer))

    def _ask(self, inquiry: _Inquiry) -> None:
        self._waiting.append(inquiry)
        self._next()

    def _next(self) -> None:
        if self._asked or self._opening or not self._waiting:
            return
        if self._channel is None:
            self._opening = True
            self._open_channel(self._on_open)
            return
        self._asked = self._waiting.popleft()
        self._channel.queue_declare(
            self._asked.queue,
            passive=self._asked.arguments is None,
            durable=True,
            arguments=self._asked.arguments,
            callback=self._on_declared,
        )

    def _on_open(self, channel: Channel) -> None:
        self._opening = False
        self._channel = channel
        channel.add_on_close_callback(self._on_closed)
        self._next()

    def _on_declared(self, frame: Method[Any]) -> None:
        self._answer(frame.method.message_count)

    def _on_closed(self, _channel: Channel, reason: BaseException) -> None:
        self._channel = None
        if isinstance(reason, ChannelClosedByBroker):
            self._answer(QueueRefusal(reason.reply_code, reason.reply_text))

    def _answer(self, answer: QueueAnswer) -> None:
        asked, self._asked = self._asked, None
        if asked:
            asked.on_answer(answer)
        self._next()
