"""The headers of answers, and those and the other parameters of requests."""

from typing import Any, Final

from callboard.api.description import Schema
from callboard.api.idempotency import KEY_PATTERN
from callboard.api.problems.render import pages
from callboard.api.server.docs import ASSETS
from callboard.jobs.callbacks.deliveries import DELIVERY_ID_PATTERN
from callboard.jobs.ids import JOB_ID_PATTERN
from callboard.jobs.schedules.schedule import NAME_PATTERN

_TEXT: Final[Schema] = {"type": "string"}
_ADDRESS: Final[Schema] = {"type": "string", "format": "uri"}
_SECONDS: Final[Schema] = {"type": "integer", "minimum": 0}

RESPONSE: Final[dict[str, tuple[str, Schema]]] = {
    "Accept": ("The types of body that are read here.", _TEXT),
    "Accept-Ranges": (
        "Parts can be asked for with `Range`.",
        {"type": "string", "enum": ["bytes"]},
    ),
    "Allow": ("The methods that this address has.", _TEXT),
    "Cache-Control": ("Who may keep this answer, and for how long.", _TEXT),
    "Content-Disposition": (
        "The name to save it by.",
        {"type": "string", "pattern": "^attachment; filename="},
    ),
    "Content-Encoding": (
        "How the body is compressed.",
        {"type": "string", "enum": ["zstd", "gzip"]},
    ),
    "Content-Range": (
        "Which bytes these are, and of how many.",
        {"type": "string", "pattern": "^bytes (?:[0-9]+-[0-9]+|[*])/[0-9]+$"},
    ),
    "Content-Security-Policy": ("What this page may load.", _TEXT),
    "ETag": (
        "Names this version; send it as `If-None-Match`.",
        {"type": "string", "pattern": r'^(?:W/)?"[^"]+"$'},
    ),
    "Idempotency-Replayed": (
        "The job was submitted by an earlier request with the same `Idempotency-Key`.",
        {"type": "string", "enum": ["true"]},
    ),
    "Link": (
        "Other addresses; `rel=next` is that of the next page.",
        {"type": "string", "pattern": "^<[^>]+>; *rel="},
    ),
    "Location": ("The address of the job, or of what else was made.", _ADDRESS),
    "Preference-Applied": (
        "The parts of `Prefer` that were followed.",
        {"type": "string", "pattern": "^(?:respond-async|wait=[0-9]+)(?:, wait=[0-9]+)?$"},
    ),
    "RateLimit": (
        "What is left: `r` requests, and after `t` seconds some come back.",
        {"type": "string", "pattern": '^"requests";r=[0-9]+(?:;t=[0-9]+)?$'},
    ),
    "RateLimit-Policy": (
        "The caller's quota: `q` requests in `w` seconds.",
        {"type": "string", "pattern": '^"requests";q=[0-9]+;w=[0-9]+$'},
    ),
    "Referrer-Policy": ("What this page tells those that it links to.", _TEXT),
    "Repr-Digest": (
        "The SHA-256 of the whole that this is, or is a part of (RFC 9530).",
        {"type": "string", "pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$"},
    ),
    "Retry-After": ("When to ask again, in seconds.", _SECONDS),
    "Vary": ("The headers of the request that the answer depends on.", _TEXT),
    "WWW-Authenticate": ("How to say who asks.", {"type": "string", "pattern": "^Bearer "}),
    "X-Accel-Buffering": ("Tells proxies to pass events on at once.", _TEXT),
    "X-Content-Type-Options": (
        "The body is of the type that it is said to be.",
        {"type": "string", "enum": ["nosniff"]},
    ),
    "X-Request-ID": (
        "This request's id in the server's log.",
        {"type": "string", "minLength": 1, "maxLength": 128},
    ),
}
"""What each header says, and its schema."""

REQUEST: Final[dict[str, Schema]] = {
    "Accept-Encoding": {
        "description": "How a large result may be compressed: `zstd`, `gzip`.",
        "schema": _TEXT,
    },
    "Idempotency-Key": {
        "description": "Makes a repeat of this request harmless: it answers with the same job. "
        "Kept for 24 hours, quoted or bare; make a new one for each job, such as a UUID.",
        "schema": {"type": "string", "pattern": KEY_PATTERN},
    },
    "If-Match": {
        "description": "The `ETag` of the version that is wanted, and no other.",
        "schema": _TEXT,
    },
    "If-Range": {
        "description": "The `ETag` of the version that `Range` is for; the whole of another one.",
        "schema": _TEXT,
    },
    "If-None-Match": {
        "description": "The `ETag` of the version that is known already: "
        'for example `W/"3.1.running"`.',
        "schema": _TEXT,
    },
    "Last-Event-ID": {
        "description": "The `id` of the last event that was received: "
        "for example `3.1.running.17`.",
        "schema": _TEXT,
    },
    "Prefer": {
        "description": "`wait=10` waits up to 10 seconds, `respond-async` not at all.",
        "schema": _TEXT,
    },
    "Range": {
        "description": "The bytes that are wanted, in one range: for example `bytes=1024-` or "
        "`bytes=-500`.",
        "schema": _TEXT,
    },
    "X-Request-ID": {
        "description": "An id of your own for this request, up to 128 letters, digits and "
        "`._~:/+=@,-`, for example `import-2026-11-22`; another one is replaced.",
        "schema": _TEXT,
    },
    "traceparent": {
        "description": "The trace that this request belongs to (W3C Trace Context): "
        "for example `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.",
        "schema": _TEXT,
    },
}

PATH: Final[dict[str, Schema]] = {
    "digest": {
        "description": "Of what the file contains.",
        "schema": {"type": "string", "enum": sorted(asset.digest for asset in ASSETS.values())},
    },
    "file": {
        "description": "The file's name.",
        "schema": {"type": "string", "enum": sorted(ASSETS)},
    },
    "batch_id": {
        "description": "The batch's id.",
        "schema": {"type": "string", "pattern": f"^{JOB_ID_PATTERN}$"},
        "example": "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e78",
    },
    "delivery": {
        "description": "The callback's id.",
        "schema": {"type": "string", "pattern": f"^{DELIVERY_ID_PATTERN}$"},
        "example": "msg_0193b5b27d2e7c41a3c52f6d0c1b9e77_succeeded",
    },
    "slug": {
        "description": "The end of the problem's `type`.",
        "schema": {"type": "string", "enum": sorted(pages())},
    },
    "schedule": {
        "description": "The schedule's name.",
        "schema": {"type": "string", "pattern": f"^{NAME_PATTERN}$"},
        "example": "nightly-report",
    },
    "file_id": {
        "description": "The file's id.",
        "schema": {"type": "string", "pattern": f"^{JOB_ID_PATTERN}$"},
        "example": "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77",
    },
    "job_id": {
        "description": "The job's id.",
        "schema": {"type": "string", "pattern": f"^{JOB_ID_PATTERN}$"},
        "example": "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77",
    },
}


def header(name: str, *, required: bool) -> dict[str, Any]:
    """Give one header of answers."""
    says, schema = RESPONSE[name]
    return {"description": says, "required": required, "schema": schema}
