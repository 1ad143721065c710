"""Writes the reference of all problem types from their declarations, as Markdown."""

from collections.abc import Iterator

from callboard.api.problems.problem_type import JobErrorType, ProblemType
from callboard.api.problems.render import PageEntry, pages

_INTRODUCTION = """\
# Problems

Every error is answered as `application/problem+json`
([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with `type`, `title`, `status`, `detail` and
`request_id`; some types add members. `title` is the same for every problem of a type, `detail`
describes this one. Programs compare `type`, and `code` where there is one.

The `type` is an address on the server, `…/problems/<name>`, that leads to the text below.
Registered types keep their registered address, and an error without a type of its own is
`about:blank`. When the web server rejects a request before it has read the host, such as one with
headers that are too large, `type` is only the path: `/problems/<name>`.

A failed job has such an object as its `error`, without a status.

This page is generated from `api/problems/table.py` and `api/problems/job_errors.py` by
`make reference`.
"""


def render() -> str:
    """Return the whole page."""
    sections = (line for slug, of in pages().items() for line in _section(slug, of))
    return "\n".join([_INTRODUCTION, *sections])


def _section(slug: str, of: list[PageEntry]) -> Iterator[str]:
    yield f"## `{slug}`\n"
    first = of[0]
    if isinstance(first, ProblemType) and ":" in first.name:
        yield f"Type: <{first.name}>\n"
    for each in of:
        yield f"**{each.title}** {_place(each)}\n"
        yield f"{each.meaning}\n\n{each.advice}\n"


def _place(entry: PageEntry) -> str:
    if isinstance(entry, JobErrorType):
        return "(job error)"
    code = f", `{entry.code}`" if entry.code else ""
    return f"({entry.status}{code})"


if __name__ == "__main__":
    print(render(), end="")
