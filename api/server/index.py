"""The root: `/`."""

from importlib.metadata import version

import falcon

from callboard.api.answer_types import Address, TypedDict
from callboard.api.description import ResponseDescription, describe
from callboard.api.media import JSON, MSGPACK, Media
from callboard.api.request import Request
from callboard.api.urls import Urls


class _IndexLinksObject(TypedDict):
    """The main URLs."""

    docs: Address
    openapi: Address
    operations: Address
    jobs: Address
    problems: Address


class IndexObject(TypedDict):
    """The main URLs."""

    name: str
    version: str
    links: _IndexLinksObject


class IndexResource:
    """The root: `/`."""

    def __init__(self, media: Media) -> None:
        self._media = media

    @describe(
        id="getIndex",
        tag="About",
        summary="List the main URLs",
        description="Redirects browsers to `/docs`, and lists the main URLs for programs.",
        responses={
            200: ResponseDescription(
                description="The main URLs.", schema=IndexObject, headers=("Vary",)
            ),
            302: ResponseDescription(
                description="A redirect to `/docs`.", headers=("Location", "Vary")
            ),
        },
    )
    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """Redirect people to the documentation, and send programs the main URLs."""
        if prefers_data(req):
            self._media.write(req, resp, index_object(req.context.urls))
            return
        resp.status = 302
        resp.set_header("Vary", "Accept")
        resp.location = f"{req.context.urls.base}/docs"

    on_head = on_get


def prefers_data(req: Request) -> bool:
    """Return whether a client wants JSON or msgpack rather than a page."""
    return req.client_prefers(("text/html", JSON, MSGPACK)) in (JSON, MSGPACK)


def index_object(urls: Urls) -> IndexObject:
    """Render the main URLs."""
    base = urls.base
    return {
        "name": "Callboard",
        "version": version("callboard"),
        "links": {
            "docs": f"{base}/docs",
            "openapi": f"{base}/openapi.json",
            "operations": urls.operations(),
            "jobs": urls.jobs(),
            "problems": f"{base}/problems",
        },
    }
