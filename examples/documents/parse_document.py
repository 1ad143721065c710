"""Converts documents to Markdown: from their stored text, from their appearance, or from both."""

from typing import Annotated, Literal

from pydantic import Field

from callboard import File, Job, operation
from examples.documents.parsing import FileError, Parsed, Wanted, parse_files

Files = Annotated[list[File], Field(max_length=64, description="documents of any format")]
FirstPage = Annotated[int, Field(ge=0, description="the first page to read, from 0")]
LastPage = Annotated[
    Annotated[int, Field(ge=0)] | None,
    Field(description="the last page to read, inclusive; by default the document's last"),
]
Images = Annotated[
    int, Field(ge=0, le=500, description="how many pages of each document to render as images")
]
Refused = Annotated[
    Annotated[list[FileError], Field(max_length=64)] | None,
    Field(description="files that were not accepted, to be reported in `errors`"),
]


@operation(
    time_limit="30m",
    capacity_groups={"documents": 10},
    slots={"recognizer": 1},
    isolation="process",
    memory_limit="2GiB",
    max_result="64MiB",
)
def parse_document(
    files: Files,
    start_page_id: FirstPage = 0,
    end_page_id: LastPage = None,
    images: Images = 10,
    refused: Refused = None,
    *,
    job: Job,
) -> Parsed:
    """Parse documents, and recognise text only where there is no stored text.

    The text of PDF, Word, PowerPoint, Excel, HTML and plain text files is read directly. The text
    of pictures and scanned PDF pages is recognised. Each job takes a place of the resource
    `recognizer`, as those of `recognize_document` do.
    """
    wanted = Wanted("auto", start_page_id, end_page_id, images)
    return parse_files(files, refused, wanted, job)


@operation(
    time_limit="30m",
    capacity_groups={"documents": 10},
    slots={"recognizer": 1},
    isolation="process",
    memory_limit="2GiB",
    max_result="64MiB",
)
def recognize_document(
    files: Files,
    start_page_id: FirstPage = 0,
    end_page_id: LastPage = None,
    images: Images = 10,
    refused: Refused = None,
    *,
    job: Job,
) -> Parsed:
    """Recognise the text of pictures and of all pages of PDFs, even of pages with stored text."""
    wanted = Wanted("ocr", start_page_id, end_page_id, images)
    return parse_files(files, refused, wanted, job)


@operation(
    time_limit="10m",
    capacity_groups={"documents": 10},
    isolation="process",
    memory_limit="1GiB",
    max_result="64MiB",
)
def extract_document(  # noqa: PLR0913 — the options of a job
    files: Files,
    backend: Annotated[
        Literal["text", "office"],
        Field(description="`text` reads PDF, HTML and plain text; `office` reads Office files"),
    ] = "text",
    start_page_id: FirstPage = 0,
    end_page_id: LastPage = None,
    images: Images = 10,
    refused: Refused = None,
    *,
    job: Job,
) -> Parsed:
    """Extract the stored text of documents, without text recognition or a place of a resource."""
    wanted = Wanted(backend, start_page_id, end_page_id, images)
    return parse_files(files, refused, wanted, job)
