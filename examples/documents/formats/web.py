"""Reads HTML and plain text."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from lxml import html

from examples.documents.formats.content import Block, Document, Flow, Unreadable

_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_SKIPPED: Final = frozenset(("head", "script", "style", "template", "noscript", "nav"))
_INLINE: Final = frozenset(
    ("a", "abbr", "b", "br", "cite", "code", "em", "i", "mark", "q", "s", "small", "span", "strong")
) | {"sub", "sup", "time", "u"}


@contextmanager
def page(path: Path) -> Iterator[Document]:
    """Open an HTML page."""
    yield Flow([*_blocks(html.parse(str(path)).getroot())])


@contextmanager
def text(path: Path) -> Iterator[Document]:
    """Open a plain text file; empty lines separate paragraphs.

    Raises:
        Unreadable: it is not UTF-8.
    """
    try:
        whole = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("The format of the file is not supported.") from error
    parts = (" ".join(part.split()) for part in whole.replace("\r\n", "\n").split("\n\n"))
    yield Flow([Block(text=part) for part in parts if part])


def _blocks(element: Any) -> Iterator[Block]:
    """Walk elements in order; text between blocks is also a paragraph."""
    loose: list[str] = [element.text or ""]
    for child in element:
        if child.tag in _INLINE:
            loose.append(child.text_content() if child.tag != "br" else " ")
        elif isinstance(child.tag, str):
            yield from _texts(loose)
            yield from _block(child)
            loose = []
        loose.append(child.tail or "")
    yield from _texts(loose)


def _block(element: Any) -> Iterator[Block]:
    tag = element.tag
    if tag in _SKIPPED:
        return
    if tag in _HEADINGS:
        yield Block(kind="title", level=_HEADINGS[tag], text=_plain(element))
    elif tag == "table":
        rows = [[_plain(cell) for cell in row.xpath("./td|./th")] for row in element.iter("tr")]
        yield Block(kind="table", rows=[row for row in rows if row])
    elif tag == "img":
        yield Block(kind="image", text=element.get("alt", ""))
    elif tag == "li" and not len(element.xpath(".//ul|.//ol|.//table|.//p")):
        yield Block(kind="list", text=_plain(element))
    else:
        yield from _blocks(element)


def _texts(loose: list[str]) -> Iterator[Block]:
    if whole := " ".join("".join(loose).split()):
        yield Block(text=whole)


def _plain(element: Any) -> str:
    return " ".join(element.text_content().split())
