"""Reads the body of a request piece by piece, and checks that it is complete and its digest."""

import base64
import binascii
import hashlib
import hmac
import re
from typing import Final

from callboard.api.problems.problem import Problem
from callboard.api.problems.table import (
    INVALID_FILE,
    INVALID_HEADER,
    LENGTH_REQUIRED,
    MALFORMED_BODY,
    UNSUPPORTED_MEDIA_TYPE,
)
from callboard.api.request import Request, is_chunked

PIECE_BYTES: Final = 256 * 1024
_DIGESTS: Final = ("Content-Digest", "Repr-Digest")
_SHA256: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]*):\s*(?:;[^,]*)?(?=,|$)")
_DIGEST_BYTES: Final = 32
_MAX_DISCARDED: Final = 1024**2


class Incoming:
    """Reads one body in pieces.

    Raises:
        Problem: 400, 411 or 415; its headers are not acceptable.
    """

    def __init__(self, req: Request) -> None:
        self.length: Final = req.content_length
        """The declared length; None if it is chunked."""
        self._stream = req.stream
        self._read_bytes = 0
        if self.length is None and not is_chunked(req):
            raise Problem(LENGTH_REQUIRED, "Send Content-Length, or send the body in chunks.")
        if req.get_header("Content-Encoding", default="identity").strip().lower() != "identity":
            raise Problem(UNSUPPORTED_MEDIA_TYPE, "Send the file itself, not compressed.")
        self._wanted = [digest for name in _DIGESTS for digest in _digests_in(req, name)]
        self._digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Read up to a number of bytes; none at the end of the body.

        Raises:
            Problem: 400, the client disconnected.
        """
        most = min(size, PIECE_BYTES)
        if self.length is not None:
            most = min(most, self.length - self._read_bytes)
        if most <= 0:
            return b""
        try:
            piece: bytes = self._stream.read(most)
        except Exception as error:  # each server raises its own errors for this
            raise Problem(MALFORMED_BODY, "The transfer was interrupted.") from error
        if not piece and self.length is not None:
            raise Problem(MALFORMED_BODY, "The body is shorter than its Content-Length.")
        self._count(piece)
        return piece

    def finish(self) -> None:
        """Read and drop the rest, and check the whole body.

        Raises:
            Problem: 400, the client disconnected, or sent much after the end; 422, it does not
                match its digest.
        """
        discarded = 0
        while piece := self.read(PIECE_BYTES):
            discarded += len(piece)
            if discarded > _MAX_DISCARDED:
                raise Problem(MALFORMED_BODY, "The body continues after its end.")
        found = self._digest.digest()
        if not all(hmac.compare_digest(found, wanted) for wanted in self._wanted):
            raise Problem(INVALID_FILE, "The body does not match its SHA-256 digest.")

    def _count(self, piece: bytes) -> None:
        self._read_bytes += len(piece)
        if self._wanted:
            self._digest.update(piece)


def _digests_in(req: Request, name: str) -> list[bytes]:
    """Return the SHA-256 in a digest field (RFC 9530); ignore other algorithms."""
    header = req.get_header(name) or ""
    try:
        found = [base64.b64decode(each, validate=True) for each in _SHA256.findall(header)]
    except binascii.Error:
        found = [b""]
    unread = "sha-256=" in header.lower() and not found
    if unread or any(len(each) != _DIGEST_BYTES for each in found):
        raise Problem(INVALID_HEADER, f"{name} must have the form sha-256=:<base64>:.")
    return found
