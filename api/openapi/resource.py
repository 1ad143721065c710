"""The document over HTTP: `/openapi.json`."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

import falcon
from pydantic_core import to_json

from callboard.api.conditional import is_known
from callboard.api.description import ResponseDescription, describe
from callboard.api.media import JSON
from callboard.api.openapi.document import build_document
from callboard.api.request import Request
from callboard.api.route import Route
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.offload import Offload, at_once
from callboard.jobs.registry import Registry

_BASES: Final = 16
_PLACEHOLDER: Final = "http://address-of-this-server.invalid"


class OpenApiResource:
    """The document, made once in a process, with the address by which it was reached put in.

    Making it takes a core for a tenth of a second or more, and `Host` is the client's: whoever
    asks by other names, or for the first time together with others, does not make it again.

    Args:
        registry: the operations, each of which gets a path of its own.
        keys_required: whether requests need a key now; may raise StoreUnavailable.
        compute: makes the document where that holds up no other request.
    """

    def __init__(
        self, registry: Registry, keys_required: Callable[[], bool], compute: Offload = at_once
    ) -> None:
        self._compute: Final = compute
        self._registry: Final = registry
        self._keys_required: Final = keys_required
        self._routes: Sequence[Route] = ()
        self._made: dict[bool, bytes] = {}
        self._making: Final = threading.Lock()
        self._written: Final = lru_cache(maxsize=_BASES)(self._write)

    def of_routes(self, routes: Sequence[Route]) -> None:
        """Set the routes; call this before the first request."""
        self._routes = routes

    @describe(
        id="getOpenApiDocument",
        tag="About",
        summary="Fetch this document",
        description="Returns this server's current OpenAPI document.",
        parameters=("If-None-Match",),
        responses={
            200: ResponseDescription(
                description="The document.",
                schema="OpenApiDocument",
                media=(JSON,),
                headers=("ETag",),
            ),
            304: ResponseDescription(
                description="The document has not changed.", headers=("ETag",)
            ),
        },
    )
    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """Return the document; 304 to a client that has it."""
        body, tag = self._written(req.context.urls.base, self._needs_keys())
        resp.set_header("ETag", tag)
        resp.set_header("Cache-Control", "no-cache")
        if is_known(tag, req.get_header("If-None-Match")):
            resp.status = 304
            return
        resp.content_type = JSON
        resp.data = body

    on_head = on_get

    def _needs_keys(self) -> bool:
        try:
            return self._keys_required()
        except StoreUnavailable:  # nothing is lost by sending one
            return True

    def _write(self, base: str, keys_required: bool) -> tuple[bytes, str]:  # noqa: FBT001  # is cached by it
        known, found = to_json(_PLACEHOLDER)[1:-1], to_json(base)[1:-1]
        body = self._document(keys_required=keys_required).replace(known, found)
        return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'

    def _document(self, *, keys_required: bool) -> bytes:
        with self._making:
            if keys_required not in self._made:
                self._made[keys_required] = self._compute(
                    lambda: to_json(
                        build_document(
                            _PLACEHOLDER,
                            self._registry.listed(),
                            self._routes,
                            keys_required=keys_required,
                        )
                    )
                )
            return self._made[keys_required]
