"""What a receiver of callbacks is sent."""

from typing import Any, Final

from callboard.api.description import Schema, named
from callboard.api.media import JSON
from callboard.api.openapi.shapes import ADDRESS, TEXT
from callboard.jobs.callbacks.deliveries import DELIVERY_ID_PATTERN

_DELIVERY_ID: Final[Schema] = {"type": "string", "pattern": f"^{DELIVERY_ID_PATTERN}$"}
_TIME: Final[Schema] = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
}

_SENT: Final[dict[str, tuple[str, Schema]]] = {
    "webhook-id": (
        "The same for each attempt to deliver an event: who has seen it has the event.",
        _DELIVERY_ID,
    ),
    "webhook-timestamp": (
        "When this attempt was made, in seconds since 1970; refuse what is old.",
        {"type": "string", "pattern": "^[0-9]{1,12}$"},
    ),
    "webhook-signature": (
        "Signatures as of Standard Webhooks, parted by spaces; one of them must fit.",
        {"type": "string", "pattern": "^v1,[A-Za-z0-9+/=]+( v1,[A-Za-z0-9+/=]+)*$"},
    ),
    "ce-specversion": ("CloudEvents in binary mode.", {"type": "string", "enum": ["1.0"]}),
    "ce-id": ("As `webhook-id`.", _DELIVERY_ID),
    "ce-source": ("The server that says so.", ADDRESS),
    "ce-type": ("The event.", TEXT),
    "ce-subject": ("The id of what it is about.", TEXT),
    "ce-time": ("When the event happened.", _TIME),
    "X-Request-ID": ("Of the request that submitted the job.", TEXT),
    "traceparent": ("The trace of the request that submitted the job.", TEXT),
}
_OPTIONAL: Final = ("ce-source", "X-Request-ID", "traceparent")
_TAKEN: Final = "It was taken. What the answer says besides is not read."
_STOPS: Final = "Nothing more of this job is sent there."
_AGAIN: Final = "Anything else, and no answer within 15 seconds, is tried again later."


def _received(summary: str, schema: str) -> dict[str, Any]:
    """Describe what a receiver is sent, and what its answers mean."""
    return {
        "post": {
            "tags": ["Callbacks"],
            "summary": summary,
            "description": "Sent to the `url` of a submission's `callback`. It may come more than "
            "once, and events may come in another order than they happened.",
            "security": [],
            "parameters": [
                {
                    "name": header,
                    "in": "header",
                    "required": header not in _OPTIONAL,
                    "description": says,
                    "schema": kind,
                }
                for header, (says, kind) in _SENT.items()
            ],
            "requestBody": {"required": True, "content": {JSON: {"schema": named(schema)}}},
            "responses": {
                "2XX": {"description": _TAKEN},
                "410": {"description": _STOPS},
                "default": {"description": _AGAIN},
            },
        }
    }


_OF_JOB: Final = _received("Hear what became of a job", "JobEvent")

# Not as `webhooks`: these go where each submission says, and generators of clients make of
# webhooks requests that a client would send.
CALLBACKS: Final[dict[str, dict[str, Any]]] = {
    "jobEvent": {"{$request.body#/callback/url}": _OF_JOB},
    "jobEventByQuery": {"{$request.query.callback_url}": _OF_JOB},
    "batchEvent": {
        "{$request.body#/callback/url}": _received("Hear that a batch has completed", "BatchEvent")
    },
}
"""By the names that descriptions use."""
