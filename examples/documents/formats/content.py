"""The content of a document: pages of blocks in reading order."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image

Kind = Literal["text", "title", "list", "table", "image"]
Bounds = tuple[float, float, float, float]
"""Left, top, right and bottom, in points from the page's upper left corner."""


class Unreadable(Exception):
    """A document cannot be read; the message is a sentence for its sender."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """One piece of a page.

    Attributes:
        level: the level of a title, from 1; 0 if unknown, in which case the size decides.
        size: the text's height, in points; 0 if unknown.
        rows: the cells of a table.
        bounds: where it is, if the format has positions.
    """

    kind: Kind = "text"
    text: str = ""
    level: int = 0
    size: float = 0
    rows: Sequence[Sequence[str]] = ()
    bounds: Bounds | None = None


class Document(Protocol):
    """An open document."""

    def __len__(self) -> int:
        """Return the number of pages: slides, sheets, or one where a format has no pages."""

    def blocks(self, page: int) -> Sequence[Block]:
        """Read a page, counted from 0."""

    def picture(self, page: int) -> "Image | None":
        """Render a page; None if the format does not define its appearance."""


OpenDocument = AbstractContextManager[Document]


class Flow:
    """A document whose pages are blocks, without an appearance."""

    def __init__(self, *pages: Sequence[Block]) -> None:
        self._pages = pages

    def __len__(self) -> int:
        """Return the number of pages."""
        return len(self._pages)

    def blocks(self, page: int) -> Sequence[Block]:
        """Return the blocks of a page."""
        return self._pages[page]

    def picture(self, _page: int) -> None:
        """Return None: the document has no appearance."""
