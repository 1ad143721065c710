"""What a receiver of callbacks is sent."""

from typing import Any, Final

from callboard.api.answer_types import TIMESTAMP
from callboard.api.description import Schema, named
from callboard.api.media import JSON
from callboard.api.openapi.shapes import ADDRESS, DELIVERY_ID, TEXT

_SENT: Final[dict[str, tuple[str, Schema]]] = {
    "webhook-id": (
        "The same for all attempts to deliver an event: use it to recognise repeats.",
        DELIVERY_ID,
    ),
    "webhook-timestamp": (
        "When this attempt was made, in seconds since 1970. Reject old timestamps.",
        {"type": "string", "pattern": "^[0-9]{1,12}$"},
    ),
    "webhook-signature": (
        "Standard Webhooks signatures, separated by spaces; one of them must match.",
        {"type": "string", "pattern": "^v1,[A-Za-z0-9+/=]+( v1,[A-Za-z0-9+/=]+)*$"},
    ),
    "ce-specversion": ("CloudEvents in binary mode.", {"type": "string", "enum": ["1.0"]}),
    "ce-id": ("The same as `webhook-id`.", DELIVERY_ID),
    "ce-source": ("The server that sends the event.", ADDRESS),
    "ce-type": ("The event.", TEXT),
    "ce-subject": ("The id of the job or batch.", TEXT),
    "ce-time": ("When the event happened.", TIMESTAMP),
    "X-Request-ID": ("The id of the request that submitted the job.", TEXT),
    "traceparent": ("The trace of the request that submitted the job.", TEXT),
}
_OPTIONAL: Final = ("ce-source", "X-Request-ID", "traceparent")
_TAKEN: Final = "The event was received. The body of the response is ignored."
_STOPS: Final = "Unsubscribes: no further event of this job is sent to this URL."
_AGAIN: Final = "Any other response, or none within 15 seconds, is a failure and retried later."


def _received(summary: str, schema: str) -> dict[str, Any]:
    """Describe what a receiver is sent, and what its answers mean."""
    return {
        "post": {
            "tags": ["Callbacks"],
            "summary": summary,
            "description": "Sent to the `url` of a submission's `callback`. An event may "
            "arrive more than once, and events may arrive out of order.",
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


_OF_JOB: Final = _received("Receive a job's events", "JobEvent")

# Not as `webhooks`: these go where each submission says, and generators of clients make of
# webhooks requests that a client would send.
CALLBACKS: Final[dict[str, dict[str, Any]]] = {
    "jobEvent": {"{$request.body#/callback/url}": _OF_JOB},
    "jobEventByQuery": {"{$request.query.callback_url}": _OF_JOB},
    "batchEvent": {
        "{$request.body#/callback/url}": _received("Receive a batch's completion", "BatchEvent")
    },
}
"""By the names that descriptions use."""
