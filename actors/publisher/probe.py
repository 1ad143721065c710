"""Tests whether RabbitMQ would accept a message now, without delivering one."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import pika
from pika.channel import Channel
from pika.exceptions import (
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ConnectionClosedByClient,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from callboard.actors.amqp import is_only_delivery_limit, reason_of
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

NO_RIGHTS: Final = "denies the user permissions that jobs need"
NO_ROOM: Final = "accepts no messages: memory or disk space is low"
_NO_USER: Final = "rejects the user or password"
_NO_HOST: Final = "denies the user access to the virtual host"
_OF_CONNECTIONS: Final = {403: _NO_USER, 530: _NO_HOST}
_OF_CHANNELS: Final = {
    403: NO_RIGHTS,
    405: "has a queue that belongs to another connection",
    406: "has a queue with other arguments than this version declares",
}
TRY_EVERY_S: Final = 5.0

log = get_logger(__name__)


def trouble_of(error: BaseException) -> str:
    """Return why RabbitMQ cannot be used; completes a sentence that begins with its name.

    It quotes nothing: RabbitMQ's own text, with the name of its user, is only logged.
    """
    if isinstance(error, ProbableAuthenticationError):
        return _NO_USER
    if isinstance(error, ProbableAccessDeniedError):
        return _NO_HOST
    if isinstance(error, ChannelClosedByBroker | ConnectionClosedByBroker):
        login = isinstance(error, ConnectionClosedByBroker)
        said = _OF_CONNECTIONS if login else _OF_CHANNELS
        if error.reply_code in said:
            return said[error.reply_code]
    # Pika wraps the cause in the error of its last attempt, and that in another.
    for cause in (getattr(error, "exception", None), *reversed(_causes(error))):
        if isinstance(cause, BaseException):
            return trouble_of(cause)
    return "does not answer"


def _causes(error: BaseException) -> tuple[object, ...]:
    return (*error.args, *getattr(error, "exceptions", ()))


class Trials:
    """What keeps messages out, as far as is known, and when to find out again.

    Args:
        queues: that are used; without any nothing is tried.
    """

    def __init__(self, queues: Sequence[str]) -> None:
        self._queues = queues
        self._made_at = float("-inf")
        self.trouble: str | None = "does not answer yet"

    @property
    def due(self) -> bool:
        """Whether the last one is old."""
        return time.monotonic() - self._made_at > TRY_EVERY_S

    def make(self, connection: pika.SelectConnection, arguments: dict[str, Any]) -> None:
        """Make one on an open connection, if it is due; `arguments` are those of queues there."""
        if not self._queues:
            self.trouble = None
        elif self.due:
            self._made_at = time.monotonic()
            Probe(
                lambda opened: connection.channel(on_open_callback=opened),
                self._queues,
                arguments,
                self._on_answer,
            )

    def end(self, trouble: str) -> None:
        """Note what became known otherwise; the next connection makes another trial."""
        self.trouble = trouble
        self._made_at = float("-inf")

    def lose(self, reason: BaseException) -> None:
        """Note why a connection was lost, unless we closed it, for a reason that is known."""
        known = isinstance(reason, ConnectionClosedByClient) and self.trouble
        self.end(known or trouble_of(reason))

    def _on_answer(self, refusal: BaseException | None) -> None:
        trouble = None if refusal is None else trouble_of(refusal)
        if refusal is not None and trouble != self.trouble:
            log.error(LogEvent.RABBITMQ_ACCESS_REFUSED, trouble=trouble, reason=reason_of(refusal))
        self.trouble = trouble


class Probe:
    """Declares our queues and publishes to none, on a channel of its own, once.

    A channel keeps the rights that it has used, whatever is taken from its user later.

    Args:
        open_channel: of a connection; when that is lost no answer comes.
        queues: as RabbitMQ knows them.
        arguments: with which they are declared.
        on_answer: gets None when a message would be taken, else RabbitMQ's refusal.
    """

    def __init__(
        self,
        open_channel: Callable[[Callable[[Channel], None]], None],
        queues: Sequence[str],
        arguments: dict[str, Any],
        on_answer: Callable[[BaseException | None], None],
    ) -> None:
        self._queues = queues
        self._arguments = arguments
        self._on_answer = on_answer
        open_channel(self._on_open)

    def _on_open(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._on_closed)
        channel.confirm_delivery(lambda _frame: channel.close(), callback=lambda _frame: None)
        for queue in self._queues:
            channel.queue_declare(
                queue, durable=True, arguments=self._arguments, callback=lambda _frame: None
            )
        # Nothing is bound to the empty name: RabbitMQ looks at our rights, and drops it.
        channel.basic_publish("", "", b"")

    def _on_closed(self, _channel: Channel, reason: BaseException) -> None:
        refused = isinstance(reason, ChannelClosedByBroker)
        if refused and is_only_delivery_limit(str(getattr(reason, "reply_text", ""))):
            refused = False
        self._on_answer(reason if refused else None)
