"""Signatures of callbacks, as Standard Webhooks has them (https://www.standardwebhooks.com)."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from pydantic import SecretStr

from callboard.jobs.callbacks.secrets import PREFIX


def signed(
    webhook_id: str, sent_at: datetime, body: bytes, secrets: Sequence[SecretStr]
) -> dict[str, str]:
    """Return the headers that prove who sent a body, and when.

    Args:
        webhook_id: the same for every attempt, so that a receiver knows a repeat.
        sent_at: of this attempt; receivers refuse what is too old.
        body: the very bytes that are sent.
        secrets: one signature is made with each, so that any of them verifies.
    """
    timestamp = str(int(sent_at.timestamp()))
    content = b".".join((webhook_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(content, secret) for secret in secrets),
    }


def _signature(content: bytes, secret: SecretStr) -> str:
    key = base64.b64decode(secret.get_secret_value().removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
