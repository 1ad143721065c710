"""Makes clients' file names safe to display; they are never used as paths."""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote_to_bytes

import falcon

from callboard.jobs.files.names import MAX_NAME_BYTES

UNNAMED: Final = "unnamed"
_MAX_ENDING_LENGTH: Final = 16
_EXTENDED: Final = re.compile(r"([\w-]+)'[^']*'(.*)", re.ASCII)


def safe_name(name: str | None) -> str:
    """Return the displayed name: the last component, without invisible characters.

    The path separators of every system count. Characters that change the direction of text, end
    lines or are invisible are removed. A long name keeps its extension. An empty one is `unnamed`.
    """
    last = re.split(r"[/\\]", (name or "").rstrip("/\\ "))[-1]
    shown = "".join(c for c in unicodedata.normalize("NFC", last) if c.isprintable())
    shown = " ".join(shown.split())
    if not shown.strip("."):
        return UNNAMED
    return _shortened(shown)


def disposition_name(header: str | None) -> str | None:
    """Return the file name in `Content-Disposition` (RFC 6266, section 4.3), if any."""
    if not header:
        return None
    _, parameters = falcon.parse_header(header)
    extended = _EXTENDED.fullmatch(parameters.get("filename*", ""))
    if extended:
        try:
            return unquote_to_bytes(extended[2]).decode(extended[1])
        except (ValueError, LookupError):
            return parameters.get("filename")
    return _utf8(parameters["filename"]) if "filename" in parameters else None


def _utf8(text: str) -> str:
    """Decode as UTF-8 what the server decoded as Latin-1 (PEP 3333), if possible."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _shortened(name: str) -> str:
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len((dot + ending).encode()) > _MAX_ENDING_LENGTH:
        stem, dot, ending = name, "", ""
    room = MAX_NAME_BYTES - len((dot + ending).encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip() + dot + ending
