"""Messages to publish, and their outcomes."""

import threading
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any, Final

import pika
from dramatiq import Message

from callboard.actors.encoding import CONTENT_TYPE
from callboard.actors.levels import Levels, level_of
from callboard.jobs.submission import HIGHEST_PRIORITY

APP_ID: Final = "callboard"
PERSISTENT: Final = 2
SHORT_STRING_BYTES: Final = 255


@unique
class PublishOutcome(StrEnum):
    """What the publisher knows about a message when its caller goes on."""

    CONFIRMED = "confirmed"
    """RabbitMQ has it, in a durable queue."""
    REFUSED = "refused"
    """RabbitMQ refused it: nack, no such queue, or other queue arguments."""
    EXPIRED = "expired"
    """No answer before the deadline; it may or may not have arrived."""
    UNAVAILABLE = "unavailable"
    """RabbitMQ is known to be unavailable or blocked; a sent message may have arrived."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message for a queue.

    Args:
        priority: 0 to 10; the higher goes first.
        reserved: whether it goes before others of its priority.
        queue: the message's own queue unless another is given.
    """

    message: Message[Any]
    priority: int = 0
    reserved: bool = False
    queue: str = ""

    @property
    def routing_key(self) -> str:
        """Name the queue that the message goes to."""
        return self.queue or self.message.queue_name

    def __post_init__(self) -> None:
        if not 0 <= self.priority <= HIGHEST_PRIORITY:
            raise ValueError(
                f"The priority {self.priority} is not between 0 and {HIGHEST_PRIORITY}."
            )

    def level(self, levels: Levels = Levels.ALL) -> int:
        """Return its level in a queue that has these levels."""
        return level_of(self.priority, reserved=self.reserved, levels=levels)

    def properties(self, levels: Levels = Levels.ALL) -> "EncodedProperties":
        """Fill the AMQP properties, for the people who look at the management UI."""
        message = self.message
        request_id = message.options.get("request_id")
        return EncodedProperties(
            app_id=APP_ID,
            content_type=CONTENT_TYPE,
            correlation_id=_short(request_id) if isinstance(request_id, str) else None,
            delivery_mode=PERSISTENT,
            message_id=_short(message.message_id),
            priority=self.level(levels),
            timestamp=message.message_timestamp // 1000,
            type=_short(message.actor_name),
        )


class EncodedProperties(pika.BasicProperties):  # type: ignore[misc]  # pika has no types
    """Properties that are encoded when they are made, so in the caller's thread."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self._encoded = b"".join(super().encode())

    def encode(self) -> list[bytes]:
        """Return the encoded bytes, in a list of its own, for pika adds to it."""
        return [self._encoded]


@dataclass(slots=True)
class PendingMessage:
    """The way of one message through the publisher; only the publisher's thread resolves it."""

    outgoing: OutgoingMessage
    routing_key: str
    body: bytes
    properties: EncodedProperties
    expires_at: float
    batch: "PublishBatch"
    sent_at: float = 0.0
    sendings: int = 0
    returned: bool = False
    levels: Levels = Levels.ALL
    outcome: PublishOutcome | None = None

    def meet(self, levels: Levels) -> None:
        """Take the place that it has in a queue with these levels."""
        if self.levels is not levels:
            self.levels, self.properties = levels, self.outgoing.properties(levels)

    def resolve(self, outcome: PublishOutcome) -> None:
        """Fix the outcome; the first one stays."""
        if self.outcome is None:
            self.outcome = outcome
            self.batch.count_resolved()


@dataclass(slots=True)
class PublishBatch:
    """The messages of one caller, who waits until all of them are resolved."""

    pending_messages: list[PendingMessage] = field(default_factory=list)
    _resolved: int = 0
    _done: threading.Event = field(default_factory=threading.Event)

    def add(self, outgoing: OutgoingMessage, expires_at: float) -> None:
        """Encode a message in the caller's thread, so that its errors are the caller's."""
        self.pending_messages.append(
            PendingMessage(
                outgoing=outgoing,
                routing_key=outgoing.routing_key,
                body=outgoing.message.encode(),
                properties=outgoing.properties(),
                expires_at=expires_at,
                batch=self,
            )
        )

    def count_resolved(self) -> None:
        """Wake the caller at the last one."""
        self._resolved += 1
        if self._resolved == len(self.pending_messages):
            self._done.set()

    def outcomes(self, timeout_s: float) -> list[PublishOutcome]:
        """Wait for the outcomes, at most so long; what is open then has expired."""
        self._done.wait(timeout_s)
        return [pending.outcome or PublishOutcome.EXPIRED for pending in self.pending_messages]


def _short(text: str) -> str:
    """Cut a text to what an AMQP short string holds."""
    return text.encode()[:SHORT_STRING_BYTES].decode(errors="ignore")
