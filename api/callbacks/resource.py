"""The callbacks of a job or batch over HTTP: list them, and send one again."""

from collections.abc import Callable
from typing import Annotated, Any, Final

import falcon
from pydantic import Field, WithJsonSchema

from callboard.api.answer_types import (
    Address,
    Next,
    Timestamp,
    TypedDict,
    Whole,
)
from callboard.api.bodies import Nothing, parse_body
from callboard.api.description import (
    BODY_PROBLEMS,
    BodyDescription,
    ResponseDescription,
    describe,
)
from callboard.api.media import Media
from callboard.api.problems import table
from callboard.api.problems.problem_type import ProblemType
from callboard.api.request import Caller, Request
from callboard.api.times import optional_time, timestamp
from callboard.jobs.callbacks.deliver import Kind
from callboard.jobs.callbacks.deliveries import (
    DELIVERY_ID_PATTERN,
    DeliveryRecord,
    DeliveryStatus,
    list_deliveries,
    resend,
)
from callboard.jobs.store import Store

Find = Callable[[str, Caller], object]
"""Raises the problem for the caller unless they may see the job or batch."""


DeliveryId = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": f"^{DELIVERY_ID_PATTERN}$"})
]


class LastAttemptObject(TypedDict):
    """How the latest attempt ended."""

    at: Timestamp
    status_code: Annotated[
        Annotated[int, Field(ge=100)] | None,
        Field(description="The receiver's status code; null without a response."),
    ]
    detail: Annotated[str | None, Field(description="What went wrong.")]


class DeliveryLinksObject(TypedDict):
    """URLs of a delivery."""

    resend: Address


class DeliveryObject(TypedDict):
    """One event on its way to a callback URL."""

    id: Annotated[DeliveryId, Field(description="The `webhook-id` that receivers get.")]
    type: Annotated[str, Field(description="The event.")]
    host: Annotated[str, Field(description="The receiver's host; path and query are never shown.")]
    status: DeliveryStatus
    attempts: Annotated[Whole, Field(description="Number of attempts so far.")]
    created_at: Annotated[Timestamp, Field(description="When the event happened.")]
    next_attempt_at: Annotated[
        Timestamp | None,
        Field(description="When the next attempt is due; null without one, and during an attempt."),
    ]
    last: LastAttemptObject | None
    links: DeliveryLinksObject


class DeliveryPageObject(TypedDict):
    """All deliveries of one job or batch, oldest first."""

    items: list[DeliveryObject]
    next: Next


_OF_JOB: Final = (table.JOB_NOT_FOUND, table.JOB_GONE)
_OF_BATCH: Final = (table.BATCH_NOT_FOUND,)


def _listing(kind: Kind, missing: tuple[ProblemType, ...]) -> dict[str, Any]:
    return {
        "id": f"list{kind.capitalize()}Callbacks",
        "tag": "Callbacks",
        "summary": f"List a {kind}'s callbacks",
        "description": f"Lists the deliveries to the callback of a {kind}. Deliveries that have "
        "ended are listed for seven days.",
        "responses": {
            200: ResponseDescription(
                description="All deliveries.",
                schema=DeliveryPageObject,
                headers=("Vary",),
                links=(f"resendFirstOf{kind.capitalize()}",),
            )
        },
        "problems": missing,
    }


def _resending(kind: Kind, missing: tuple[ProblemType, ...]) -> dict[str, Any]:
    return {
        "id": f"resend{kind.capitalize()}Callback",
        "tag": "Callbacks",
        "summary": f"Send a {kind}'s callback again",
        "description": "Restarts a delivery now, with the same `webhook-id` and all its "
        "attempts. Safe to repeat.",
        "body": BodyDescription(schema="ResendRequest", required=False),
        "responses": {
            202: ResponseDescription(
                description="The delivery is due.", schema=DeliveryObject, headers=("Vary",)
            )
        },
        "problems": (
            *BODY_PROBLEMS,
            table.INVALID_REQUEST,
            *missing,
            table.DELIVERY_NOT_FOUND,
            table.DELIVERY_PENDING,
        ),
    }


class _ListsCallbacks:
    """Lists the callbacks of a job or a batch.

    Args:
        find: raises the problem for the caller unless they may see the owner.
    """

    def __init__(self, store: Store, media: Media, find: Find) -> None:
        self._store = store
        self._media = media
        self._find = find

    def _list(self, req: Request, resp: falcon.Response, kind: Kind, owner: str) -> None:
        self._find(owner, req.context.caller)
        found = list_deliveries(self._store, kind, owner)
        items = [delivery_object(each, _address(req, kind, owner)) for each in found]
        shown: DeliveryPageObject = {"items": items, "next": None}
        self._media.write(req, resp, shown)


class JobCallbacksResource(_ListsCallbacks):
    """All callbacks of a job: `/v1/jobs/{job_id}/callbacks`."""

    @describe(**_listing("job", _OF_JOB))
    def on_get(self, req: Request, resp: falcon.Response, job_id: str) -> None:
        """List them, oldest first."""
        self._list(req, resp, "job", job_id)

    on_head = on_get


class BatchCallbacksResource(_ListsCallbacks):
    """All callbacks of a batch: `/v1/batches/{batch_id}/callbacks`."""

    @describe(**_listing("batch", _OF_BATCH))
    def on_get(self, req: Request, resp: falcon.Response, batch_id: str) -> None:
        """List them, oldest first."""
        self._list(req, resp, "batch", batch_id)

    on_head = on_get


class _Resends:
    """Sends one callback of a job or a batch again.

    Args:
        find: raises the problem for the caller unless they may see the owner.
    """

    def __init__(self, store: Store, media: Media, find: Find) -> None:
        self._store = store
        self._media = media
        self._find = find

    def _resend(
        self, req: Request, resp: falcon.Response, kind: Kind, owner: str, delivery: str
    ) -> None:
        parse_body(Nothing, self._media.read_optional(req))
        self._find(owner, req.context.caller)
        found = resend(self._store, owner, delivery)
        resp.status = 202
        self._media.write(req, resp, delivery_object(found, _address(req, kind, owner)))


class ResendJobCallbackResource(_Resends):
    """Where a job's callback is sent again: `/v1/jobs/{job_id}/callbacks/{delivery}/resend`."""

    @describe(**_resending("job", _OF_JOB))
    def on_post(self, req: Request, resp: falcon.Response, job_id: str, delivery: str) -> None:
        """Restart the delivery and return it; a repeat has no effect."""
        self._resend(req, resp, "job", job_id, delivery)


class ResendBatchCallbackResource(_Resends):
    """Where a batch's callback is sent again: `/v1/batches/{batch_id}/callbacks/…/resend`."""

    @describe(**_resending("batch", _OF_BATCH))
    def on_post(self, req: Request, resp: falcon.Response, batch_id: str, delivery: str) -> None:
        """Restart the delivery and return it; a repeat has no effect."""
        self._resend(req, resp, "batch", batch_id, delivery)


def delivery_object(delivery: DeliveryRecord, address: str) -> DeliveryObject:
    """Render a delivery.

    Args:
        delivery: the stored delivery.
        address: the URL of all callbacks of its owner.
    """
    last = delivery.last
    return {
        "id": delivery.id,
        "type": delivery.type,
        "host": delivery.host,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "created_at": timestamp(delivery.at),
        "next_attempt_at": optional_time(delivery.next_at),
        "last": None
        if last is None
        else {
            "at": timestamp(last.at),
            "status_code": last.code,
            "detail": last.problem or None,
        },
        "links": {"resend": f"{address}/{delivery.id}/resend"},
    }


def _address(req: Request, kind: Kind, owner: str) -> str:
    urls = req.context.urls
    return urls.job_callbacks(owner) if kind == "job" else urls.batch_callbacks(owner)
