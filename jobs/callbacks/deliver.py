"""deliver: hand due callbacks to a dispatcher, and record how each attempt ended."""

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
    """One event on its way to one address, held by one dispatcher.

    Attributes:
        id: the same each time this event of this owner is delivered.
        owner: id of the job or batch that the event is about.
        kind: which of them it is.
        type: the event, such as `job.succeeded`.
        at: when it happened.
        url: where to; it may hold secrets, so it is neither logged nor shown.
        host: the part of it that may be shown.
        base: the server's address as whoever asked for the callback saw it.
        attempts: how many there were, this one counted.
        token: proof of this claim.
        body: what was sent before and is sent again; None before it is kept.
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
    """Take due deliveries, the longest due first.

    Each is one dispatcher's until it is settled or the lease is over, and then claimable again; one
    whose dispatcher died counts as an attempt. Hosts do not hold up each other.

    Args:
        store: the store.
        most: how many at once.
        per_host: how many attempts to one host may be under way, over all dispatchers.
        lease: how long one has for it.

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
    """Keep what a delivery says, before it is sent: each further attempt finds it there.

    From then on it needs its job no more.

    Args:
        store: the store.
        delivery: as claimed.
        body: UTF-8.

    Returns:
        kept, also when repeated; stale, when the delivery is not this dispatcher's any more.

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
    """Record how an attempt ended, and when the next one is due; the job's log says so, too.

    Args:
        store: the store.
        delivery: as claimed.
        attempted: what came of it.
        retries: how long to wait after each attempt that failed; no further one after the last.
        jitter: draws a delay near the one it is given, so that many do not come at once.
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
        most_lines=bounds.lines,
        most_bytes=bounds.bytes,
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
