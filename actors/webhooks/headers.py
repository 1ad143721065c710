"""What is sent with a callback: signature, CloudEvents' attributes, and where it comes from."""

from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Final

from pydantic import SecretStr

from callboard.actors.webhooks.signing import signed
from callboard.jobs.callbacks.deliver import WebhookDelivery

USER_AGENT: Final = f"Callboard/{version('callboard')}"


def headers_of(
    delivery: WebhookDelivery, body: bytes, secrets: Sequence[SecretStr], *, sent_at: datetime
) -> dict[str, str]:
    """Return the headers of one attempt.

    `ce-*` is the binary mode of CloudEvents over HTTP (1.0.2, section 3.1); `ce-source` and
    `ce-id` together are unique, and the same for every attempt.

    Args:
        delivery: what is sent.
        body: its very bytes.
        secrets: to sign with.
        sent_at: the time of this attempt.
    """
    at = delivery.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        **signed(delivery.id, sent_at, body, secrets),
        "ce-specversion": "1.0",
        "ce-id": delivery.id,
        "ce-source": delivery.base,
        "ce-type": delivery.type,
        "ce-subject": delivery.owner,
        "ce-time": at,
        "X-Request-ID": delivery.request_id,
        "traceparent": delivery.traceparent,
    }
    return {name: value for name, value in headers.items() if value and _fits(value)}


def _fits(value: str) -> bool:
    return value.isascii() and value.isprintable()
