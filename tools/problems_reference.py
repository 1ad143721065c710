"""Writes the reference of all types of problems from their declarations, as Markdown."""

from collections.abc import Iterator

from callboard.api.problems.pages import Meaning, meanings
from callboard.api.problems.table import every_kind

_INTRODUCTION = """\
# Problems

Every error is answered as `application/problem+json`
([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)): `type`, `title`, `status`, `detail` and
`request_id`, for some types with further members. `title` is the same sentence each time, `detail`
is about this one. Programs compare `type`, and `code` where there is one.

The `type` is an address of the server, `…/problems/<name>`, and leads to the text that stands here.
Types that others have registered keep their own address. An error without a type of its own is
`about:blank`. What the web server refuses before it has read whom it was sent to, such as headers
that are too large, has the path alone: `/problems/<name>`.

A job that failed has such an object as its `error`, without a status.

This page is generated from `api/problems.py` and `api/problems/texts.py` by `make reference`.
"""


def render() -> str:
    """Return the whole page."""
    addresses = {kind.slug: kind.name for kind in every_kind() if ":" in kind.name}
    sections = (
        line for slug, of in meanings().items() for line in _section(slug, of, addresses.get(slug))
    )
    return "\n".join([_INTRODUCTION, *sections])


def _section(slug: str, of: list[Meaning], address: str | None) -> Iterator[str]:
    yield f"## `{slug}`\n"
    if address is not None:
        yield f"Type: <{address}>\n"
    for each in of:
        yield f"**{each.title}** {_place(each)}\n"
        yield f"{each.text.meaning}\n\n{each.text.advice}\n"


def _place(meaning: Meaning) -> str:
    if meaning.status is None:
        return "(error of a job)"
    code = f", `{meaning.code}`" if meaning.code else ""
    return f"({meaning.status}{code})"


if __name__ == "__main__":
    print(render(), end="")
