"""The type of a file by its bytes: which declarations are accepted, and which refused."""

import gzip
import io
import json
import zipfile

import pytest

from callboard.api.files.sniffing import media_type_of
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import FILE_AMBIGUOUS, FILE_TYPE_NOT_ACCEPTED

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\nstartxref\n0\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(40)
GIF = b"GIF89a\1\0\1\0\0\0\0;"


def archive(*names: str, first: bytes = b"") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
        if first:
            out.writestr(zipfile.ZipInfo("mimetype"), first)
        for name in names:
            out.writestr(name, "x" * 100)
    return made.getvalue()


def sniffed(body: bytes, declared: str | None = None, name: str = "unnamed") -> str:
    return media_type_of(lambda at, size: body[at : at + size], len(body), declared, name)


def refused(body: bytes, declared: str | None = None, name: str = "unnamed") -> Problem:
    with pytest.raises(Problem) as caught:
        sniffed(body, declared, name)
    return caught.value


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (PDF, "application/pdf"),
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (GIF, "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(20), "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt " + bytes(20), "audio/wav"),
        (b"II*\0" + bytes(20), "image/tiff"),
        (b"\0\0\0\x18ftypmp42" + bytes(20), "video/mp4"),
        (b"\x1f\x8b\x08\0" + bytes(20), "application/gzip"),
        (b"SQLite format 3\0" + bytes(20), "application/vnd.sqlite3"),
        (archive("a.txt"), "application/zip"),
        (
            archive("[Content_Types].xml", "word/document.xml"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (
            archive("[Content_Types].xml", "xl/workbook.xml"),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (archive("OEBPS/a.html", first=b"application/epub+zip"), "application/epub+zip"),
        (
            archive("content.xml", first=b"application/vnd.oasis.opendocument.text"),
            "application/vnd.oasis.opendocument.text",
        ),
        (b"plain words\n", "text/plain"),
        ("grüße\n".encode(), "text/plain"),
        ("text\n".encode("utf-16"), "text/plain"),
        (b"\x01\x02\x03\xfe\xff\x00", "application/octet-stream"),
    ],
)
def test_a_file_without_a_type_gets_the_type_that_its_bytes_show(body: bytes, shown: str) -> None:
    assert sniffed(body) == shown
    assert sniffed(body, "application/octet-stream") == shown
    assert sniffed(body, shown) == shown


@pytest.mark.parametrize(
    ("body", "declared", "kept"),
    [
        (b"a,b\n1,2\n", "text/csv", "text/csv"),
        (b"a,b\n1,2\n", "Text/CSV; charset=UTF-8", "text/csv; charset=utf-8"),
        (b' {"a": 1}', "application/json", "application/json"),
        (b"[1]", "application/geo+json", "application/geo+json"),
        (b"<?xml version='1.0'?><a/>", "application/xml", "application/xml"),
        (b"<svg xmlns='x'/>", "image/svg+xml", "image/svg+xml"),
        (b"a: 1\n", "application/yaml", "application/yaml"),
        ("caf\xe9\n".encode("latin-1"), "text/plain; charset=latin1", "text/plain; charset=latin1"),
        (b"\x01\x02\x03\xfe\xff\x00", "application/x-mesh", "application/x-mesh"),
        (b"ply\nformat ascii 1.0\n", "model/x-ply", "model/x-ply"),
        (archive("a.class"), "application/java-archive", "application/java-archive"),
        (archive("a.kml"), "application/vnd.google-earth.kmz", "application/vnd.google-earth.kmz"),
        (JPEG, "image/jpg", "image/jpeg"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "application/vnd.ms-excel",
            "application/vnd.ms-excel",
        ),
        (b"\0\0\0\x18ftypmp42" + bytes(20), "audio/mp4", "audio/mp4"),
    ],
)
def test_a_declared_type_that_matches_the_bytes_is_kept(
    body: bytes, declared: str, kept: str
) -> None:
    assert sniffed(body, declared) == kept


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        (archive("a.txt"), "application/pdf"),
        (archive("a.txt"), "image/png"),
        (archive("a.txt"), "application/epub+zip"),
        (
            archive("a.txt"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (PDF, "image/png"),
        (PNG, "application/pdf"),
        (PNG, "image/jpeg"),
        (PDF, "text/plain"),
        (b"words", "application/pdf"),
        (b"words", "image/png"),
        (b"words", "video/x-unheard-of"),
        (b"words", "application/json"),
        (b"words", "application/xml"),
        (b"\x01\x02\x03\xfe\xff\x00", "text/csv"),
        (b"\x01\x02\x03\xfe\xff\x00", "application/pdf"),
        (b"words", "no media type"),
        (b"words", "text"),
    ],
)
def test_a_declared_type_that_contradicts_the_bytes_is_refused(body: bytes, declared: str) -> None:
    assert refused(body, declared).type is FILE_TYPE_NOT_ACCEPTED


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        (PDF + archive("a.txt"), "application/pdf"),
        (PDF + archive("a.txt"), None),
        (PNG + archive("a.txt"), "image/png"),
        (JPEG + archive("a.txt") + b"a few bytes more", "image/jpeg"),
        (GIF + archive("evil.class"), None),
        (b"junk before\n" + PDF, "application/pdf"),
        (b"junk before\n" + PDF, None),
        (PNG + PDF, "image/png"),
        (GIF[:6] + b"/*" + bytes(20) + b"*/=1;alert(1)", "image/gif"),
        (b"GIF89a=1;alert(1)", "image/gif"),
        (JPEG + b"<script>alert(1)</script>", "image/jpeg"),
        (GIF + b"<?php echo 1 ?>", "image/gif"),
        (PNG + b"<!DOCTYPE HTML><html>", None),
    ],
)
def test_a_file_that_readers_interpret_differently_is_refused(
    body: bytes, declared: str | None
) -> None:
    assert refused(body, declared).type is FILE_AMBIGUOUS


def test_text_that_mentions_a_type_is_not_of_that_type() -> None:
    note = b"A PDF begins with %PDF-1.7, an archive with PK, a page with <html>.\n"

    assert sniffed(note, "text/plain") == "text/plain"


def test_the_name_distinguishes_only_kinds_of_text() -> None:
    assert sniffed(b"a,b\n1,2\n", None, "table.csv") == "text/csv"
    assert sniffed(json.dumps([1]).encode(), None, "a.json") == "application/json"
    assert sniffed(b"no json", None, "a.json") == "text/plain"
    assert sniffed(b"words", None, "paper.pdf") == "text/plain"
    assert sniffed(PNG, None, "table.csv") == "image/png"


def test_a_compressed_file_may_have_the_type_that_its_name_suggests() -> None:
    packed = gzip.compress(b"a,b\n1,2\n")

    assert sniffed(packed, "text/csv", "table.csv.gz") == "application/gzip"
    assert sniffed(packed, "application/x-tar", "all.tar.gz") == "application/gzip"
    assert sniffed(packed, "application/xml", "all.xml.gz") == "application/gzip"
    assert sniffed(packed, "text/xml", "all.xml.gz") == "application/gzip"
    for declared, name in (
        ("text/csv", "table.csv"),
        ("text/csv", "table.gz"),
        ("image/png", "table.csv.gz"),
    ):
        assert refused(packed, declared, name).type is FILE_TYPE_NOT_ACCEPTED
    assert refused(PNG, "text/csv", "table.csv.gz").type is FILE_TYPE_NOT_ACCEPTED


def test_a_character_cut_at_the_end_of_the_head_is_accepted() -> None:
    body = b"x" * (64 * 1024 - 1) + "ü".encode() * 100

    assert sniffed(body) == "text/plain"


def test_content_hidden_after_a_head_of_text_is_detected_at_the_tail() -> None:
    assert refused(b"words " * 20_000 + bytes(100), "text/plain").type is FILE_TYPE_NOT_ACCEPTED
