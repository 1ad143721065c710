"""The Idempotency-Key header: how a repeated submission is recognised."""

import hashlib
import re
from typing import Any, Final

from callboard.api.problems.problem import Problem
from callboard.api.problems.table import INVALID_HEADER
from callboard.jobs.fingerprint import fingerprint
from callboard.jobs.offload import Offload, at_once

MAX_KEY_LENGTH: Final = 255
KEY_PATTERN: Final = (
    r"^(?:[!#-~](?:[ -~]{0,253}[!-~])?"  # bare
    r'|"(?:[ !#-\[\]-~]|\\["\\]){1,255}")$'  # quoted
)
_KEY: Final = re.compile(KEY_PATTERN, re.ASCII)


def idempotency_fields(
    header: str | None, body: Any, *, by: str = "", offload: Offload = at_once
) -> dict[str, str]:
    """Return the fields by which a repeat is recognised; none without a key.

    Args:
        header: the key, as a structured string (RFC 8941, section 3.3.3) or bare, which
            means the same key.
        body: the body; the order of members does not matter.
        by: the sending tenant, if it submits for another one, whose keys are separate.
        offload: digests large bodies without delaying other requests.

    Raises:
        Problem: 400, the key is empty, too long, or has invalid characters.
    """
    if header is None:
        return {}
    key = header.strip()
    if not _KEY.fullmatch(key):
        raise Problem(
            INVALID_HEADER,
            f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} printable ASCII characters.",
        )
    if key.startswith('"'):
        key = re.sub(r"\\(.)", r"\1", key[1:-1])
    return {
        "idempotency_digest": hashlib.sha256((f"{by}\n{key}" if by else key).encode()).hexdigest(),
        "payload_fingerprint": offload(lambda: fingerprint(body)),
    }
