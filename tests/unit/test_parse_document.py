"""Documents are read in reading order, and unreadable ones are named."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL.Image import open as open_image

from callboard import Failure, File
from callboard.jobs.errors import Interruption
from examples.documents.formats.content import Block
from examples.documents.formats.layout import Piece, in_reading_order
from examples.documents.formats.markdown import content_list, markdown
from examples.documents.parse_document import (
    extract_document,
    parse_document,
    recognize_document,
)
from examples.documents.parsing import FileError, Output, Parsed
from tests import sample_documents as samples
from tests.recording_job import RecordingJob


class Reader:
    """Writes files to a folder and parses them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.job = RecordingJob()

    def parse(
        self, files: Mapping[str, bytes], operation: Any = parse_document, **chosen: Any
    ) -> Parsed:
        parsed = operation([self.file(*each) for each in files.items()], job=self.job, **chosen)
        assert isinstance(parsed, Parsed)
        return parsed

    def one(
        self, name: str, content: bytes, operation: Any = parse_document, **chosen: Any
    ) -> Output:
        (output,) = self.parse({name: content}, operation, **chosen).outputs
        return output

    def file(self, name: str, content: bytes) -> File:
        path = self.folder / name
        path.write_bytes(content)
        return File.of(path)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def texts(output: Output) -> list[tuple[str, str]]:
    return [(item["type"], item["text"]) for item in output.content_list_json]


def test_a_pdf_has_headings_table_and_columns_in_reading_order(reader: Reader) -> None:
    output = reader.one("report.pdf", samples.report())

    table = (
        "| Field | Seed | Yield |\n| --- | --- | --- |\n"
        "| North | Early | 7.2 |\n| South | Late | 6.8 |"
    )
    assert texts(output) == [
        ("title", samples.TITLE),
        ("title", "Results"),
        ("text", "The yield of each field is in this table."),
        ("table", table),
        ("title", "Discussion"),
        ("text", samples.LEFT),
        ("text", samples.MIDDLE),
        ("text", samples.RIGHT),
        ("title", "Outlook"),
        ("text", samples.OUTLOOK),
    ]
    assert output.markdown.startswith(f"# {samples.TITLE}\n\n## Results\n\n")
    assert [item["rows"] for item in output.content_list_json if "rows" in item] == [samples.TABLE]
    assert {item["page_idx"] for item in output.content_list_json} == {0}


def test_a_result_has_named_files_and_page_images(reader: Reader) -> None:
    output = reader.one("report.pdf", samples.report())

    paths = {file.name: file.path for file in (*output.files, *output.images)}
    assert sorted(paths) == ["report-page-0000.png", "report.md", "report_content_list.json"]
    assert paths["report.md"].read_text() == output.markdown
    assert json.loads(paths["report_content_list.json"].read_text()) == output.content_list_json
    with open_image(paths["report-page-0000.png"]) as picture:
        assert picture.width == pytest.approx(794, abs=2)  # A4 at 96 dots an inch


def test_pages_are_chosen_from_0_and_inclusively(reader: Reader) -> None:
    output = reader.one("book.pdf", samples.book(9), start_page_id=3, end_page_id=5, images=2)

    assert (output.pages, len(output.images)) == (3, 2)
    titles = [text for kind, text in texts(output) if kind == "title"]
    assert titles == ["Chapter 3", "Chapter 4", "Chapter 5"]
    assert [item["page_idx"] for item in output.content_list_json] == [3, 3, 4, 4, 5, 5]


def test_a_range_may_end_but_not_start_after_the_last_page(reader: Reader) -> None:
    assert reader.one("book.pdf", samples.book(3), start_page_id=2, end_page_id=99).pages == 1

    with pytest.raises(Failure, match=r"book\.pdf: There is no page 3: the pages are 0 to 2"):
        reader.parse({"book.pdf": samples.book(3)}, start_page_id=3)


def test_each_page_is_reported_and_a_cancelled_job_reads_no_further(reader: Reader) -> None:
    reader.one("book.pdf", samples.book(3))
    reported = list(reader.job.steps)
    reader.job = RecordingJob(cancel_in="Page 2 (last page: 9)")

    with pytest.raises(Interruption):
        reader.parse({"book.pdf": samples.book(9)})

    assert reported[-3:] == [
        "Page 1 (last page: 3)",
        "Page 2 (last page: 3)",
        "Page 3 (last page: 3)",
    ]
    assert reader.job.steps[-1] == "Page 3 (last page: 9)"


def test_a_scan_is_recognised_and_plain_extraction_finds_no_text_in_it(reader: Reader) -> None:
    recognised = reader.one("scan.pdf", samples.scan())
    extracted = reader.one("scan.pdf", samples.scan(), extract_document)

    assert texts(recognised)[0] == ("title", samples.SCANNED)
    assert "Twelve crates of apples were delivered" in recognised.markdown
    assert [kind for kind, _ in texts(extracted)] == ["image"]


def test_word_keeps_headings_lists_and_tables(reader: Reader) -> None:
    output = reader.one("letter.docx", samples.letter())

    assert output.markdown == (
        "# Minutes of the board\n\n# Decisions\n\nThe board met on Tuesday.\n\n"
        "- The budget is accepted.\n- The hall is rented.\n\n"
        "| Item | Cost |\n| --- | --- |\n| Hall | 300 \\| 400 |\n"
    )


def test_slides_and_sheets_become_pages(reader: Reader) -> None:
    talk = reader.one("talk.pptx", samples.talk(), extract_document, backend="office")
    prices = reader.one("prices.xlsx", samples.workbook(), start_page_id=0, end_page_id=0)

    assert [(item["type"], item["page_idx"]) for item in talk.content_list_json] == [
        ("title", 0),
        ("list", 0),
        ("list", 0),
        ("title", 1),
        ("table", 1),
    ]
    assert prices.content_list_json[1]["rows"] == [
        ["Crop", "Euro"],
        ["Wheat", "210.5"],
        ["Rye", ""],
    ]
    assert prices.pages == 1


def test_html_is_read_without_scripts_and_styles(reader: Reader) -> None:
    output = reader.one("rotation.html", samples.HTML)

    assert output.markdown == (
        "# Crop rotation\n\nWheat follows clover.\n\n- Year one\n- Year two\n\n## Plan\n\n"
        "| Year | Crop |\n| --- | --- |\n| 1 | Clover |\n\nLoose text.\n\n![A field]()\n"
    )


def test_plain_text_has_paragraphs(reader: Reader) -> None:
    output = reader.one("note.txt", "Erste\nZeile.\r\n\r\nZweiter Absatz: ä".encode())

    assert texts(output) == [("text", "Erste Zeile."), ("text", "Zweiter Absatz: ä")]


BROKEN = {
    "locked.pdf": (samples.report(password="hush"), "is encrypted"),
    "cut.pdf": (samples.report()[:900], "is damaged"),
    "cut.docx": (samples.letter()[:2000], "is damaged"),
    "blank.txt": (b" \n", "is empty"),
    "none.bin": (bytes(range(256)) * 8, "is not supported"),
    "old.doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old Office format"),
    "locked.xlsx": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        "is encrypted",
    ),
    "no.pdf": (b"%PDF-1.7\n%%EOF\n", "is damaged"),
    "cut.png": (b"\x89PNG\r\n\x1a\n" + bytes(20), "is not supported"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_unreadable_file_is_named_and_the_others_are_parsed(reader: Reader, name: str) -> None:
    content, cause = BROKEN[name]

    parsed = reader.parse({"good.html": samples.HTML, name: content})

    assert [output.filename for output in parsed.outputs] == ["good.html"]
    assert [error.filename for error in parsed.errors] == [name]
    assert cause in parsed.errors[0].error


def test_if_no_file_can_be_read_the_job_fails_and_names_each(reader: Reader) -> None:
    refused = [FileError(filename="empty.pdf", error="The file is empty.")]

    with pytest.raises(Failure) as failed:
        reader.parse({"cut.pdf": samples.report()[:900]}, refused=refused)

    assert "empty.pdf: The file is empty." in str(failed.value)
    assert "cut.pdf: The PDF is damaged" in str(failed.value)
    assert failed.value.retryable is False


def test_a_backend_names_a_format_that_it_cannot_read(reader: Reader) -> None:
    with pytest.raises(Failure, match="`office` does not read this format"):
        reader.parse({"report.pdf": samples.report()}, extract_document, backend="office")
    with pytest.raises(Failure, match="`text` does not read this format"):
        reader.parse({"letter.docx": samples.letter()}, extract_document, backend="text")
    with pytest.raises(Failure, match="`ocr` does not read this format"):
        reader.parse({"letter.docx": samples.letter()}, recognize_document)


def test_columns_are_read_in_order_even_if_their_paragraphs_end_side_by_side() -> None:
    def line(left: float, top: float, text: str) -> Piece:
        return Piece((left, top, left + 100, top + 10), text, 10)

    page = [
        Piece((0, 0, 250, 20), "Across", 20),
        *(line(0, top, f"a{top}") for top in (40, 52, 80, 92)),
        *(line(150, top, f"b{top}") for top in (40, 52, 80, 92)),
        Piece((0, 120, 250, 130), "Below", 10),
    ]

    found = [block.text for block in in_reading_order(page)]

    assert found == ["Across", "a40 a52", "a80 a92", "b40 b52", "b80 b92", "Below"]


def test_a_gap_within_a_line_splits_no_column_and_hyphens_are_joined() -> None:
    page = [
        Piece((0, 0, 50, 10), "Contents", 10),
        Piece((200, 0, 210, 10), "12", 10),
        Piece((0, 12, 210, 22), "and the har-", 10),
        Piece((0, 24, 210, 34), "vest of Haute-", 10),
        Piece((0, 36, 210, 46), "Savoie", 10),
    ]

    assert [block.text for block in in_reading_order(page)] == [
        "Contents 12 and the harvest of Haute- Savoie"
    ]


def test_titles_are_ordered_by_their_size() -> None:
    blocks = [
        Block(text="Book", size=20),
        Block(text="Part", size=14),
        Block(text="a long text of the usual size", size=10),
    ]

    items = content_list([(0, blocks)])

    assert markdown(items, {}) == "# Book\n\n## Part\n\na long text of the usual size\n"
