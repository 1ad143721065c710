"""The webhook dispatcher: takes due deliveries, attempts each in a thread, records the outcome."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from callboard.actors.periodic_thread import PeriodicThread
from callboard.actors.webhooks.headers import headers_of
from callboard.actors.webhooks.sender import WebhookSender
from callboard.jobs.backoff import Backoff
from callboard.jobs.callbacks.deliver import (
    LEASE,
    WebhookDelivery,
    claim_deliveries,
    keep_body,
    record_delivery,
)
from callboard.jobs.callbacks.retry_delay import Attempted
from callboard.jobs.callbacks.secrets import WebhookSecrets
from callboard.jobs.clock import moment
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.fault_points import FaultPoints
from callboard.jobs.progress import LogBounds
from callboard.jobs.store import Store
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import EventLogger, get_logger
from callboard.telemetry.redaction import stack_of

THREADS: Final = 16
PER_HOST: Final = 2
"""Far fewer than the threads, so that some hosts that hang keep no other waiting."""

TICK_SECONDS: Final = 0.5
BACKOFF: Final = Backoff(timedelta(seconds=0.5), timedelta(seconds=5))

Render = Callable[[WebhookDelivery], bytes | None]
"""Writes what a delivery says, as JSON in ASCII; None when its job or batch is gone."""

log = get_logger(__name__)


class WebhookDispatcher:
    """Delivers callbacks; no job's thread is used, and none waits for it.

    An attempt that dies with its process, or whose end Redis never hears of, is made again after
    its lease, with the same webhook-id.

    Args:
        store: where deliveries are.
        sender: how they are sent.
        secrets: what they are signed with.
        render: what they say.
        retries: how long to wait after each attempt that failed.
        bounds: how much log a job keeps.
        faults: armed in tests alone.
    """

    def __init__(  # noqa: PLR0913 — the parts of a dispatcher
        self,
        store: Store,
        sender: WebhookSender,
        secrets: WebhookSecrets,
        render: Render,
        *,
        retries: Sequence[timedelta],
        bounds: LogBounds | None = None,
        faults: FaultPoints | None = None,
    ) -> None:
        self._store = store
        self._sender = sender
        self._secrets = secrets
        self._render = render
        self._retries = tuple(retries)
        self._bounds = bounds
        self._faults = faults or FaultPoints()
        self._stopping = threading.Event()
        self._under_way: set[threading.Thread] = set()
        self._loop = PeriodicThread("webhook-dispatcher", self.tick, interval=TICK_SECONDS)

    @property
    def under_way(self) -> int:
        """How many attempts are being made."""
        return len(self._under_way)

    def start(self) -> None:
        """Start the thread that takes deliveries."""
        self._loop.start()

    def stop(self) -> None:
        """Take no more; attempts that are under way go on."""
        self._stopping.set()
        self._loop.hurry()

    def close(self, timeout: float = 2.0) -> None:
        """Stop, and give the attempts under way so many seconds; the rest is left to the leases."""
        self.stop()
        self._loop.close(timeout)
        until = time.monotonic() + timeout
        for attempt in list(self._under_way):
            attempt.join(max(0.0, until - time.monotonic()))

    def tick(self) -> None:
        """Begin as many attempts as there are free threads and due deliveries.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        free = THREADS - self.under_way
        if free <= 0 or self._stopping.is_set():
            return
        for delivery in claim_deliveries(self._store, most=free, per_host=PER_HOST):
            attempt = threading.Thread(
                target=self._attempt, args=(delivery,), name="delivery", daemon=True
            )
            self._under_way.add(attempt)
            try:
                attempt.start()
            except RuntimeError:
                self._under_way.discard(attempt)
                raise

    def _attempt(self, delivery: WebhookDelivery) -> None:
        about = _logger_of(delivery)
        try:
            self._faults.reach("before-attempt")
            attempted = self._tried(delivery)
            self._faults.reach("after-attempt")
            outcome = "stale" if attempted is None else self._recorded(delivery, attempted)
        except StoreUnavailable:
            about.warning(LogEvent.WEBHOOK_POSTPONED)
        else:
            about.info(LogEvent.WEBHOOK_ATTEMPTED, outcome=outcome, **_figures(attempted))
        finally:
            self._under_way.discard(threading.current_thread())
            self._loop.hurry()

    def _tried(self, delivery: WebhookDelivery) -> Attempted | None:
        try:
            body = delivery.body or self._render(delivery)
            if body is None:
                return Attempted(problem="its job or batch is gone", retryable=False)
            if delivery.body is None and keep_body(self._store, delivery, body) == "stale":
                return None
            secrets = self._secrets.of(delivery.tenant)
            # Receivers refuse what is minutes off, and a worker's clock may be.
            sent_at = moment(self._store.now_ms())
            headers = headers_of(delivery, body, secrets, sent_at=sent_at)
            return self._sender.send(delivery.url, headers, body)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 — what is raised may quote an address
            log.error(LogEvent.WEBHOOK_FAILED, delivery=delivery.id, stack=stack_of(error))
            return Attempted(problem="the attempt could not be made")

    def _recorded(self, delivery: WebhookDelivery, attempted: Attempted) -> str:
        until = time.monotonic() + LEASE.total_seconds()
        failures = 0
        while time.monotonic() < until:
            try:
                return self._record(delivery, attempted)
            except StoreUnavailable:
                failures += 1
                if self._stopping.wait(BACKOFF.seconds(failures)):
                    break
        return self._record(delivery, attempted)

    def _record(self, delivery: WebhookDelivery, attempted: Attempted) -> str:
        return record_delivery(
            self._store, delivery, attempted, retries=self._retries, bounds=self._bounds
        )


def _logger_of(delivery: WebhookDelivery) -> EventLogger:
    return log.bind(
        delivery=delivery.id,
        **{delivery.kind: delivery.owner},
        tenant=delivery.tenant,
        request_id=delivery.request_id,
        host=delivery.host,
        attempts=delivery.attempts,
    )


def _figures(attempted: Attempted | None) -> dict[str, object]:
    if attempted is None:
        return {}
    return {
        "code": attempted.code,
        "problem": attempted.problem,
        "duration_ms": attempted.took_ms,
    }
