"""Reads MEDLINE XML, the format of PubMed's files and of `efetch`, record by record."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

ROOT: Final = "PubmedArticleSet"
MAX_RECORD_BYTES: Final = 16 * 1024**2
_CHUNK_BYTES: Final = 64 * 1024
_GZIP: Final = b"\x1f\x8b"


class NotMedline(ValueError):
    """The bytes are not complete MEDLINE XML; the message says why."""


@dataclass(frozen=True)
class Paper:
    """One version of one record.

    Attributes:
        terms: MeSH headings and keywords.
        year: of publication; None if the record does not say it.
    """

    pmid: int
    version: int
    title: str
    abstract: str
    authors: tuple[str, ...]
    journal: str
    year: int | None
    terms: tuple[str, ...]


@dataclass(frozen=True)
class Deletion:
    """A record withdrawn from PubMed, in this version and all earlier ones."""

    pmid: int
    version: int


Change = Paper | Deletion


def read(stream: BinaryIO) -> Iterator[Change]:
    """Yield the changes in a file or a response of `efetch`, in order.

    It may be compressed with gzip. Only one record at a time is in memory.

    Raises:
        NotMedline: it is something else, damaged, cut off, or declares entities: those can be
            made to fill the memory, and MEDLINE needs none.
    """
    parser = _Parser()
    try:
        for chunk in _chunks(stream):
            for element in parser.feed(chunk):
                yield from _changes(element)
        for element in parser.feed(b"", last=True):
            yield from _changes(element)
    except (expat.ExpatError, EOFError, OSError, zlib.error) as error:
        raise NotMedline(f"This is not complete MEDLINE XML: {error}") from error


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    start = stream.read(len(_GZIP))
    stream.seek(0)
    opened = gzip.GzipFile(fileobj=stream) if start == _GZIP else stream
    while chunk := opened.read(_CHUNK_BYTES):
        yield chunk


class _Parser:
    """Builds the children of the root one after another."""

    def __init__(self) -> None:
        self._depth = 0
        self._size = 0
        self._builder = TreeBuilder()
        self._ready: list[Element] = []
        self._expat = expat.ParserCreate()
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._text
        self._expat.EntityDeclHandler = self._entity

    def feed(self, data: bytes, *, last: bool = False) -> list[Element]:
        self._expat.Parse(data, last)
        self._size = 0 if self._ready else self._size + len(data)
        if self._size > MAX_RECORD_BYTES:
            raise NotMedline(f"A record has more than {MAX_RECORD_BYTES >> 20} MiB.")
        ready, self._ready = self._ready, []
        return ready

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._depth == 0 and name != ROOT:
            raise NotMedline(f"This is not MEDLINE XML: it begins with <{name}>, not <{ROOT}>.")
        if self._depth > 0:
            self._builder.start(name, attributes)
        self._depth += 1

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._depth > 0:
            self._builder.end(name)
        if self._depth == 1:
            self._ready.append(self._builder.close())
            self._builder = TreeBuilder()

    def _text(self, text: str) -> None:
        if self._depth > 1:
            self._builder.data(text)

    def _entity(self, name: str, *_about: Any) -> None:
        raise NotMedline(f"This XML declares the entity {name!r}, which MEDLINE does not use.")


def _changes(element: Element) -> Iterator[Change]:
    if element.tag == "PubmedArticle":
        yield _paper(element)
    elif element.tag == "DeleteCitation":
        yield from (Deletion(*_identity(each)) for each in element.iter("PMID"))


def _paper(article: Element) -> Paper:
    citation = _child(article, "MedlineCitation")
    return Paper(
        *_identity(_child(citation, "PMID")),
        title=_said(citation.find("Article/ArticleTitle")),
        abstract=" ".join(map(_part, citation.iterfind("Article/Abstract/AbstractText"))),
        authors=tuple(filter(None, map(_author, citation.iterfind("Article/AuthorList/Author")))),
        journal=_said(citation.find("Article/Journal/Title")),
        year=_year(citation.find("Article/Journal/JournalIssue/PubDate")),
        terms=tuple(
            _said(term)
            for place in ("MeshHeadingList/MeshHeading/DescriptorName", "KeywordList/Keyword")
            for term in citation.iterfind(place)
        ),
    )


def _child(element: Element, name: str) -> Element:
    found = element.find(name)
    if found is None:
        raise NotMedline(f"A <{element.tag}> has no <{name}>.")
    return found


def _identity(pmid: Element) -> tuple[int, int]:
    number, version = _said(pmid), pmid.get("Version", "1")
    # Neither has as many digits as would not fit into a column of SQLite.
    if not (number.isascii() and number.isdigit() and len(number) < len("10000000000000")):
        raise NotMedline(f"{number[:40]!r} is not a PMID.")
    if not (version.isascii() and version.isdigit() and len(version) < len("1000000")):
        raise NotMedline(f"{version[:40]!r} is not a version of a PMID.")
    return int(number), int(version)


def _said(element: Element | None) -> str:
    """Return all text of an element, including that in <i> and <sup>, with single spaces."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


def _part(text: Element) -> str:
    label = text.get("Label")
    return f"{label}: {_said(text)}" if label else _said(text)


def _author(author: Element) -> str:
    names = [author.findtext(name, "") for name in ("LastName", "Initials", "CollectiveName")]
    return " ".join(filter(None, names))


def _year(date: Element | None) -> int | None:
    if date is None:
        return None
    written = (date.findtext("Year") or date.findtext("MedlineDate") or "")[:4]
    return int(written) if written.isascii() and written.isdigit() else None
