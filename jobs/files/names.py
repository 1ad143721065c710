"""What files may be called, and of which type they may be said to be."""

import mimetypes
import re
from typing import Final

MAX_NAME_BYTES: Final = 255
OCTETS: Final = "application/octet-stream"

_WORD: Final = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE: Final = re.compile(rf"{_WORD}/{_WORD}(; ?charset=[A-Za-z0-9_-]{{1,40}})?")
_WANTED: Final = re.compile(rf"\*/\*|{_WORD}/(?:\*|{_WORD})")
_TYPES: Final = mimetypes.MimeTypes()
"""The names that Python itself knows: those of the machine differ from one to the next."""

for _media_type, _ending in (
    ("application/vnd.apache.parquet", ".parquet"),
    ("application/x-ndjson", ".ndjson"),
    ("application/yaml", ".yaml"),
    ("application/zstd", ".zst"),
    ("image/webp", ".webp"),
    ("model/gltf+json", ".gltf"),
    ("model/gltf-binary", ".glb"),
    ("model/obj", ".obj"),
    ("model/stl", ".stl"),
    ("text/markdown", ".md"),
):
    _TYPES.add_type(_media_type, _ending)


def is_media_range(text: str) -> bool:
    """Return whether this is a media type, all subtypes of one (`text/*`), or `*/*`."""
    return _WANTED.fullmatch(text) is not None


def check_name(name: str) -> str:
    """Return the name, if a file can have it.

    Raises:
        ValueError: it is empty, too long, a path, or has characters that are not to be seen.
    """
    if not name or name in (".", "..") or "/" in name or "\\" in name or not name.isprintable():
        raise ValueError(f"{name!r} is not a plain file name")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise ValueError(f"a file name has at most {MAX_NAME_BYTES} bytes")
    return name


def check_media_type(media_type: str) -> str:
    """Return the media type, if it is one; of parameters only a charset is kept.

    Raises:
        ValueError: it is none.
    """
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise ValueError(f"{media_type!r} is not a media type such as text/csv")
    return media_type


def guess_media_type(name: str) -> str:
    """Return what type a file has by its name; octets if unknown."""
    guessed, coding = _TYPES.guess_type(name)
    if coding is not None:
        return {"gzip": "application/gzip"}.get(coding, OCTETS)
    return guessed or OCTETS


def type_within_gzip(name: str) -> str | None:
    """Return what a file that gzip compressed has in it, by its name; None if it says nothing."""
    guessed, coding = _TYPES.guess_type(name)
    return guessed if coding == "gzip" else None
