"""The Idempotency-Key header: which submission a repeat repeats."""

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
    """Give the fields of a submission by which a repeat is recognised; none without a key.

    Args:
        header: the key, quoted as a structured string (RFC 8941, section 3.3.3) or bare, which
            is the same key.
        body: what was sent; the same members in another order are the same.
        by: the tenant who sent it, if it is for another one, whose keys are not touched.
        offload: reads the whole body where that holds up nobody else; for large ones.

    Raises:
        Problem: 400, the key is empty, too long, or has characters that a header has not.
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
