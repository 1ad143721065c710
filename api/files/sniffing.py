"""Determines the media type of a file, and refuses one whose bytes contradict it."""

import re
from collections.abc import Callable
from typing import Final

from callboard.api.files.signatures import (
    GZIP,
    HEAD_BYTES,
    KNOWN_BY_BYTES,
    OCTETS,
    PDF,
    ZIP,
    by_signature,
    plain,
)
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import FILE_AMBIGUOUS, FILE_TYPE_NOT_ACCEPTED
from callboard.jobs.files.names import guess_media_type, type_within_gzip

Read = Callable[[int, int], bytes]

_TAIL_BYTES: Final = 66 * 1024  # where an archive's directory ends (APPNOTE, section 4.3.16)
_RECORD_BYTES: Final = 22
_UNSAID: Final = frozenset({"", OCTETS, "application/x-www-form-urlencoded", "binary/octet-stream"})
_TEXT: Final = re.compile(
    r"text/.+|.+\+(?:json|xml|yaml)|application/(?:json|xml|yaml|x-yaml|toml|javascript|ecmascript"
    r"|x-ndjson|jsonl|json-seq|sql|graphql|x-sh|x-tex|x-latex|x-python-code|n-triples|n-quads"
    r"|trig|x-subrip|csv|geo\+json|x-bibtex)"
)
_JSON: Final = re.compile(r"application/json|.+\+json")
_XML: Final = re.compile(r"(?:application|text)/xml|.+\+xml")
_MEDIA_TYPE: Final = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"
)
_CHARSET: Final = re.compile(r';\s*charset="?([A-Za-z0-9_-]{1,40})"?\s*(?:;|$)', re.IGNORECASE)
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_JSON_BEGINS: Final = re.compile(rb'(?:\xef\xbb\xbf)?[ \t\r\n]*(?:[\[{"0-9-]|true|false|null)')
_XML_BEGINS: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*<")
_SCRIPTED: Final = re.compile(rb"<script|<html|<!doctype html|<\?php|<svg[\s>]", re.IGNORECASE)
_COMMENTED: Final = re.compile(rb"(?:GIF8[79]a|BM)(?:/\*|=)")
_PDF_BEGINS: Final = re.compile(rb"%PDF-[0-9]")
_PDF_WITHIN: Final = 1024  # readers search this far (ISO 32000-1, annex H.3.4.1)
_SCRIPT_WITHIN: Final = 4096
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_ACTIVE: Final = ("image/", "audio/", "video/", "font/")


def media_type_of(read: Read, size: int, declared: str | None, name: str) -> str:
    """Return the media type of a file.

    A signature decides; a text has the declared type if that is possible, or else the type of its
    name; an unknown file has the declared type, unless that type has a signature, which is missing
    here.

    Args:
        read: returns up to a number of bytes from a position on.
        size: the file's size, in bytes.
        declared: its `Content-Type`, if any.
        name: its name; used only for text without a declared type.

    Raises:
        Problem: 415, the bytes contradict what was declared; 422, they are of several types.
    """
    head = read(0, HEAD_BYTES)
    tail = read(max(0, size - _TAIL_BYTES), _TAIL_BYTES)
    said = plain(declared or "")
    if said and not _MEDIA_TYPE.fullmatch(said):
        raise Problem(FILE_TYPE_NOT_ACCEPTED, "The declared type is not a media type.")
    shown = by_signature(head, tail)
    _refuse_polyglots(read, size, head, tail, said, shown)
    if shown:
        # Clients that go by a name such as `table.csv.gz` declare what is compressed in it.
        packed = shown[0] == GZIP and _is_said_of(said, type_within_gzip(name))
        return GZIP if packed else _by_bytes(shown, said)
    if _is_text(head, tail, whole=size <= len(head), legacy=bool(_TEXT.fullmatch(said))):
        return _text_type(head, said, declared or "", name)
    if said in KNOWN_BY_BYTES or _TEXT.fullmatch(said):
        raise _contradiction(said, "its bytes are not of that type")
    return OCTETS if said in _UNSAID else said


def _by_bytes(shown: tuple[str, ...], said: str) -> str:
    if said in _UNSAID:
        return shown[0]
    if said in shown:
        return said
    if shown[0] == ZIP and _may_be_an_archive(said):
        return said
    if said == ZIP and shown[0].startswith(("application/vnd.openxml", "application/vnd.oasis")):
        return shown[0]
    raise _contradiction(said, f"its bytes are {shown[0]}")


def _is_said_of(said: str, guessed: str | None) -> bool:
    """Return whether a declared type is that of a name; text has many types, as XML has two."""
    if guessed is None:
        return False
    return said == guessed or all(_TEXT.fullmatch(each) for each in (said, guessed))


def _may_be_an_archive(said: str) -> bool:
    known = said in KNOWN_BY_BYTES or said.startswith((*_ACTIVE, "application/vnd.oasis"))
    return not known and not _TEXT.fullmatch(said)


def _text_type(head: bytes, said: str, declared: str, name: str) -> str:
    if said in _UNSAID:
        guessed = guess_media_type(name)
        return guessed if _TEXT.fullmatch(guessed) and _begins_as(head, guessed) else "text/plain"
    if not _begins_as(head, said):
        raise _contradiction(said, "its bytes are other text")
    if said in KNOWN_BY_BYTES or (said.startswith(_ACTIVE) and not _TEXT.fullmatch(said)):
        raise _contradiction(said, "its bytes are text")
    charset = _CHARSET.search(declared)
    return f"{said}; charset={charset[1].lower()}" if charset and said[:5] == "text/" else said


def _begins_as(head: bytes, media_type: str) -> bool:
    fits = {_JSON: _JSON_BEGINS, _XML: _XML_BEGINS}
    wanted = (begins for kind, begins in fits.items() if kind.fullmatch(media_type))
    return head[:2] in _UTF16 or all(begins.match(head) for begins in wanted)


def _is_text(head: bytes, tail: bytes, *, whole: bool, legacy: bool) -> bool:
    """Return whether this is text: UTF-8, UTF-16 with a BOM, or a declared legacy charset."""
    if head.startswith(_UTF16):
        return True
    if _CONTROL.search(head) or _CONTROL.search(tail):
        return False
    if legacy:
        return True
    return _is_utf8(head if whole else head[:-4], cut=not whole)


def _is_utf8(head: bytes, *, cut: bool) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return cut and error.start >= len(head) - 3
    return True


def _refuse_polyglots(
    read: Read, size: int, head: bytes, tail: bytes, said: str, shown: tuple[str, ...]
) -> None:
    is_archive = head.startswith((b"PK\3\4", b"PK\5\6"))
    if shown and not is_archive and _ends_as_archive(read, size, tail):
        raise _ambiguous(f"It begins as {shown[0]} and ends as an archive")
    pdf = _PDF_BEGINS.search(head[: _PDF_WITHIN + 6])
    if pdf and pdf.start() > 0 and (said == PDF or b"startxref" in tail):
        raise _ambiguous(f"A PDF begins in it, {pdf.start()} bytes from its start")
    if shown and shown[0].startswith(_ACTIVE):
        scripted = _SCRIPTED.search(head[:_SCRIPT_WITHIN]) or _COMMENTED.match(head)
        if scripted:
            raise _ambiguous(f"It begins as {shown[0]} and is also a valid script")


def _ends_as_archive(read: Read, size: int, tail: bytes) -> bool:
    """Return whether the end contains an archive's directory."""
    position = tail.rfind(b"PK\5\6")
    while position >= 0:
        record = tail[position : position + _RECORD_BYTES]
        length = int.from_bytes(record[12:16], "little")
        directory = size - len(tail) + position - length
        whole = len(record) == _RECORD_BYTES and length > 0 and directory >= 0
        if whole and read(directory, 4) == b"PK\1\2":
            return True
        position = tail.rfind(b"PK\5\6", 0, position)
    return False


def _contradiction(said: str, why: str) -> Problem:
    return Problem(FILE_TYPE_NOT_ACCEPTED, f"The file was declared as {said}, but {why}.")


def _ambiguous(why: str) -> Problem:
    return Problem(FILE_AMBIGUOUS, f"{why}; its type depends on the program that reads it.")
