"""A page for each type of problem, where the address in its `type` leads."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any, Final

import falcon
from falcon.util import mediatypes

from callboard.api.media import JSON, Media
from callboard.api.problems.kinds import NOT_FOUND, Kind
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import every_kind
from callboard.api.problems.texts import REQUESTS, RUN_ENDED, RUNS, Text
from callboard.api.request import Request
from callboard.api.urls import Urls

HTML: Final = "text/html"
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


@dataclass(frozen=True, slots=True)
class Meaning:
    """One thing that a type of problem can mean.

    Attributes:
        title: as the problem itself says.
        status: of the answer; None for what stands in a job as its error.
        code: where several reasons share a type.
    """

    title: str
    status: int | None
    code: str | None
    text: Text


def meanings() -> dict[str, list[Meaning]]:
    """Give what each type of problem can mean, by the end of its address."""
    found: dict[str, list[Meaning]] = {}
    for kind in every_kind():
        text = REQUESTS.get(kind.code or kind.slug, Text(kind.title, "Read `detail`."))
        found.setdefault(kind.slug, []).append(Meaning(kind.title, kind.status, kind.code, text))
    for word, title in RUN_ENDED.items():
        found.setdefault(word, []).append(Meaning(title, None, None, RUNS[word]))
    return dict(sorted(found.items()))


class ProblemsResource:
    """All types of problems: `/problems`."""

    def __init__(self, media: Media) -> None:
        self._media = media
        self._meanings: Final = meanings()

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List them, for people or as JSON."""
        urls = req.context.urls
        if _wants_json(req):
            items = [_object(slug, of, urls) for slug, of in self._meanings.items()]
            _send_json(req, resp, self._media, {"items": items, "next": None})
            return
        rows = "".join(
            f'<li><a href="{escape(urls.problem(slug))}"><code>{slug}</code></a>'
            f"<span>{'; '.join(escape(_summary(each)) for each in of)}</span></li>"
            for slug, of in self._meanings.items()
        )
        body = (
            "<h1>Problems</h1><p>What the <code>type</code> of an error leads to: "
            f"what happened, and what to do.</p><ul>{rows}</ul>"
        )
        _send_page(resp, "Problems", body, urls)

    on_head = on_get


class ProblemResource:
    """One type of problem: `/problems/{slug}`."""

    def __init__(self, media: Media) -> None:
        self._media = media
        self._meanings: Final = meanings()

    def on_get(self, req: Request, resp: falcon.Response, slug: str) -> None:
        """Explain it, for people or as JSON."""
        urls = req.context.urls
        if (of := self._meanings.get(slug)) is None:
            raise Problem(NOT_FOUND, "No type of problem has this name; see /problems.")
        if _wants_json(req):
            _send_json(req, resp, self._media, _object(slug, of, urls))
            return
        one, *others = of
        alone = f"<p>{escape(_place(one))}</p>{_explanation(one, 'h2')}"
        several = "".join(
            f"<section><h2>{escape(each.title)}</h2><p>{escape(_place(each))}</p>"
            f"{_explanation(each, 'h3')}</section>"
            for each in of
        )
        title = slug.replace("-", " ").capitalize() if others else one.title
        heading = f"<p><code>{slug}</code></p><h1>{escape(title)}</h1>"
        _send_page(resp, title, heading + (several if others else alone), urls)

    on_head = on_get


def _explanation(meaning: Meaning, heading: str) -> str:
    parts = (("What happened", meaning.text.meaning), ("What to do", meaning.text.advice))
    return "".join(
        f"<{heading}>{title}</{heading}><p>{_marked(words)}</p>" for title, words in parts
    )


def _place(meaning: Meaning) -> str:
    if meaning.status is None:
        return "The error of a job that ended so."
    code = f", code {meaning.code}" if meaning.code else ""
    return f"HTTP status {meaning.status}{code}."


def _summary(meaning: Meaning) -> str:
    where = "error of a job" if meaning.status is None else str(meaning.status)
    return f"{meaning.title} ({where})"


def _marked(words: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(words))


def _object(slug: str, of: list[Meaning], urls: Urls) -> dict[str, Any]:
    first = of[0]
    return {
        "type": _type(slug, urls),
        "title": first.title,
        "status": first.status,
        "advice": first.text.advice,
        "meanings": [
            {
                "title": each.title,
                "status": each.status,
                "code": each.code,
                "meaning": each.text.meaning,
                "advice": each.text.advice,
            }
            for each in of
        ],
    }


@lru_cache(maxsize=256)
def _kind_of(slug: str) -> Kind | None:
    return next((kind for kind in every_kind() if kind.slug == slug), None)


def _type(slug: str, urls: Urls) -> str:
    kind = _kind_of(slug)
    return urls.problem(slug) if kind is None else kind.type(urls)


def _wants_json(req: Request) -> bool:
    accept = req.get_header("Accept") or HTML
    try:
        return mediatypes.quality(JSON, accept) > mediatypes.quality(HTML, accept)
    except ValueError:
        return False


def _send_json(req: Request, resp: falcon.Response, media: Media, value: dict[str, Any]) -> None:
    media.write(req, resp, value)
    resp.set_header("Cache-Control", _HEADERS["Cache-Control"])


def _send_page(resp: falcon.Response, title: str, body: str, urls: Urls) -> None:
    resp.content_type = f"{HTML}; charset=utf-8"
    resp.set_headers(_HEADERS)
    resp.data = "".join(_page(title, body, urls)).encode()


def _page(title: str, body: str, urls: Urls) -> Iterator[str]:
    base = escape(urls.base)
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{escape(title)} · Callboard</title><style>{_STYLE}</style></head>"
    yield f'<body><main><nav><a href="{base}/docs">Callboard</a> · '
    yield f'<a href="{base}/problems">All problems</a></nav>{body}</main></body></html>\n'
