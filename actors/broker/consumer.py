"""Consumes one queue, reconnecting as often as needed."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Final

import dramatiq
import pika
from dramatiq import MessageProxy
from pika.exceptions import AMQPError

from callboard.actors.amqp import reason_of
from callboard.actors.broker.session import Session, SessionMessage
from callboard.jobs.backoff import Backoff
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

BACKOFF: Final = Backoff(timedelta(seconds=0.1), timedelta(seconds=2))

log = get_logger(__name__)


class Consumer(dramatiq.Consumer):
    """Yields the messages of a queue, or None, whatever happens to RabbitMQ.

    A lost connection is replaced here, with one log line for each outage, so that the worker is
    not affected. Deliveries of a lost connection can still be acknowledged, without effect, since
    RabbitMQ has requeued those messages.
    """

    def __init__(
        self, connect_to: Callable[[], pika.URLParameters], queue: str, **session: Any
    ) -> None:
        self._connect_to = connect_to
        self._queue = queue
        self._session_options = session
        self._session: Session | None = None
        self._in_use = threading.Lock()
        self._closing = threading.Event()
        self._failures = 0
        self._away_since: float | None = None

    def __next__(self) -> MessageProxy | None:
        """Wait for a message for the idle time; connect first if necessary."""
        with self._in_use:
            if self._closing.is_set():
                return None
            try:
                return self._open_session().fetch()
            except (AMQPError, AssertionError, OSError, StopIteration) as error:
                self._lose(error)
        self._closing.wait(BACKOFF.seconds(self._failures))
        return None

    def ack(self, message: MessageProxy) -> None:
        """Acknowledge a processed message on its own connection."""
        self._acknowledge(message, rejected=False)

    def nack(self, message: MessageProxy) -> None:
        """Drop a failed message, or requeue it if it is so marked."""
        self._acknowledge(message, rejected=True)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Leave it to RabbitMQ, which requeues unacknowledged messages when a connection ends."""

    def close(self) -> None:
        """Acknowledge processed messages and close; any thread may call this, repeatedly."""
        self._closing.set()
        with self._in_use:
            session, self._session = self._session, None
            if session:
                session.close()

    def _open_session(self) -> Session:
        if self._session is None:
            self._session = Session(self._connect_to(), self._queue, **self._session_options)
            if self._away_since is not None:
                away_s = round(time.monotonic() - self._away_since, 1)
                log.warning(LogEvent.CONSUMER_RESTORED, queue=self._queue, away_s=away_s)
                self._away_since = None
        return self._session

    def _lose(self, error: BaseException) -> None:
        session, self._session = self._session, None
        if session:
            session.close()
            self._failures = 0
        self._failures += 1
        if self._away_since is None:
            self._away_since = time.monotonic()
            log.warning(LogEvent.CONSUMER_DISCONNECTED, queue=self._queue, reason=reason_of(error))

    def _acknowledge(self, message: MessageProxy, *, rejected: bool) -> None:
        assert isinstance(message, SessionMessage)
        if not message.session.acknowledge(message, rejected=rejected):
            log.debug(LogEvent.MESSAGE_CONNECTION_LOST, job=message.message_id)
