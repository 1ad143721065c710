"""The headers of answers, and those and the other parameters of requests."""

from typing import Any, Final

from callboard.api.description import Schema
from callboard.api.idempotency import KEY_PATTERN
from callboard.api.openapi.shapes import ADDRESS, DELIVERY_ID, JOB_ID, TEXT, whole
from callboard.api.problems.render import pages
from callboard.api.server.docs import ASSETS
from callboard.jobs.schedules.schedule import NAME_PATTERN

_POLICY: Final = '"(?:requests|submissions:[a-z][a-z0-9_]*)"'
_LEFT: Final = f"{_POLICY};r=[0-9]+(?:;t=[0-9]+)?"
_QUOTA: Final = f"{_POLICY};q=[0-9]+;w=[0-9]+"

RESPONSE: Final[dict[str, tuple[str, Schema]]] = {
    "Accept": ("The media types accepted here.", TEXT),
    "Accept-Ranges": (
        "Supports requests with `Range`.",
        {"type": "string", "enum": ["bytes"]},
    ),
    "Allow": ("The methods that this URL supports.", TEXT),
    "Cache-Control": ("Who may cache this response, and for how long.", TEXT),
    "Content-Disposition": (
        "The name under which to save the file.",
        {"type": "string", "pattern": "^attachment; filename="},
    ),
    "Content-Encoding": (
        "How the body is compressed.",
        {"type": "string", "enum": ["zstd", "gzip"]},
    ),
    "Content-Range": (
        "Which bytes these are, and the total size.",
        {"type": "string", "pattern": "^bytes (?:[0-9]+-[0-9]+|[*])/[0-9]+$"},
    ),
    "Content-Security-Policy": ("What this page may load.", TEXT),
    "ETag": (
        "Identifies this version; send it as `If-None-Match`.",
        {"type": "string", "pattern": r'^(?:W/)?"[^"]+"$'},
    ),
    "Idempotency-Replayed": (
        "The job was submitted by an earlier request with the same `Idempotency-Key`.",
        {"type": "string", "enum": ["true"]},
    ),
    "Link": (
        "Related URLs; `rel=next` is the next page.",
        {"type": "string", "pattern": "^<[^>]+>; *rel="},
    ),
    "Location": ("URL of the job or other resource.", ADDRESS),
    "Preference-Applied": (
        "The preferences of `Prefer` that were applied.",
        {"type": "string", "pattern": "^(?:respond-async|wait=[0-9]+)(?:, wait=[0-9]+)?$"},
    ),
    "RateLimit": (
        "What is left of each quota: `r` requests or submissions now, more after `t` seconds.",
        {"type": "string", "pattern": f"^{_LEFT}(?:, {_LEFT})?$"},
    ),
    "RateLimit-Policy": (
        "The caller's quotas: `q` requests, or submissions of an operation, in `w` seconds.",
        {"type": "string", "pattern": f"^{_QUOTA}(?:, {_QUOTA})?$"},
    ),
    "Referrer-Policy": ("What this page reveals to pages that it links to.", TEXT),
    "Repr-Digest": (
        "The SHA-256 of the complete content, even in a partial response (RFC 9530).",
        {"type": "string", "pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$"},
    ),
    "Retry-After": ("After how many seconds to try again.", whole()),
    "Vary": ("The request headers that the response depends on.", TEXT),
    "WWW-Authenticate": ("How to authenticate.", {"type": "string", "pattern": "^Bearer "}),
    "X-Accel-Buffering": ("Tells proxies not to buffer events.", TEXT),
    "X-Content-Type-Options": (
        "Tells browsers not to guess another media type.",
        {"type": "string", "enum": ["nosniff"]},
    ),
    "X-Request-ID": (
        "This request's id, as in the server's log.",
        {"type": "string", "minLength": 1, "maxLength": 128},
    ),
}
"""What each header says, and its schema."""

REQUEST: Final[dict[str, Schema]] = {
    "Accept-Encoding": {
        "description": "The accepted compressions of a large result: `zstd`, `gzip`.",
        "schema": TEXT,
    },
    "Idempotency-Key": {
        "description": "Makes this request safe to repeat: a repeat returns the same job. "
        "Kept for 24 hours; may be quoted. Generate a new key for each job, "
        "such as a UUID.",
        "schema": {"type": "string", "pattern": KEY_PATTERN},
    },
    "If-Match": {
        "description": "The `ETag` of the only acceptable version.",
        "schema": TEXT,
    },
    "If-Range": {
        "description": "The `ETag` of the version that `Range` applies to. If the version "
        "differs, the complete content is returned.",
        "schema": TEXT,
    },
    "If-None-Match": {
        "description": 'The `ETag` of the client\'s version, for example `W/"3.1.running"`.',
        "schema": TEXT,
    },
    "Last-Event-ID": {
        "description": "The `id` of the last event received, for example `3.1.running.17`.",
        "schema": TEXT,
    },
    "Prefer": {
        "description": "`wait=10` waits up to 10 seconds; `respond-async` does not wait.",
        "schema": TEXT,
    },
    "Range": {
        "description": "The requested bytes, as one range, for example `bytes=1024-` or "
        "`bytes=-500`.",
        "schema": TEXT,
    },
    "X-Request-ID": {
        "description": "Your own id for this request: up to 128 letters, digits and "
        "`._~:/+=@,-`, for example `import-2026-11-22`. An invalid id is "
        "replaced.",
        "schema": TEXT,
    },
    "traceparent": {
        "description": "The trace that this request belongs to (W3C Trace Context), for "
        "example `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.",
        "schema": TEXT,
    },
}

PATH: Final[dict[str, Schema]] = {
    "digest": {
        "description": "The digest of the file's content.",
        "schema": {"type": "string", "enum": sorted(asset.digest for asset in ASSETS.values())},
    },
    "file": {
        "description": "The file's name.",
        "schema": {"type": "string", "enum": sorted(ASSETS)},
    },
    "batch_id": {
        "description": "The batch's id.",
        "schema": JOB_ID,
        "example": "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e78",
    },
    "delivery": {
        "description": "The callback's id.",
        "schema": DELIVERY_ID,
        "example": "msg_0193b5b27d2e7c41a3c52f6d0c1b9e77_succeeded",
    },
    "slug": {
        "description": "The last part of the problem's `type`.",
        "schema": {"type": "string", "enum": sorted(pages())},
    },
    "schedule": {
        "description": "The schedule's name.",
        "schema": {"type": "string", "pattern": f"^{NAME_PATTERN}$"},
        "example": "nightly-report",
    },
    "file_id": {
        "description": "The file's id.",
        "schema": JOB_ID,
        "example": "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77",
    },
    "job_id": {
        "description": "The job's id.",
        "schema": JOB_ID,
        "example": "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77",
    },
}


def header(name: str, *, required: bool) -> dict[str, Any]:
    """Return one header of answers."""
    says, schema = RESPONSE[name]
    return {"description": says, "required": required, "schema": schema}
