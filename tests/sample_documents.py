"""Realistic documents with known content."""

from io import BytesIO
from typing import Any, Final

import docx
import openpyxl
import pptx
import pypdfium2
from pptx.util import Inches
from reportlab.lib import colors, pagesizes
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BalancedColumns,
    Flowable,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
)

TITLE: Final = "Yield of winter wheat"
TABLE: Final = [["Field", "Seed", "Yield"], ["North", "Early", "7.2"], ["South", "Late", "6.8"]]
LEFT: Final = (
    "The northern fields were sown in late September after a dry summer had delayed tillage."
)
MIDDLE: Final = (
    "Rain in October brought the seedlings up evenly, and few plants were lost to frost."
)
RIGHT: Final = (
    "The southern fields followed three weeks later and caught up in the course of spring."
)
OUTLOOK: Final = (
    "Trials go on for two more years, on the same fields and with the same seed, so that dry and "
    "wet summers can be told apart."
)
SCANNED: Final = "Delivery note"


def report(*, password: str | None = None) -> bytes:
    """A PDF of one page: title, table, headings, and text in two columns."""
    styles = getSampleStyleSheet()
    body = [Paragraph(text, styles["BodyText"]) for text in (LEFT, MIDDLE, RIGHT)]
    table = Table(TABLE)
    table.setStyle([("GRID", (0, 0), (-1, -1), 0.5, colors.black)])
    story: list[Flowable] = [
        Paragraph(TITLE, styles["Title"]),
        Paragraph("Results", styles["Heading2"]),
        Paragraph("The yield of each field is in this table.", styles["BodyText"]),
        Spacer(1, 12),
        table,
        Spacer(1, 12),
        Paragraph("Discussion", styles["Heading2"]),
        BalancedColumns(body, nCols=2, innerPadding=24),
        Paragraph("Outlook", styles["Heading2"]),
        Paragraph(OUTLOOK, styles["BodyText"]),
    ]
    lock = StandardEncryption(password) if password else None
    buffer = BytesIO()
    SimpleDocTemplate(buffer, pagesize=pagesizes.A4, encrypt=lock).build(story)
    return buffer.getvalue()


def book(pages: int) -> bytes:
    """A PDF with a heading and a sentence on each page."""
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=pagesizes.A5)
    for number in range(pages):
        canvas.setFont("Helvetica-Bold", 18)
        canvas.drawString(50, 500, f"Chapter {number}")
        canvas.setFont("Helvetica", 10)
        canvas.drawString(50, 470, f"This is what stands on page {number} of a long book.")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def scan() -> bytes:
    """A PDF whose only page is a picture of text."""
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=pagesizes.A5)
    canvas.setFont("Helvetica-Bold", 26)
    canvas.drawString(50, 500, SCANNED)
    canvas.setFont("Helvetica", 14)
    canvas.drawString(50, 450, "Twelve crates of apples were delivered")
    canvas.drawString(50, 430, "on Monday to the market hall.")
    canvas.save()
    picture = pypdfium2.PdfDocument(buffer.getvalue())[0].render(scale=2).to_pil()
    scanned = BytesIO()
    picture.save(scanned, "PDF", resolution=144)
    return scanned.getvalue()


def letter() -> bytes:
    """A Word document."""
    document = docx.Document()
    document.add_heading("Minutes of the board", 0)
    document.add_heading("Decisions", 1)
    document.add_paragraph("The board met on Tuesday.")
    document.add_paragraph("The budget is accepted.", style="List Bullet")
    document.add_paragraph("The hall is rented.", style="List Bullet")
    table = document.add_table(rows=0, cols=2)
    for row in (("Item", "Cost"), ("Hall", "300 | 400")):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    return _saved(document)


def talk() -> bytes:
    """A presentation of two slides."""
    deck = pptx.Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Harvest"
    first.placeholders[1].text = "Early seed\nLate seed"
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "Numbers"
    frame = second.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(6), Inches(2))
    for row, texts in enumerate((("Year", "Tonnes"), ("2025", "14"))):
        for column, text in enumerate(texts):
            frame.table.cell(row, column).text = text
    return _saved(deck)


def workbook() -> bytes:
    """A workbook of two sheets."""
    book = openpyxl.Workbook()
    prices = book.active
    prices.title = "Prices"
    for row in (("Crop", "Euro"), ("Wheat", 210.5), ("Rye", None)):
        prices.append(row)
    book.create_sheet("Notes")["A1"] = "Prices are those of March."
    return _saved(book)


HTML: Final = b"""<!doctype html><html><head><title>x</title><style>p {color: red}</style></head>
<body><h1>Crop rotation</h1><p>Wheat follows <b>clover</b>.</p><ul><li>Year one<li>Year two</ul>
<h2>Plan</h2><table><tr><th>Year<th>Crop</tr><tr><td>1<td>Clover</tr></table>
<script>alert(1)</script>Loose text.<img src=x.png alt="A field"></body></html>"""


def _saved(document: Any) -> bytes:
    buffer = BytesIO()
    document.save(buffer)
    return buffer.getvalue()
