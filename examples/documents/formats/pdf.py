"""Reads the text layer of PDFs; pages without one are scans, whose text is recognised."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, cast

import pdfplumber
import pypdfium2
from pdfminer.pdfdocument import PDFPasswordIncorrect
from pdfplumber.page import Page
from pdfplumber.pdf import PDF
from pdfplumber.table import Table
from pdfplumber.utils.exceptions import PdfminerException
from PIL.Image import Image

from examples.documents.formats import ocr
from examples.documents.formats.content import Block, Bounds, Document, Unreadable
from examples.documents.formats.layout import Piece, in_reading_order

POINTS_PER_INCH: Final = 72
PICTURE_DPI: Final = 96
SCAN_DPI: Final = 150
MIN_PICTURE_POINTS: Final = 24.0


class Pdf:
    """A PDF.

    Args:
        plumbed: the text layer.
        drawn: the appearance.
        recognise: the pages whose text is recognised: all, scans only, or none.
    """

    def __init__(self, plumbed: PDF, drawn: pypdfium2.PdfDocument, recognise: ocr.Pages) -> None:
        self._plumbed = plumbed
        self._drawn = drawn
        self._recognise = recognise

    def __len__(self) -> int:
        """Return the number of pages."""
        return len(self._drawn)

    def blocks(self, page: int) -> Sequence[Block]:
        """Read a page."""
        if self._recognise == "all":
            return self._recognised(page)
        with closing(self._plumbed.pages[page]) as opened:
            pieces = _pieces(opened)
        is_scan = not any(piece.text for piece in pieces) and bool(pieces)
        if is_scan and self._recognise == "scans":
            return self._recognised(page)
        return in_reading_order(pieces)

    def picture(self, page: int) -> Image:
        """Render a page at screen resolution."""
        return self._drawing(page, PICTURE_DPI)

    def _recognised(self, page: int) -> Sequence[Block]:
        scale = POINTS_PER_INCH / SCAN_DPI
        return in_reading_order(ocr.pieces(self._drawing(page, SCAN_DPI), scale))

    def _drawing(self, page: int, dpi: int) -> Image:
        with closing(self._drawn[page]) as opened:
            return cast("Image", opened.render(scale=dpi / POINTS_PER_INCH).to_pil())


@contextmanager
def opened(path: Path, recognise: ocr.Pages) -> Iterator[Document]:
    """Open a PDF.

    Raises:
        Unreadable: the file is encrypted, damaged or without pages.
    """
    try:
        drawn = pypdfium2.PdfDocument(path)
        with closing(drawn), pdfplumber.open(path) as plumbed:
            if not len(drawn):
                raise Unreadable("The PDF has no pages.")
            yield Pdf(plumbed, drawn, recognise)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise Unreadable("The PDF is encrypted; send it without a password.") from error
        raise Unreadable("The PDF is damaged: it cannot be opened.") from error
    except PdfminerException as error:
        if any(isinstance(each, PDFPasswordIncorrect) for each in error.args):
            raise Unreadable("The PDF is encrypted; send it without a password.") from error
        raise


def _pieces(page: Page) -> list[Piece]:
    """Find words, and complete tables and pictures."""
    tables = [(_bounds(table.bbox), table.extract()) for table in _tables(page)]
    words = page.extract_words(extra_attrs=["size"], keep_blank_chars=False)
    areas = [area for area, _ in tables]
    found = [
        Piece(_bounds_of(word), word["text"], word["size"])
        for word in words
        if not any(_within(_bounds_of(word), area) for area in areas)
    ]
    found += [Piece(area, block=_table(rows, area)) for area, rows in tables]
    pictures = {_bounds_of(image) for image in page.images}
    found += [
        Piece(area, block=Block(kind="image", bounds=area)) for area in pictures if _is_large(area)
    ]
    return found


def _tables(page: Page) -> list[Table]:
    """Find tables by their lines; skip the slow search on pages without any lines."""
    return page.find_tables() if page.lines or page.rects or page.curves else []


def _table(rows: list[list[str | None]], area: Bounds) -> Block:
    cells = [[" ".join((cell or "").split()) for cell in row] for row in rows]
    return Block(kind="table", rows=cells, bounds=area)


def _within(word: Bounds, area: Bounds) -> bool:
    across, down = (word[0] + word[2]) / 2, (word[1] + word[3]) / 2
    return area[0] <= across <= area[2] and area[1] <= down <= area[3]


def _is_large(area: Bounds) -> bool:
    return min(area[2] - area[0], area[3] - area[1]) >= MIN_PICTURE_POINTS


def _bounds_of(found: dict[str, Any]) -> Bounds:
    return _bounds((found["x0"], found["top"], found["x1"], found["bottom"]))


def _bounds(box: Sequence[float]) -> Bounds:
    left, top, right, bottom = (round(float(each), 1) for each in box)
    return left, top, right, bottom
