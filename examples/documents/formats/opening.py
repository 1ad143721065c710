"""Detects the format of a file from its bytes, and opens it with the matching reader."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Literal

from PIL import UnidentifiedImageError
from PIL.Image import open as open_image

from examples.documents.formats import ocr, office, pdf, web
from examples.documents.formats.content import Document, OpenDocument, Unreadable

Backend = Literal["auto", "text", "ocr", "office"]
Open = Callable[[Path], OpenDocument]
HEAD_BYTES: Final = 4096
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
OFFICE: Final[dict[str, Open]] = {
    "word/document.xml": office.word,
    "ppt/presentation.xml": office.slides,
    "xl/workbook.xml": office.workbook,
}
PDF: Final[dict[Backend, ocr.Pages]] = {"auto": "scans", "text": "none", "ocr": "all"}


@contextmanager
def opened(path: Path, backend: Backend) -> Iterator[Document]:
    """Open a document.

    Args:
        path: the path of the file.
        backend: `text` and `office` read stored text, `ocr` recognises the text of pictures and
            pages, and `auto` recognises text only where none is stored.

    Raises:
        Unreadable: the file is empty, encrypted, damaged, or in a format that the backend does not
            read.
    """
    try:
        with _reader(path, backend)(path) as document:
            yield document
    except (Unreadable, MemoryError):
        raise
    except Exception as error:
        # Readers may raise any exception for a damaged file.
        raise Unreadable(f"The file is damaged ({type(error).__name__}).") from error


def _reader(path: Path, backend: Backend) -> Open:
    head = path.read_bytes()[:HEAD_BYTES] if path.stat().st_size < HEAD_BYTES else _head(path)
    if not head.strip():
        raise Unreadable("The file is empty.")
    if b"%PDF-" in head[:1024]:
        return partial(pdf.opened, recognise=PDF[_one_of(backend, "auto", "text", "ocr")])
    if head.startswith(b"PK"):
        _one_of(backend, "auto", "office")
        return _office(path)
    if head.startswith(OLE):
        raise Unreadable(_ole(path))
    if _is_picture(path):
        _one_of(backend, "auto", "ocr")
        return ocr.opened
    _one_of(backend, "auto", "text")
    begin = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    is_html = begin.startswith(b"<") and any(tag in begin for tag in (b"<html", b"<body", b"<p"))
    return web.page if is_html else web.text


def _office(path: Path) -> Open:
    try:
        names = zipfile.ZipFile(path).namelist()
    except zipfile.BadZipFile as error:
        raise Unreadable("The file is damaged: the archive is incomplete.") from error
    for name, reader in OFFICE.items():
        if name in names:
            return reader
    raise Unreadable("The file is an archive, but not a Word, PowerPoint or Excel document.")


def _ole(path: Path) -> str:
    if ENCRYPTED in path.read_bytes():
        return "The document is encrypted; send it without a password."
    return "The document has an old Office format; save it as .docx, .pptx or .xlsx."


def _is_picture(path: Path) -> bool:
    try:
        with open_image(path):
            return True
    except UnidentifiedImageError:
        return False


def _one_of(backend: Backend, *fitting: Backend) -> Backend:
    if backend not in fitting:
        raise Unreadable(f"The backend `{backend}` does not read this format; use `auto`.")
    return backend


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)
