"""A page for each type of problem, at the address in its `type`."""

import base64
import hashlib
import re
from collections.abc import Iterator
from html import escape
from typing import Final

import falcon
from falcon.util import mediatypes

from callboard.api.description import HTML, ResponseDescription, describe
from callboard.api.media import JSON, Media
from callboard.api.problems import table
from callboard.api.problems.problem import Problem
from callboard.api.problems.problem_type import JobErrorType
from callboard.api.problems.render import (
    PageEntry,
    ProblemTypeObject,
    ProblemTypePageObject,
    pages,
    problem_type_object,
)
from callboard.api.problems.table import NOT_FOUND
from callboard.api.request import Request
from callboard.api.urls import Urls

_CODE: Final = re.compile(r"`([^`]+)`")
_STYLE: Final = """\
:root{color-scheme:light dark;
--ink:#1b1f24;--paper:#fff;--soft:#57606a;--line:#d0d7de;--tint:#f3f5f7;--link:#0b57d0}
@media(prefers-color-scheme:dark){:root{
--ink:#e6edf3;--paper:#0f1419;--soft:#9aa5b1;--line:#30363d;--tint:#1a2027;--link:#8ab4f8}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.6 system-ui,sans-serif;
overflow-wrap:break-word}
main{max-width:42rem;margin:0 auto;padding:2rem 1.25rem 3rem}
nav{color:var(--soft);font-size:.9rem}
h1{font-size:1.6rem;line-height:1.25;margin:.75rem 0 .5rem}
h2{font-size:1.05rem;margin:1.75rem 0 .25rem}
h3{font-size:1rem;margin:1.5rem 0 .25rem;color:var(--soft)}
p{margin:.25rem 0 .75rem}
a{color:var(--link)}
code{font:.9em ui-monospace,monospace;background:var(--tint);padding:.1em .3em;border-radius:.25rem}
section{border-top:1px solid var(--line);margin-top:1.75rem}
ul{list-style:none;padding:0}
li{border-top:1px solid var(--line);padding:.6rem 0}
li span{display:block;color:var(--soft);font-size:.9rem}
"""
_DIGEST: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Cache-Control": "max-age=3600",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
}


def _page(schema: object) -> ResponseDescription:
    """Describe a page for people that is data for programs."""
    return ResponseDescription(
        description="The list, as an HTML page or as JSON.",
        schema=schema,
        also={HTML: "Page"},
        headers=("Vary",),
        optional_headers=("Content-Security-Policy", "Referrer-Policy"),
    )


class ProblemsResource:
    """All types of problems: `/problems`."""

    def __init__(self, media: Media) -> None:
        self._media = media
        self._pages: Final = pages()

    @describe(
        id="listProblemTypes",
        tag="About",
        summary="List problem types",
        description="Lists all values of an error's `type`.",
        responses={200: _page(ProblemTypePageObject)},
    )
    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List them, for people or as JSON."""
        urls = req.context.urls
        if _wants_json(req):
            items = [problem_type_object(slug, of, urls) for slug, of in self._pages.items()]
            shown: ProblemTypePageObject = {"items": items, "next": None}
            _send_json(req, resp, self._media, shown)
            return
        rows = "".join(
            f'<li><a href="{escape(urls.problem(slug))}"><code>{slug}</code></a>'
            f"<span>{'; '.join(escape(_summary(each)) for each in of)}</span></li>"
            for slug, of in self._pages.items()
        )
        body = (
            "<h1>Problems</h1><p>Every <code>type</code> of error: "
            f"what happened, and what to do.</p><ul>{rows}</ul>"
        )
        _send_page(resp, "Problems", body, urls)

    on_head = on_get


class ProblemResource:
    """One type of problem: `/problems/{slug}`."""

    def __init__(self, media: Media) -> None:
        self._media = media
        self._pages: Final = pages()

    @describe(
        id="getProblemType",
        tag="About",
        summary="Get a problem type",
        description="Explains what happened and what to do.",
        responses={200: _page(ProblemTypeObject)},
        problems=(table.NOT_FOUND,),
    )
    def on_get(self, req: Request, resp: falcon.Response, slug: str) -> None:
        """Explain it, for people or as JSON."""
        urls = req.context.urls
        if (of := self._pages.get(slug)) is None:
            raise Problem(NOT_FOUND, "No problem type has this name: `/problems` lists them all.")
        if _wants_json(req):
            _send_json(req, resp, self._media, problem_type_object(slug, of, urls))
            return
        one, *others = of
        alone = f"<p>{_marked(_place(one))}</p>{_explanation(one, 'h2')}"
        several = "".join(
            f"<section><h2>{escape(each.title)}</h2><p>{_marked(_place(each))}</p>"
            f"{_explanation(each, 'h3')}</section>"
            for each in of
        )
        title = slug.replace("-", " ").capitalize() if others else one.title
        heading = f"<p><code>{slug}</code></p><h1>{escape(title)}</h1>"
        _send_page(resp, title, heading + (several if others else alone), urls)

    on_head = on_get


def _explanation(entry: PageEntry, heading: str) -> str:
    parts = (("What happened", entry.meaning), ("What to do", entry.advice))
    return "".join(
        f"<{heading}>{title}</{heading}><p>{_marked(words)}</p>" for title, words in parts
    )


def _place(entry: PageEntry) -> str:
    if isinstance(entry, JobErrorType):
        return "Appears in the `error` of a job."
    code = f", code {entry.code}" if entry.code else ""
    return f"HTTP status {entry.status}{code}."


def _summary(entry: PageEntry) -> str:
    where = "job error" if isinstance(entry, JobErrorType) else str(entry.status)
    return f"{entry.title} ({where})"


def _marked(words: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(words))


def _wants_json(req: Request) -> bool:
    accept = req.get_header("Accept") or HTML
    try:
        return mediatypes.quality(JSON, accept) > mediatypes.quality(HTML, accept)
    except ValueError:
        return False


def _send_json(req: Request, resp: falcon.Response, media: Media, value: object) -> None:
    media.write(req, resp, value)
    resp.set_header("Cache-Control", _HEADERS["Cache-Control"])


def _send_page(resp: falcon.Response, title: str, body: str, urls: Urls) -> None:
    resp.content_type = f"{HTML}; charset=utf-8"
    resp.set_headers(_HEADERS)
    resp.data = "".join(_html(title, body, urls)).encode()


def _html(title: str, body: str, urls: Urls) -> Iterator[str]:
    base = escape(urls.base)
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{escape(title)} · Callboard</title><style>{_STYLE}</style></head>"
    yield f'<body><main><nav><a href="{base}/docs">Callboard</a> · '
    yield f'<a href="{base}/problems">All problems</a></nav>{body}</main></body></html>\n'
