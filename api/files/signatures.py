"""Detects the media type of a file from its first bytes."""

from collections.abc import Iterator
from functools import cache
from typing import Final

import puremagic.main

HEAD_BYTES: Final = 64 * 1024

ZIP: Final = "application/zip"
GZIP: Final = "application/gzip"
PDF: Final = "application/pdf"
OCTETS: Final = "application/octet-stream"

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_OOXML: Final = {
    b"word/": f"{_OFFICE}wordprocessingml.document",
    b"xl/": f"{_OFFICE}spreadsheetml.sheet",
    b"ppt/": f"{_OFFICE}presentationml.presentation",
}
_OLE: Final = (
    "application/x-ole-storage",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.ms-outlook",
    "application/vnd.visio",
    "application/x-msi",
)
_MP4: Final = ("video/mp4", "audio/mp4", "audio/x-m4a", "video/x-m4v")
_OGG: Final = ("audio/ogg", "video/ogg", "application/ogg", "audio/opus")
_MATROSKA: Final = ("video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska")

# Signature and offset; the possible types, the most likely one first.
_SIGNATURES: Final[tuple[tuple[tuple[tuple[int, bytes], ...], tuple[str, ...]], ...]] = (
    (((0, b"%PDF-"),), (PDF,)),
    (((0, b"\x89PNG\r\n\x1a\n"),), ("image/png",)),
    (((0, b"\xff\xd8\xff"),), ("image/jpeg",)),
    (((0, b"GIF87a"),), ("image/gif",)),
    (((0, b"GIF89a"),), ("image/gif",)),
    (((0, b"RIFF"), (8, b"WEBP")), ("image/webp",)),
    (((0, b"RIFF"), (8, b"WAVE")), ("audio/wav",)),
    (((0, b"RIFF"), (8, b"AVI ")), ("video/x-msvideo",)),
    (((0, b"II*\0"),), ("image/tiff",)),
    (((0, b"MM\0*"),), ("image/tiff",)),
    (((0, b"BM"), (6, b"\0\0\0\0")), ("image/bmp",)),
    (((0, b"\0\0\1\0"),), ("image/x-icon",)),
    (((4, b"ftypavif"),), ("image/avif",)),
    (((4, b"ftyphei"),), ("image/heic", "image/heif")),
    (((4, b"ftypqt"),), ("video/quicktime",)),
    (((4, b"ftyp"),), _MP4),
    (((0, b"OggS"),), _OGG),
    (((0, b"fLaC"),), ("audio/flac",)),
    (((0, b"ID3"),), ("audio/mpeg",)),
    (((0, b"\x1a\x45\xdf\xa3"),), _MATROSKA),
    (((0, b"\x1f\x8b\x08"),), (GZIP,)),
    (((0, b"BZh"), (4, b"1AY&SY")), ("application/x-bzip2",)),
    (((0, b"\xfd7zXZ\0"),), ("application/x-xz",)),
    (((0, b"\x28\xb5\x2f\xfd"),), ("application/zstd",)),
    (((0, b"7z\xbc\xaf\x27\x1c"),), ("application/x-7z-compressed",)),
    (((0, b"Rar!\x1a\x07"),), ("application/vnd.rar",)),
    (((0, b"PK\3\4"),), (ZIP,)),
    (((0, b"PK\5\6"),), (ZIP,)),
    (((257, b"ustar"),), ("application/x-tar",)),
    (((0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),), _OLE),
    (((0, b"{\\rtf"),), ("application/rtf",)),
    (((0, b"SQLite format 3\0"),), ("application/vnd.sqlite3",)),
    (((0, b"\x89HDF\r\n\x1a\n"),), ("application/x-hdf5",)),
    (((0, b"PAR1"),), ("application/vnd.apache.parquet",)),
    (((0, b"wOFF"),), ("font/woff",)),
    (((0, b"wOF2"),), ("font/woff2",)),
    (((0, b"\0asm"),), ("application/wasm",)),
    (((0, b"\x7fELF"),), ("application/x-elf",)),
    (((0, b"MZ"), (2, b"\x90\0")), ("application/vnd.microsoft.portable-executable",)),
)
_ALIASES: Final = {
    "application/x-pdf": PDF,
    "application/x-zip-compressed": ZIP,
    "application/x-zip": ZIP,
    "application/x-gzip": GZIP,
    "application/bzip2": "application/x-bzip2",
    "application/x-bzip": "application/x-bzip2",
    "application/x-rar-compressed": "application/vnd.rar",
    "application/x-sqlite3": "application/vnd.sqlite3",
    "application/vnd.zstd": "application/zstd",
    "application/x-zstd": "application/zstd",
    "application/x-hdf": "application/x-hdf5",
    "application/x-parquet": "application/vnd.apache.parquet",
    "application/vnd.ms-office": "application/x-ole-storage",
    "application/x-msdownload": "application/vnd.microsoft.portable-executable",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-ms-bmp": "image/bmp",
    "image/x-bmp": "image/bmp",
    "image/vnd.microsoft.icon": "image/x-icon",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/mp3": "audio/mpeg",
    "audio/x-flac": "audio/flac",
    "video/avi": "video/x-msvideo",
    "text/rtf": "application/rtf",
}
_MIN_LENGTH: Final = 4
_OPEN_DOCUMENT: Final = "application/vnd.oasis.opendocument."
_NAMED_WITHIN: Final = (_OPEN_DOCUMENT, "application/epub+zip")

KNOWN_BY_BYTES: Final = (
    frozenset(each for _, types in _SIGNATURES for each in types)
    | frozenset(_OOXML.values())
    | {"application/epub+zip"}
)
"""Types that a file has only if its bytes have their signature."""


def plain(media_type: str) -> str:
    """Return a media type's usual name, in lower case and without parameters."""
    essence = media_type.partition(";")[0].strip().lower()
    return _ALIASES.get(essence, essence)


def by_signature(head: bytes, tail: bytes) -> tuple[str, ...]:
    """Return the possible types of a file from its bytes, the most likely first.

    Args:
        head: the first bytes.
        tail: the last bytes, where an archive lists its members.
    """
    for wanted, types in _SIGNATURES:
        if all(head.startswith(magic, offset) for offset, magic in wanted):
            return _within_zip(head, tail) if types == (ZIP,) else types
    return tuple(dict.fromkeys(plain(each) for each in _less_sure(head)))


def _within_zip(head: bytes, tail: bytes) -> tuple[str, ...]:
    if head[30:38] == b"mimetype":  # OpenDocument 1.3, part 2, section 3.3; EPUB 3.3, section 4.2
        length = int.from_bytes(head[18:22], "little")
        named = head[38 : 38 + min(length, 128)].decode("ascii", "replace")
        if named.startswith(_NAMED_WITHIN):
            return (named,)
    if b"[Content_Types].xml" in head or b"[Content_Types].xml" in tail:
        for folder, media_type in _OOXML.items():
            if b"PK\1\2" in tail and folder in tail:
                return (media_type,)
    # Many formats are archives that differ only in their file names.
    others = (plain(each) for each in _less_sure(b"PK\3\4"))
    precise = (*_OOXML.values(), "application/epub+zip")
    return tuple(
        dict.fromkeys([ZIP, *(o for o in others if o not in precise and _OPEN_DOCUMENT not in o)])
    )


def _less_sure(head: bytes) -> Iterator[str]:
    for magic, media_type in _rarer():
        if head.startswith(magic):
            yield media_type


@cache
def _rarer() -> tuple[tuple[bytes, str], ...]:
    """Return the library's other signatures: longest first, without texts and short ones."""
    found = {
        (each.byte_match, each.mime_type.lower())
        for each in puremagic.main.magic_header_array
        if each.offset == 0 and len(each.byte_match) >= _MIN_LENGTH and each.mime_type
    }
    binary = [each for each in found if not _is_of_text(each[0], each[1])]
    return tuple(sorted(binary, key=lambda each: (-len(each[0]), each)))


def _is_of_text(magic: bytes, media_type: str) -> bool:
    known = plain(media_type) in KNOWN_BY_BYTES or media_type == OCTETS
    return magic.isascii() and magic.decode().isprintable() and not known
