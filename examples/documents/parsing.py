"""Parses the files of a job one after another, for all operations."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from callboard import Failure, File, Job

if TYPE_CHECKING:
    from examples.documents.formats.content import Block, Document

MAX_IMAGES: Final = 800
"""The limit of images in one result, which may contain 1,000 files."""
Backend = Literal["auto", "text", "ocr", "office"]


class FileError(BaseModel):
    """Why a file could not be parsed."""

    filename: str
    error: Annotated[str, Field(description="why, in a sentence")]


class Output(BaseModel):
    """The content of a document."""

    filename: str
    pages: Annotated[int, Field(description="how many pages were read")]
    markdown: str
    content_list_json: Annotated[
        list[dict[str, Any]],
        Field(description="`{type, page_idx, text, …}` for each block, in reading order"),
    ]
    files: Annotated[list[File], Field(description="the Markdown and the content list")]
    images: Annotated[list[File], Field(description="pages, rendered as PNG")]


class Parsed(BaseModel):
    """Documents that were parsed, and files that could not be."""

    outputs: list[Output]
    errors: list[FileError]


@dataclass(frozen=True)
class Wanted:
    """How to read each document.

    Attributes:
        first: the first page, from 0.
        last: the last page, inclusive; None for the document's last.
        images: how many pages to render of each document; fewer if there are many documents.
    """

    backend: Backend
    first: int
    last: int | None
    images: int


def parse_files(
    files: Sequence[File], refused: Sequence[FileError] | None, wanted: Wanted, job: Job
) -> Parsed:
    """Parse files; a file that cannot be read is reported, and the others are parsed.

    Args:
        files: the documents.
        refused: files that were not accepted, to be reported in `errors`.
        wanted: how to read the documents.
        job: receives the progress.

    Raises:
        Failure: no file could be read; the message names each.
    """
    job.step("Loading the readers")
    from examples.documents.formats.content import Unreadable  # noqa: PLC0415 — not in web

    outputs, errors = [], list(refused or ())
    for place, file in enumerate(files, 1):
        job.stage(file.name, 100 / len(files))
        prefix = f"{place}-" if len(files) > 1 else ""
        try:
            outputs.append(
                _parse(file, wanted, job, len(files), prefix + PurePath(file.name).stem[:50])
            )
        except Unreadable as error:
            job.log(f"{file.name}: {error}")
            errors.append(FileError(filename=file.name, error=str(error)))
    if not outputs:
        causes = " ".join(f"{each.filename}: {each.error}" for each in errors)
        raise Failure(causes or "There are no files.", retryable=False)
    return Parsed(outputs=outputs, errors=errors)


def _parse(file: File, wanted: Wanted, job: Job, of: int, stem: str) -> Output:
    from examples.documents.formats.markdown import content_list, markdown  # noqa: PLC0415
    from examples.documents.formats.opening import opened  # noqa: PLC0415

    assert file.path is not None
    with opened(file.path, wanted.backend) as document:
        pages = _pages(document, wanted)
        items = content_list(_blocks(document, pages, job))
        drawn = _drawn(document, pages[: min(wanted.images, MAX_IMAGES // of)], job, stem)
    text = markdown(items, {page: file.name for page, file in drawn.items()})
    return Output(
        filename=file.name,
        pages=len(pages),
        markdown=text,
        content_list_json=[dict(item) for item in items],
        files=[
            _written(job, f"{stem}.md", text),
            _written(job, f"{stem}_content_list.json", json.dumps(items, ensure_ascii=False)),
        ],
        images=list(drawn.values()),
    )


def _pages(document: "Document", wanted: Wanted) -> range:
    from examples.documents.formats.content import Unreadable  # noqa: PLC0415

    count = len(document)
    last = count - 1 if wanted.last is None else min(wanted.last, count - 1)
    if wanted.first > last:
        raise Unreadable(f"There is no page {wanted.first}: the pages are 0 to {count - 1}.")
    return range(wanted.first, last + 1)


def _blocks(
    document: "Document", pages: range, job: Job
) -> Iterator[tuple[int, "Sequence[Block]"]]:
    for page in job.track(pages):
        job.step(f"Page {page + 1} (last page: {pages[-1] + 1})")
        yield page, document.blocks(page)


def _drawn(document: "Document", pages: range, job: Job, stem: str) -> dict[int, File]:
    drawn = {}
    for page in pages:
        job.checkpoint()
        picture = document.picture(page)
        if picture is not None:
            content = BytesIO()
            picture.save(content, "PNG")
            drawn[page] = _written(job, f"{stem}-page-{page:04}.png", content.getvalue())
    return drawn


def _written(job: Job, name: str, content: str | bytes) -> File:
    file = job.files.new(name)
    assert file.path is not None  # because the file is new
    file.path.write_bytes(content.encode() if isinstance(content, str) else content)
    return file
