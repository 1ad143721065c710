"""Learns of cancellations at once: one Redis subscription for each worker process."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import redis

from callboard.jobs.backoff import Backoff
from callboard.jobs.outages import NO_RIGHTS, outage_of
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

BACKOFF: Final = Backoff(timedelta(seconds=0.1), timedelta(seconds=1))
LISTEN_SECONDS: Final = 1.0

log = get_logger(__name__)


class CancelListener:
    """Listens for the ids of cancelled jobs, some followed by `force`.

    What is published while the connection is down is missed; the next lease renewal reports it.
    If Redis denies the subscription, renewals are hurried instead.

    Args:
        client: for subscriptions.
        channel: the channel of the ids.
        on_cancel: called with each id and what follows it.
        on_return: called after each reconnect, to catch up.
    """

    def __init__(
        self,
        client: redis.Redis,
        channel: str,
        *,
        on_cancel: Callable[[str], object],
        on_return: Callable[[], object],
    ) -> None:
        self._client = client
        self._channel = channel
        self._on_cancel = on_cancel
        self._on_return = on_return
        self._closing = threading.Event()
        self._refused = False
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="cancels", daemon=True)

    def start(self) -> None:
        """Start to listen."""
        self._thread.start()

    def close(self, timeout: float = 3.0) -> None:
        """Stop listening."""
        self._closing.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._listen()
            except (redis.RedisError, OSError) as error:
                if outage_of(error) == NO_RIGHTS:
                    self._say_refused(str(error))
                    self._on_return()
                self._back_off()
            except Exception:
                log.exception(LogEvent.CANCEL_LISTENER_FAILED)
                self._back_off()

    def _back_off(self) -> None:
        self._failures += 1
        self._closing.wait(BACKOFF.seconds(self._failures))

    def _say_refused(self, reason: str) -> None:
        if not self._refused:
            self._refused = True
            log.warning(LogEvent.CANCEL_LISTENER_DISCONNECTED, reason=reason)

    def _listen(self) -> None:
        with self._client.pubsub() as subscription:
            subscription.subscribe(self._channel)
            while not self._closing.is_set():
                message = subscription.get_message(timeout=LISTEN_SECONDS)
                if message is None:
                    continue
                if message["type"] == "subscribe":
                    self._refused = False
                    self._failures = 0
                    self._on_return()
                elif message["type"] == "message":
                    self._on_cancel(message["data"].decode())
