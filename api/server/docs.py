"""Pages about the API: `/docs`, with everything that it loads."""

import hashlib
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit

import falcon

from callboard.api.description import HTML, ResponseDescription, describe
from callboard.api.problems import table
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import NOT_FOUND
from callboard.api.request import Request

_SCRIPT: Final = "text/javascript; charset=utf-8"
_STYLE: Final = "text/css; charset=utf-8"
_SOURCES: Final = {
    "swagger.css": ("offapi", "swagger_style.css", _STYLE),
    "docs.css": ("callboard.api", "assets/docs.css", _STYLE),
    "swagger.js": ("offapi", "swagger_bundle.js", _SCRIPT),
    "docs.js": ("callboard.api", "assets/docs.js", _SCRIPT),
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FOR_EVER: Final = "max-age=31536000, immutable"
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Callboard: the API</title>
<link rel="icon" href="data:,">
{styles}
{scripts}
<main id="docs" data-document="{document}">
<noscript>This page needs JavaScript. <a href="{document}">The document</a> does not.</noscript>
</main>
</html>
"""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that the page loads.

    Attributes:
        digest: of what it contains; in its address, so that it may be kept for ever.
    """

    data: bytes
    media_type: str
    digest: str


def _read(package: str, path: str, media_type: str) -> Asset:
    data = files(package).joinpath(path).read_bytes()
    return Asset(data, media_type, hashlib.sha256(data).hexdigest()[:16])


ASSETS: Final = {name: _read(*source) for name, source in _SOURCES.items()}


class DocsResource:
    """The page: `/docs`."""

    @describe(
        id="readDocs",
        tag="About",
        summary="Read the API documentation",
        description="Displays this document and lets you send requests.",
        responses={
            200: ResponseDescription(
                description="The page.",
                schema="Page",
                media=(HTML,),
                headers=("Content-Security-Policy", "Referrer-Policy"),
            )
        },
    )
    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """Return the page, whose addresses have no host: a proxy in front may have another one."""
        prefix = urlsplit(req.context.urls.base).path
        places = {
            name: escape(f"{prefix}/docs/assets/{asset.digest}/{name}")
            for name, asset in ASSETS.items()
        }
        styles = [
            f'<link rel="stylesheet" href="{place}">'
            for name, place in places.items()
            if name.endswith(".css")
        ]
        scripts = [
            f'<script src="{place}" defer></script>'
            for name, place in places.items()
            if name.endswith(".js")
        ]
        resp.content_type = "text/html; charset=utf-8"
        resp.set_headers(
            {
                "Cache-Control": "no-store",
                "Content-Security-Policy": _POLICY,
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
            }
        )
        resp.text = _PAGE.format(
            styles="\n".join(styles),
            scripts="\n".join(scripts),
            document=escape(f"{prefix}/openapi.json"),
        )

    on_head = on_get


class DocsAssetResource:
    """What the page loads: `/docs/assets/{digest}/{file}`."""

    @describe(
        id="getDocsAsset",
        tag="About",
        summary="Load an asset of the page",
        description="Returns a script or style sheet that `/docs` loads.",
        responses={
            200: ResponseDescription(
                description="A script or style sheet.",
                schema="Page",
                media=("text/css", "text/javascript"),
            )
        },
        problems=(table.NOT_FOUND,),
    )
    def on_get(self, _req: Request, resp: falcon.Response, digest: str, file: str) -> None:
        """Return a file; one of another version is not there."""
        asset = ASSETS.get(file)
        if asset is None or asset.digest != digest:
            raise Problem(NOT_FOUND, "The page at `/docs` names the current files.")
        resp.content_type = asset.media_type
        resp.set_headers({"Cache-Control": _FOR_EVER, "X-Content-Type-Options": "nosniff"})
        resp.data = asset.data

    on_head = on_get
