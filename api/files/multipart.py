"""Reads forms (RFC 7578) as they arrive, within bounds: fields and files."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import falcon
from falcon.media.multipart import BodyPart, MultipartForm, MultipartFormHandler
from falcon.media.multipart import MultipartParseOptions as Options
from falcon.util.reader import BufferedReader

from callboard.api.files.incoming import PIECE_BYTES, Incoming
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import BODY_TOO_LARGE, MALFORMED_BODY
from callboard.api.request import Request

FORM: Final = "multipart/form-data"
MAX_PARTS: Final = 64
_MAX_HEADER_BYTES: Final = 8192
_MAX_BESIDE_BYTES: Final = 2 * 1024**2
_ENDLESS: Final = 2**62
_WITHIN: Final = re.compile(r"\s*multipart/", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """One part of a form, to be read before the next one.

    Attributes:
        name: the field's name.
        filename: the client's file name; None if the part is not a file.
        declared: its declared media type, if any.
        read: returns up to a number of bytes, none at its end.
    """

    name: str
    filename: str | None
    declared: str | None
    read: Callable[[int], bytes]

    def read_whole(self, most: int) -> bytes:
        """Read the whole part.

        Raises:
            Problem: 413, the part is larger.
        """
        pieces, left = [], most + 1
        while left > 0 and (piece := self.read(left)):
            pieces.append(piece)
            left -= len(piece)
        if left <= 0:
            raise Problem(BODY_TOO_LARGE, f"This part may have at most {most} bytes.")
        return b"".join(pieces)


def is_form(req: Request) -> bool:
    """Return whether the body is a form."""
    return (req.content_type or "").partition(";")[0].strip().lower() == FORM


def read_parts(req: Request, incoming: Incoming, *, most: int = MAX_PARTS) -> Iterator[Part]:
    """Yield the parts of a form, and finally check that it was complete.

    Args:
        req: the request with the form.
        incoming: reads the body.
        most: the largest number of parts.

    Raises:
        Problem: 400, it is malformed or has too many parts or headers; else as `Incoming`.
    """
    options = Options()
    options.max_body_part_count = most
    options.max_body_part_headers_size = _MAX_HEADER_BYTES
    length = _ENDLESS if incoming.length is None else incoming.length
    wanted = _Wanted(incoming)
    stream = BufferedReader(wanted.read, length, PIECE_BYTES)
    with _malformed():
        form = MultipartFormHandler(options).deserialize(stream, req.content_type, length)
    yield from _parts(form, wanted)
    incoming.finish()


class _Wanted:
    """Passes a form on while most of it is parts that are read."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._beside = 0

    def read(self, size: int) -> bytes:
        piece = self._incoming.read(size)
        self._beside += len(piece)
        if self._beside > _MAX_BESIDE_BYTES:
            raise Problem(MALFORMED_BODY, "The form has too much data outside its parts.")
        return piece

    def of(self, stream: BufferedReader, size: int) -> bytes:
        piece: bytes = stream.read(size)
        self._beside -= len(piece)
        return piece


def _parts(form: MultipartForm, wanted: _Wanted) -> Iterator[Part]:
    parts = iter(form)
    while True:
        with _malformed():
            part = next(parts, None)
            if part is None:
                return
            read = _described(part, wanted)
        yield read


def _described(part: BodyPart, wanted: _Wanted) -> Part:
    if part.name is None:
        raise Problem(MALFORMED_BODY, "A part of the form has no name.")
    if _WITHIN.match(part.content_type):
        raise Problem(MALFORMED_BODY, "The form contains another form.")
    # The parser gives a part without a type a default one, which was not declared.
    declared = None if part.content_type == "text/plain" else part.content_type
    return Part(part.name, part.filename, declared, partial(wanted.of, part.stream))


@contextmanager
def _malformed() -> Iterator[None]:
    try:
        yield
    except falcon.HTTPError as error:
        raise Problem(MALFORMED_BODY, f"The form cannot be read: {error.description}.") from error
    except (ValueError, LookupError) as error:
        raise Problem(MALFORMED_BODY, "A header in the form cannot be read.") from error
