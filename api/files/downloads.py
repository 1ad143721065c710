"""Sends downloads: whole or a range, with a digest, and only if the client needs them."""

import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final
from urllib.parse import quote

import falcon

from callboard.api.conditional import is_known, is_same
from callboard.api.files.ranges import Part, UnsatisfiableRange, part_of
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import PRECONDITION_FAILED, RANGE_NOT_SATISFIABLE
from callboard.api.request import Request
from callboard.api.waiting.transfer_limits import TransferLimits
from callboard.jobs.files.records import FileRecord
from callboard.jobs.files.storage import Storage
from callboard.jobs.offload import Offload, at_once

_HIDDEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_ATTR_CHARACTERS: Final = "!#$&+-.^_`|~"
_UNQUOTED: Final = frozenset('"%\\')


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a client may download, with its metadata.

    Attributes:
        read: yields a number of bytes from a start on, in pieces, lazily.
        size: in bytes.
        sha256: the digest of the bytes as sent, in hexadecimal; None if it is not known before they
            are sent. Such content is always sent whole.
        version: what identifies the bytes if their digest is not known.
        name: the name that a browser saves it under; None if it is not a file.
        vary: the request headers that it depends on, if any.
        coding: its content coding, if it is compressed.
        small: whether it is in memory and sent at once, so that it takes no download place.
    """

    read: Callable[[int, int], Iterator[bytes]]
    size: int
    sha256: str | None
    media_type: str
    version: str = ""
    name: str | None = None
    vary: str | None = None
    coding: str | None = None
    small: bool = False

    @property
    def tag(self) -> str:
        """The entity tag: strong, since equal tags mean equal bytes."""
        return f'"{self.sha256 or self.version}"'


class Downloads:
    """Sends content.

    Args:
        storage: the storage of file contents.
        transfers: bounds the downloads at a time.
        offload: runs blocking calls.
    """

    def __init__(
        self, storage: Storage, transfers: TransferLimits, offload: Offload = at_once
    ) -> None:
        self._storage = storage
        self._transfers = transfers
        self._offload = offload

    def send_file(self, req: Request, resp: falcon.Response, file: FileRecord) -> None:
        """Send the content of a file.

        Raises:
            Problem: a precondition failed, the requested range does not exist, or
                there are too many downloads.
            FileNotFound: its content is gone.
            StorageUnavailable: it cannot be read now.
        """
        self.send(
            req,
            resp,
            Content(
                read=lambda start, length: self._storage.read(file.object, start, length),
                size=file.size,
                sha256=file.sha256,
                media_type=file.media_type,
                name=file.name,
            ),
        )

    def send(self, req: Request, resp: falcon.Response, content: Content) -> None:
        """Send content, checking conditions in the order of RFC 9110, section 13.2.2.

        A range applies only to GET, and only if `If-Range` names the current version.

        Raises:
            Problem: a precondition failed, the requested range does not exist, or
                there are too many downloads.
            FileNotFound: the content is gone.
            StorageUnavailable: it cannot be read now.
        """
        if_match = req.get_header("If-Match")
        if if_match is not None and not is_same(content.tag, if_match):
            raise Problem(PRECONDITION_FAILED, f"The current ETag is {content.tag}.")
        if is_known(content.tag, req.get_header("If-None-Match")):
            resp.status = 304
            _name(resp, content)
            return
        part = _part(req, content)
        start, length = (0, content.size) if part is None else (part.start, part.length)
        pieces = None
        if req.method != "HEAD":
            if not content.small:
                self._transfers.begin_download(req)
            # Before any header is set, as this may fail.
            pieces = self._pieces(content.read(start, length))
        _name(resp, content)
        _describe(resp, content)
        if part is not None:
            resp.status = 206
            resp.set_header("Content-Range", f"bytes {start}-{start + length - 1}/{content.size}")
        resp.content_length = length
        if pieces is not None:
            resp.stream = Pieces(pieces, req)

    def _pieces(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the pieces; read the first one now, while an error can still become a problem."""
        first = self._next(pieces)
        return chain((first,), iter(lambda: self._next(pieces), b"")) if first else iter(())

    def _next(self, pieces: Iterator[bytes]) -> bytes:
        return self._offload(lambda: next(pieces, b""))


class Pieces:
    """The body of a response, which holds its request's resources until the server closes it."""

    def __init__(self, pieces: Iterator[bytes], req: Request) -> None:
        self._pieces = pieces
        self._held, req.context.held = req.context.held, []

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        """Release them; a repeat does nothing."""
        while self._held:
            self._held.pop()()


def disposition(name: str) -> str:
    """Return `Content-Disposition` for a file to be saved (RFC 6266).

    Invisible characters, and those that change the direction of text, could disguise a name; they
    and those of paths become underscores.
    """
    seen = plain_name(name)
    simple = "".join(c if " " <= c <= "~" and c not in _UNQUOTED else "_" for c in seen)
    plain = f'attachment; filename="{simple}"'
    if simple == seen:
        return plain
    return f"{plain}; filename*=UTF-8''{quote(seen, safe=_ATTR_CHARACTERS)}"


def repr_digest(sha256: str) -> str:
    """Return `Repr-Digest` (RFC 9530)."""
    return f"sha-256=:{b64encode(bytes.fromhex(sha256)).decode()}:"


def _name(resp: falcon.Response, content: Content) -> None:
    resp.set_header("ETag", content.tag)
    resp.set_header("Cache-Control", "private, no-cache")
    if content.vary is not None:
        resp.set_header("Vary", content.vary)


def _describe(resp: falcon.Response, content: Content) -> None:
    resp.content_type = content.media_type
    if content.sha256 is not None:
        resp.set_header("Accept-Ranges", "bytes")
        resp.set_header("Repr-Digest", repr_digest(content.sha256))
    if content.coding is not None:
        resp.set_header("Content-Encoding", content.coding)
    if content.name is not None:
        resp.set_header("Content-Disposition", disposition(content.name))
        # If a browser displays it anyway, no script in it runs, and it has no origin.
        resp.set_header("Content-Security-Policy", "sandbox")


def _part(req: Request, content: Content) -> Part | None:
    asked, if_range = req.get_header("Range"), req.get_header("If-Range")
    # There are no dates to compare with, so only a strong tag can match (section 13.1.5).
    if asked is None or req.method != "GET" or if_range not in (None, content.tag):
        return None
    if content.sha256 is None:
        return None
    try:
        return part_of(asked, content.size)
    except UnsatisfiableRange as error:
        raise Problem(
            RANGE_NOT_SATISFIABLE,
            f"There are {content.size} bytes.",
            headers={"Content-Range": f"bytes */{content.size}", "Accept-Ranges": "bytes"},
        ) from error


def plain_name(name: str) -> str:
    """Return a name without invisible characters and those of paths."""
    return "".join(_plain(character) for character in name) or "file"


def _plain(character: str) -> str:
    hidden = unicodedata.category(character) in _HIDDEN
    return "_" if hidden or character in "/\\" else character
