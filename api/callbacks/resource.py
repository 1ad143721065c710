"""What is delivered of a job or a batch, over HTTP: look at it, and have it delivered again."""

from collections.abc import Callable
from typing import Any

import falcon

from callboard.api.bodies import Nothing, parse_body
from callboard.api.caller import Caller
from callboard.api.media import Media
from callboard.api.request import Request
from callboard.api.timestamps import timestamp
from callboard.jobs.callbacks.deliver import Kind
from callboard.jobs.callbacks.deliveries import DeliveryRecord, list_deliveries, resend
from callboard.jobs.store import Store

Find = Callable[[str, Caller], object]
"""Raises what the caller is told, unless the job or batch is one that the caller may see."""


class CallbacksResource:
    """All callbacks: `/v1/jobs/{job_id}/callbacks` and `/v1/batches/{batch_id}/callbacks`.

    Args:
        kind: of what.
        find: finds it.
    """

    def __init__(self, store: Store, media: Media, kind: Kind, find: Find) -> None:
        self._store = store
        self._media = media
        self._kind: Kind = kind
        self._find = find

    def on_get(self, req: Request, resp: falcon.Response, **path: str) -> None:
        """List them, the oldest first."""
        owner = path[f"{self._kind}_id"]
        self._find(owner, req.context.caller)
        found = list_deliveries(self._store, self._kind, owner)
        items = [delivery_object(each, _address(req, self._kind, owner)) for each in found]
        self._media.write(req, resp, {"items": items, "next": None})

    on_head = on_get


class ResendResource:
    """Where one callback is sent again: `…/callbacks/{delivery}/resend`."""

    def __init__(self, store: Store, media: Media, kind: Kind, find: Find) -> None:
        self._store = store
        self._media = media
        self._kind: Kind = kind
        self._find = find

    def on_post(self, req: Request, resp: falcon.Response, delivery: str, **path: str) -> None:
        """Let it begin from the start, and answer with it; a repeat does no harm."""
        parse_body(Nothing, self._media.read_optional(req))
        owner = path[f"{self._kind}_id"]
        self._find(owner, req.context.caller)
        found = resend(self._store, owner, delivery)
        resp.status = 202
        self._media.write(req, resp, delivery_object(found, _address(req, self._kind, owner)))


def delivery_object(delivery: DeliveryRecord, address: str) -> dict[str, Any]:
    """Render a delivery.

    Args:
        delivery: as it is.
        address: of all callbacks of its owner.
    """
    last = delivery.last
    return {
        "id": delivery.id,
        "type": delivery.type,
        "host": delivery.host,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "created_at": timestamp(delivery.at),
        "next_attempt_at": None if delivery.next_at is None else timestamp(delivery.next_at),
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
