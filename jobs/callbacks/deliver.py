"""deliver: claim due callbacks for a dispatcher, and record the outcome of each attempt."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast

from callboard.jobs.backoff import spread
from callboard.jobs.callbacks.retry_delay import Attempted, next_delay
from callboard.jobs.clock import milliseconds, moment
from callboard.jobs.progress import LogBounds
from callboard.jobs.store import Store

Kind = Literal["job", "batch"]
Recorded = Literal["delivered", "again", "failed", "stopped", "stale"]
LEASE: Final = timedelta(seconds=60)
MAX_PROBLEM_LENGTH: Final = 200
_GONE: Final = 410


@dataclass(frozen=True, kw_only=True)
class WebhookDelivery:
    """A delivery of one event to one URL, claimed by one dispatcher.

    Attributes:
        id: the same for every attempt to deliver this event.
        owner: id of the job or batch that the event is about.
        kind: whether the owner is a job or a batch.
        type: the event, such as `job.succeeded`.
        at: when it happened.
        url: the destination; it may contain secrets, so it is neither logged nor shown.
        host: the part of the URL that may be shown.
        base: the server's URL as the submitter saw it.
        attempts: the number of attempts, this one included.
        token: proof of this claim.
        body: the stored body of earlier attempts; None before the first.
    """

    id: str
    owner: str
    kind: Kind
    tenant: str
    type: str
    at: datetime
    url: str = field(repr=False)
    host: str
    base: str
    attempts: int
    token: str
    body: bytes | None = field(default=None, repr=False)
    request_id: str | None = None
    traceparent: str | None = None


def claim_deliveries(
    store: Store, *, most: int, per_host: int, lease: timedelta = LEASE
) -> list[WebhookDelivery]:
    """Claim due deliveries, the longest due first.

    Each belongs to one dispatcher until its outcome is recorded or its lease expires; one whose
    dispatcher died counts as an attempt. Hosts do not delay one another.

    Args:
        store: the store.
        most: the largest number at once.
        per_host: the largest number of concurrent attempts to one host, over all dispatchers.
        lease: how long an attempt may take.

    Raises:
        StoreUnavailable: Redis does not answer; what it handed out is claimable after the lease.
    """
    token = secrets.token_hex(8)
    answer = store.run(
        "claim_deliveries",
        store.keys("delivery_hosts"),
        token=token,
        most=most,
        per_host=per_host,
        lease_ms=milliseconds(lease),
    )
    (found,) = answer.values
    return [_delivery(delivery_id, flat) for delivery_id, flat in found]


def keep_body(store: Store, delivery: WebhookDelivery, body: bytes) -> Literal["kept", "stale"]:
    """Store the body of a delivery before it is sent, for further attempts.

    From then on it no longer needs its job.

    Args:
        store: the store.
        delivery: as claimed.
        body: UTF-8.

    Returns:
        kept, also when repeated; stale, if the delivery is no longer this dispatcher's.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    key = store.keys("delivery", delivery.id)
    answer = store.run("keep_body", key, token=delivery.token, body=body)
    return cast("Literal['kept', 'stale']", answer.word)


def record_delivery(
    store: Store,
    delivery: WebhookDelivery,
    attempted: Attempted,
    *,
    retries: Sequence[timedelta],
    jitter: Callable[[timedelta, float], timedelta] = spread,
    bounds: LogBounds | None = None,
) -> Recorded:
    """Record an attempt's outcome and when the next one is due, also in the job's log.

    Args:
        store: the store.
        delivery: as claimed.
        attempted: its outcome.
        retries: the delay after each failed attempt; no further attempt after the last.
        jitter: draws a delay near the given one, so that many are not retried at once.
        bounds: how much log a job keeps.

    Returns:
        delivered; again, when another attempt follows; failed, when none does; stopped, when the
        receiver wants no more of this owner; stale, when it is not this dispatcher's any more and
        nothing was recorded. A repeat answers as the first time.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    delay = next_delay(attempted, delivery.attempts, retries, jitter)
    outcome = _outcome(attempted, delay)
    bounds = bounds or LogBounds()
    answer = store.run(
        "record_delivery",
        store.keys("delivery", delivery.id),
        delivery_id=delivery.id,
        token=delivery.token,
        outcome=outcome,
        delay_ms=milliseconds(delay or timedelta()),
        code="" if attempted.code is None else str(attempted.code),
        problem=attempted.problem[:MAX_PROBLEM_LENGTH],
        line=_line(delivery, attempted, outcome, delay),
        max_lines=bounds.lines,
        max_bytes=bounds.bytes,
    )
    return cast("Recorded", answer.word)


def _outcome(
    attempted: Attempted, delay: timedelta | None
) -> Literal["delivered", "again", "failed", "stopped"]:
    if attempted.succeeded:
        return "delivered"
    if attempted.code == _GONE:
        return "stopped"
    return "failed" if delay is None else "again"


def _line(
    delivery: WebhookDelivery, attempted: Attempted, outcome: str, delay: timedelta | None
) -> str:
    said = "no answer" if attempted.code is None else f"answered {attempted.code}"
    why = f", {attempted.problem[:MAX_PROBLEM_LENGTH]}" if attempted.problem else ""
    what = {
        "delivered": "delivered",
        "again": f"next attempt in {milliseconds(delay or timedelta()) / 1000:.0f} s",
        "failed": "no further attempt",
        "stopped": "the receiver unsubscribed",
    }[outcome]
    whole = f"Callback {delivery.type} to {delivery.host}, attempt {delivery.attempts}"
    return f"{whole}: {said} after {attempted.took_ms} ms{why}; {what}"


def _delivery(delivery_id: str, flat: Sequence[str]) -> WebhookDelivery:
    fields: dict[str, Any] = dict(zip(flat[::2], flat[1::2], strict=True))
    return WebhookDelivery(
        id=delivery_id,
        owner=fields["owner"],
        kind=fields["kind"],
        tenant=fields["tenant"],
        type=fields["type"],
        at=moment(fields["event_ms"]),
        url=fields["url"],
        host=fields["host"],
        base=fields["base"],
        attempts=int(fields["attempts"]),
        token=fields["token"],
        body=fields["body"].encode() if "body" in fields else None,
        request_id=fields.get("request_id"),
        traceparent=fields.get("traceparent"),
    )
