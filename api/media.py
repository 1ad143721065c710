"""Reads bodies within bounds, and writes them: JSON or msgpack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

import falcon
import msgpack
from falcon.util import mediatypes
from pydantic_core import to_json

from callboard.api.body_memory import BodyMemory
from callboard.api.parsing import Malformed, NotHeld, depth_of, parse_json, parse_msgpack
from callboard.api.problems.problem import PROBLEM, Problem, invalid_request
from callboard.api.problems.table import (
    BODY_TOO_LARGE,
    LENGTH_REQUIRED,
    MALFORMED_BODY,
    UNSUPPORTED_MEDIA_TYPE,
)
from callboard.api.request import SMALL_BYTES, Request, is_chunked
from callboard.api.scanning import Bounds, TooMuch, scan_json, scan_msgpack
from callboard.jobs.offload import Offload, at_once

JSON: Final = "application/json"
MSGPACK: Final = "application/msgpack"
Parser: TypeAlias = tuple[Callable[[bytes, Bounds], None], Callable[[bytes], Any]]
_PARSERS: Final[Mapping[str, Parser]] = {
    JSON: (scan_json, parse_json),
    MSGPACK: (scan_msgpack, parse_msgpack),
}
_STEP_BYTES: Final = 64 * 1024
ACCEPT: Final = {"Accept": f"{JSON}, {MSGPACK}"}


@dataclass(frozen=True)
class Received:
    """A body that is not parsed yet; its data takes at least ten times the memory.

    Attributes:
        size: in bytes.
        parse: returns the data, or raises a `Problem`.
    """

    size: int
    parse: Callable[[], Any]


class Media:
    """Reads and writes bodies within bounds.

    Args:
        max_bytes: the largest body that is read.
        max_depth: the deepest nesting in it.
        memory: the memory that all bodies of the process share.
        offload: parses large bodies without delaying other requests.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        max_depth: int,
        memory: BodyMemory | None = None,
        offload: Offload = at_once,
    ) -> None:
        self._max_bytes = max_bytes
        self._max_depth = max_depth
        self._bounds = Bounds.of(max_bytes, depth=max_depth)
        self._memory = memory or BodyMemory(max_bytes)
        self._offload = offload

    def read(self, req: Request) -> Any:
        """Read the body as JSON-like data.

        A body without a type is refused, not guessed: browsers let any page send one.

        Raises:
            Problem: 400, 411, 413 or 415.
        """
        return self.receive(req).parse()

    def receive(self, req: Request) -> "Received":
        """Read the bytes of the body, for the caller to parse later.

        Raises:
            Problem: as `read`, except for errors within the body.
        """
        parser = self._parser(req)
        return self._received(parser, self._read_bytes(req))

    def read_optional(self, req: Request) -> Any:
        """Read the body, if any; a missing one, whatever its type, is an empty object.

        Raises:
            Problem: as `read`.
        """
        if not req.content_length and not is_chunked(req):
            return {}
        body = self._read_bytes(req)
        return self._received(self._parser(req), body).parse() if body else {}

    def parse_json(self, body: bytes) -> Any:
        """Parse JSON that was already read.

        Raises:
            Problem: 400 or 413.
        """
        return self._received(_PARSERS[JSON], body).parse()

    def _received(self, parser: Parser, body: bytes) -> Received:
        def parsed() -> Any:
            if len(body) <= SMALL_BYTES:
                return self._parsed(parser, body)
            value = self._offload(lambda: self._parsed_or_problem(parser, body))
            if isinstance(value, Problem):
                raise value
            return value

        return Received(len(body), parsed)

    def _parser(self, req: Request) -> Parser:
        media_type = (req.content_type or "").partition(";")[0].strip().lower()
        parse = _PARSERS.get(media_type)
        coding = req.get_header("Content-Encoding", default="identity").strip().lower()
        if parse is None or coding != "identity":
            raise Problem(
                UNSUPPORTED_MEDIA_TYPE,
                f"Send {JSON} or {MSGPACK}, uncompressed, and declare it in Content-Type.",
                headers=ACCEPT,
            )
        return parse

    def _parsed_or_problem(self, parse: Parser, body: bytes) -> Any:
        """Return a refusal instead of raising it: a pool of threads would print it."""
        try:
            return self._parsed(parse, body)
        except Problem as problem:
            return problem

    def _parsed(self, parser: Parser, body: bytes) -> Any:
        if not body:
            raise Problem(MALFORMED_BODY, "The body is empty.")
        scan, parse = parser
        try:
            scan(body, self._bounds)
            value = parse(body)
        except TooMuch as error:
            raise Problem(BODY_TOO_LARGE, str(error)) from error
        except NotHeld as error:
            raise invalid_request([("", str(error))]) from error
        except Malformed as error:
            raise Problem(MALFORMED_BODY, str(error)) from error
        if depth_of(value, most=self._max_depth) > self._max_depth:
            raise Problem(
                MALFORMED_BODY, f"The body is nested more than {self._max_depth} levels deep."
            )
        return value

    def _read_bytes(self, req: Request) -> bytes:
        length = req.content_length
        if length is None and not is_chunked(req):
            raise Problem(LENGTH_REQUIRED, "Send Content-Length, or send the body in chunks.")
        if length is not None and length > self._max_bytes:
            raise self._too_large()
        # The server ends the stream after the last chunk; one byte more shows excess.
        body = self._read_fully(req, length, self._max_bytes + 1 if length is None else length)
        if len(body) > self._max_bytes:
            raise self._too_large()
        if len(body) < (length or 0):
            raise Problem(MALFORMED_BODY, "The body is shorter than its Content-Length.")
        return body

    def _too_large(self) -> Problem:
        return Problem(BODY_TOO_LARGE, f"The body may have at most {self._max_bytes} bytes.")

    def _read_fully(self, req: Request, length: int | None, most: int) -> bytes:
        """Read a body in pieces, each after reserving memory for it."""
        pieces: list[bytes] = []
        come = 0
        if length is not None:
            self._memory.take(req, length)
        while come < most:
            step = min(_STEP_BYTES, most - come)
            if length is None:
                self._memory.take(req, come + step, before=come)
            piece = _read(req, step)
            if not piece:
                break
            pieces.append(piece)
            come += len(piece)
        return b"".join(pieces)

    def write(self, req: Request, resp: falcon.Response, value: Any) -> None:
        """Write JSON-like data, as msgpack if the client prefers that, else as JSON.

        Numbers that JSON cannot express become null.
        """
        resp.set_header("Vary", "Accept")
        resp.content_type = self.choose(req)
        resp.data = self.written(value, resp.content_type)

    def choose(self, req: Request) -> str:
        """Return which of the two types the client prefers."""
        prefers = _prefers_msgpack((req.get_header("Accept") or JSON).lower())
        return MSGPACK if prefers else JSON

    def written(self, value: Any, media_type: str) -> bytes:
        """Encode JSON-like data in the chosen type; equal data gives equal bytes."""
        if media_type == MSGPACK:
            packed: bytes = msgpack.packb(value)
            return packed
        return to_json(value, inf_nan_mode="null")


def write_problem(resp: falcon.Response, body: dict[str, Any]) -> None:
    """Write a problem object, whatever the client accepts (RFC 9457, section 3)."""
    resp.content_type = PROBLEM
    resp.data = to_json(body, inf_nan_mode="null")


def _read(req: Request, size: int) -> bytes:
    try:
        piece: bytes = req.stream.read(size)
    except Exception as error:  # each server raises its own errors for this
        raise Problem(MALFORMED_BODY, "The transfer was interrupted.") from error
    return piece


@lru_cache(maxsize=256)
def _prefers_msgpack(accept: str) -> bool:
    if accept in (JSON, "*/*"):
        return False
    try:
        return mediatypes.quality(MSGPACK, accept) > mediatypes.quality(JSON, accept)
    except ValueError:
        return False
