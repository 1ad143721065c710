"""Reads the headings, lists, tables and pictures of Word, PowerPoint and Excel files."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import docx
import openpyxl
import pptx
from docx.oxml.ns import qn
from docx.table import Table
from docx.text.paragraph import Paragraph

from examples.documents.formats.content import Block, Document, Flow

MAX_ROWS: Final = 10_000
"""The limit for each sheet; more is data rather than a document."""


@contextmanager
def word(path: Path) -> Iterator[Document]:
    """Open a Word document; it counts as one page, since pages exist only in print."""
    opened = docx.Document(str(path))
    found: list[Block] = []
    for item in opened.iter_inner_content():
        if isinstance(item, Table):
            found.append(Block(kind="table", rows=_unmerged(item)))
        else:
            found += _paragraph(item)
    yield Flow(found)


@contextmanager
def slides(path: Path) -> Iterator[Document]:
    """Open a presentation; each slide is a page."""
    yield Flow(*([*_slide(slide.shapes)] for slide in pptx.Presentation(str(path)).slides))


@contextmanager
def workbook(path: Path) -> Iterator[Document]:
    """Open a workbook; each sheet is a page, with the last values of its formulas."""
    with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as opened:
        yield Flow(*(_sheet(sheet) for sheet in opened.worksheets))


def _paragraph(paragraph: Paragraph) -> Iterator[Block]:
    text, style = paragraph.text.strip(), str(getattr(paragraph.style, "name", ""))
    name, _, number = style.rpartition(" ")
    if text and style == "Title":
        yield Block(kind="title", level=1, text=text)
    elif text and name == "Heading" and number.isdigit():
        yield Block(kind="title", level=int(number), text=text)
    elif text:
        yield Block(kind="list" if style.startswith("List") else "text", text=text)
    for _ in paragraph._p.iter(qn("a:blip")):  # noqa: SLF001 — python-docx offers no list of them
        yield Block(kind="image")


def _unmerged(table: Table) -> list[list[str]]:
    rows = []
    for row in table.rows:
        seen: list[Any] = []
        cells = []
        for cell in row.cells:
            repeated = any(cell._tc is each for each in seen)  # noqa: SLF001 — a merged cell
            cells.append("" if repeated else " ".join(cell.text.split()))
            seen.append(cell._tc)  # noqa: SLF001
        rows.append(cells)
    return rows


def _slide(shapes: Iterable[Any]) -> Iterator[Block]:
    placed = sorted(
        shapes, key=lambda shape: (not _is_title(shape), shape.top or 0, shape.left or 0)
    )
    for shape in placed:
        if hasattr(shape, "shapes"):
            yield from _slide(shape.shapes)
        elif shape.has_table if hasattr(shape, "has_table") else False:
            yield Block(
                kind="table", rows=[[_plain(c.text) for c in row.cells] for row in shape.table.rows]
            )
        elif hasattr(shape, "image"):
            yield Block(kind="image")
        elif shape.has_text_frame:
            yield from _frame(shape)


def _frame(shape: Any) -> Iterator[Block]:
    texts = [text for each in shape.text_frame.paragraphs if (text := _plain(each.text))]
    if _is_title(shape):
        yield Block(kind="title", level=1, text=" ".join(texts))
        return
    kind = "list" if shape.is_placeholder and len(texts) > 1 else "text"
    for text in texts:
        yield Block(kind="list" if kind == "list" else "text", text=text)


def _is_title(shape: Any) -> bool:
    return bool(shape.is_placeholder and shape.placeholder_format.type in (1, 3))


def _sheet(sheet: Any) -> Sequence[Block]:
    rows = [
        ["" if value is None else _plain(str(value)) for value in row]
        for row in sheet.iter_rows(max_row=min(sheet.max_row or 0, MAX_ROWS), values_only=True)
    ]
    filled = [row for row in rows if any(row)]
    title = Block(kind="title", level=1, text=sheet.title)
    if not filled:
        return [title]
    if not any(any(row[1:]) for row in filled):
        return [title, *(Block(text=row[0]) for row in filled)]
    width = max(place for row in filled for place, cell in enumerate(row, 1) if cell)
    return [title, Block(kind="table", rows=[row[:width] for row in filled])]


def _plain(text: str) -> str:
    return " ".join(text.split())
