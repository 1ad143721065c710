"""The publisher's one connection of a process, on its own thread."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pika
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel
from pika.exceptions import StreamLostError
from pika.frame import Method

from callboard.actors.amqp import connection_parameters, queue_arguments, reason_of, server_version
from callboard.actors.levels import QueueType, levels_of
from callboard.actors.publisher.breaker import Breaker, ConnectionState
from callboard.actors.publisher.inquiries import Inquiries, QueueAnswer
from callboard.actors.publisher.outgoing import PendingMessage, PublishBatch, PublishOutcome
from callboard.actors.publisher.probe import NO_ROOM, Trials, trouble_of
from callboard.actors.publisher.sending import Sender
from callboard.config.tls import TLS
from callboard.jobs.connection.process_name import ProcessName
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

CLOSING_CHECK_S: Final = 0.02

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Server:
    """Where to connect, and how queues are declared there.

    Args:
        patience_s: how long a handshake or a confirm may take before callers are refused.
    """

    url: str
    tls: TLS
    process: ProcessName
    queue_type: QueueType
    max_priority: int
    patience_s: float
    queues: tuple[str, ...] = ()


# long: the callbacks of one connection share its state.
class PublisherConnection:
    """Publishes callers' messages with confirms, and reconnects by itself for ever.

    Methods without an underscore may be called from any thread; all others run on the
    connection's own thread (a greenlet where gevent has patched the process).
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._breaker = Breaker(server.patience_s)
        self._loop = IOLoop()
        self._outbox: deque[PendingMessage] = deque()
        self._counts: deque[tuple[str, Callable[[QueueAnswer], None]]] = deque()
        self._flush_due = False
        self._connecting = False
        self._connection: pika.SelectConnection | None = None
        self._inquiries: Inquiries | None = None
        self._sender: Sender | None = None
        self._away_since: float | None = None
        self._close_by: float | None = None
        self._trials = Trials(server.queues)
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    @property
    def state(self) -> ConnectionState:
        """Return what the connection is doing."""
        return self._breaker.state

    def trouble(self) -> str | None:
        """Return `RabbitmqPublisher.trouble`, and test it again soon."""
        if self._trials.due:
            self._loop.add_callback_threadsafe(self._try)
        return self._trials.trouble

    def start(self) -> None:
        """Start the thread, once."""
        self._thread.start()

    def refuses(self) -> bool:
        """Return whether a message would wait in vain."""
        sender = self._sender
        return self._breaker.refuses(sender.oldest_sent_at if sender else None)

    def submit(self, batch: PublishBatch) -> None:
        """Submit messages, which are sent together with those of other callers."""
        self._outbox.extend(batch.pending_messages)
        if not self._flush_due:
            self._flush_due = True
            self._loop.add_callback_threadsafe(self._flush)

    def count(self, queue: str, on_answer: Callable[[QueueAnswer], None]) -> None:
        """Request a queue's number of ready messages; a lost connection gives no answer."""
        self._counts.append((queue, on_answer))
        self._loop.add_callback_threadsafe(self._ask)

    def close(self, timeout_s: float) -> None:
        """Send and confirm outstanding messages within a time limit, then close.

        A handshake without an answer outlasts this, and ends by its own timeout.
        """
        close_by = time.monotonic() + timeout_s
        self._loop.add_callback_threadsafe(lambda: self._close(close_by))
        self._thread.join(timeout_s + 1.0)

    def _run(self) -> None:
        try:
            self._connect()
            self._loop.start()
        finally:
            # Whatever ends the thread, no caller may wait for it any longer.
            self._breaker.enter(ConnectionState.CLOSED)
            self._resolve_unavailable()
            self._loop.close()

    def _connect(self) -> None:
        if self._close_by is not None:
            return
        try:
            parameters = connection_parameters(
                self._server.url,
                name="publisher",
                process=self._server.process,
                tls=self._server.tls,
            )
        except OSError as error:  # a certificate file is missing for now
            self._on_lost(error)
            return
        self._connecting = True
        pika.SelectConnection.create_connection(
            [parameters],
            on_done=self._on_connected,
            custom_ioloop=self._loop,
        )

    def _on_connected(self, connection: pika.SelectConnection | BaseException) -> None:
        self._connecting = False
        if isinstance(connection, BaseException):
            self._on_lost(connection)
            return
        self._connection = connection
        connection.add_on_close_callback(lambda _, reason: self._on_lost(reason))
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(lambda *_: self._on_usable())
        self._inquiries = Inquiries(lambda opened: connection.channel(on_open_callback=opened))
        connection.channel(on_open_callback=self._on_channel)
        self._ask()
        if self._close_by is not None:
            self._close(self._close_by)

    def _on_channel(self, channel: Channel) -> None:
        assert self._inquiries
        version = server_version(channel.connection.server_properties)
        arguments = queue_arguments(self._server.queue_type, self._server.max_priority, version)
        levels = levels_of(self._server.queue_type, version)
        sender = Sender(channel, self._inquiries, arguments, levels, self._breaker.hear)

        def on_confirming(_frame: Method[Any]) -> None:
            self._sender = sender
            self._on_usable()

        channel.add_on_close_callback(self._on_channel_closed)
        channel.confirm_delivery(sender.on_confirm, callback=on_confirming)

    def _on_usable(self) -> None:
        self._breaker.enter(ConnectionState.OPEN)
        if self._away_since is not None:
            log.warning(
                LogEvent.RABBITMQ_CONNECTION_RESTORED,
                away_s=round(time.monotonic() - self._away_since, 1),
            )
            self._away_since = None
        self._try()
        self._flush()

    def _try(self) -> None:
        if self._connection and self._sender and self.state is ConnectionState.OPEN:
            self._trials.make(self._connection, self._sender.queue_arguments)

    def _on_blocked(self, _connection: pika.SelectConnection, frame: Method[Any]) -> None:
        self._breaker.enter(ConnectionState.BLOCKED)
        self._trials.end(NO_ROOM)
        self._go_away(f"it blocks publishers: {frame.method.reason}")

    def _on_channel_closed(self, channel: Channel, reason: BaseException) -> None:
        """Close the connection: only a fault closes our channel, and its confirms are lost."""
        if channel.connection.is_open and self._close_by is None:
            log.warning(LogEvent.PUBLISHER_CHANNEL_CLOSED, reason=reason_of(reason))
            self._trials.end(trouble_of(reason))
            channel.connection.close()

    def _on_lost(self, reason: BaseException) -> None:
        if self._sender:
            self._outbox.extendleft(reversed(self._sender.unanswered))
        self._connection = self._inquiries = self._sender = None
        self._trials.lose(reason)
        if self._close_by is not None:
            self._loop.stop()
            return
        delay_s = self._breaker.lose()
        if self._breaker.state is ConnectionState.AWAY:
            self._go_away(reason_of(reason))
        self._loop.call_later(delay_s, self._connect)

    def _go_away(self, reason: str) -> None:
        """Release all callers, and log the reason once for each outage."""
        if self._away_since is None:
            self._away_since = time.monotonic()
            log.warning(LogEvent.RABBITMQ_CONNECTION_LOST, reason=reason)
        self._counts.clear()
        self._resolve_unavailable()

    def _flush(self) -> None:
        self._flush_due = False
        if self._breaker.unused:
            self._resolve_unavailable()
        elif self._sender:
            self._sender.send(self._take_outbox())

    def _ask(self) -> None:
        while self._inquiries and self._counts:
            self._inquiries.count(*self._counts.popleft())

    def _resolve_unavailable(self) -> None:
        if self._sender:
            for pending in self._sender.unanswered:
                pending.resolve(PublishOutcome.UNAVAILABLE)
        for pending in self._take_outbox():
            pending.resolve(PublishOutcome.UNAVAILABLE)

    def _take_outbox(self) -> Iterator[PendingMessage]:
        while self._outbox:
            yield self._outbox.popleft()

    def _close(self, close_by: float) -> None:
        """Close once nothing waits; pika cannot stop a handshake, so let it finish."""
        self._close_by = close_by
        unanswered = self._outbox or (self._sender and self._sender.unanswered)
        hopeful = self._breaker.state in {ConnectionState.OPEN, ConnectionState.CONNECTING}
        if hopeful and unanswered and time.monotonic() < close_by:
            self._loop.call_later(CLOSING_CHECK_S, lambda: self._close(close_by))
        elif self._connection and self._connection.is_open:
            self._connection.close()
            self._loop.call_later(max(0.0, close_by - time.monotonic()), self._cut)
        elif not self._connecting and not self._connection:
            self._loop.stop()

    def _cut(self) -> None:
        """Terminate the connection at once; pika has no public way to do this."""
        if self._connection:
            self._connection._terminate_stream(StreamLostError("not closed in time"))  # noqa: SLF001
