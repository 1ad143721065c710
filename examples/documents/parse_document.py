"""Documents as Markdown: by what was written in them, by what is to be seen, or by both."""

from typing import Annotated, Literal

from pydantic import Field

from callboard import File, Job, operation
from examples.documents.parsing import FileError, Parsed, Wanted, parse_files

Files = Annotated[list[File], Field(max_length=64, description="the documents, of any format")]
FirstPage = Annotated[int, Field(ge=0, description="the first page to read, from 0")]
LastPage = Annotated[
    Annotated[int, Field(ge=0)] | None,
    Field(description="the last page to read, inclusive; by default the document's last"),
]
Images = Annotated[
    int, Field(ge=0, le=500, description="how many pages of each document are drawn as pictures")
]
Refused = Annotated[
    Annotated[list[FileError], Field(max_length=64)] | None,
    Field(description="files that could not be sent, and are to be reported with the others"),
]


@operation(
    time_limit="30m",
    max_active=10,
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
    """Parse documents, each page by what suits it.

    PDF, Word, PowerPoint, Excel, HTML and plain text are read as they were written. Pictures, and
    pages of a PDF that have no text, are recognised; so a job of this operation takes a place of
    the resource `recognizer`, as `recognize_document` does.
    """
    wanted = Wanted("auto", start_page_id, end_page_id, images)
    return parse_files(files, refused, wanted, job)


@operation(
    time_limit="30m",
    max_active=10,
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
    """Recognise the text of pictures and of all pages of PDFs, whatever text they contain."""
    wanted = Wanted("ocr", start_page_id, end_page_id, images)
    return parse_files(files, refused, wanted, job)


@operation(
    time_limit="10m",
    max_active=10,
    isolation="process",
    memory_limit="1GiB",
    max_result="64MiB",
)
def extract_document(  # noqa: PLR0913 — what a job may choose
    files: Files,
    backend: Annotated[
        Literal["text", "office"],
        Field(description="`text` reads PDF, HTML and plain text; `office` Word and its kind"),
    ] = "text",
    start_page_id: FirstPage = 0,
    end_page_id: LastPage = None,
    images: Images = 10,
    refused: Refused = None,
    *,
    job: Job,
) -> Parsed:
    """Extract what was written in documents; it needs no models, and no place of a resource."""
    wanted = Wanted(backend, start_page_id, end_page_id, images)
    return parse_files(files, refused, wanted, job)
