"""Counts the values in a body before parsing it: objects take many times its bytes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from callboard.api.parsing import Malformed

_BYTES_PER_VALUE: Final = 4
_BYTES_PER_CONTAINER: Final = 8
_MAX_VALUES: Final = 1024**2
_MAX_CONTAINERS: Final = 256 * 1024
_MIN_VALUES: Final = 1024
_WINDOW_BYTES: Final = 64 * 1024
_REST: Final = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_TEXT: Final = re.compile(b'"' + _REST + rb'(?:"|\\?\Z)', re.DOTALL)
_REST_OF_TEXT: Final = re.compile(_REST + b'"', re.DOTALL)


class TooMuch(ValueError):
    """The body holds more than is allowed; the message says how much that is."""


@dataclass(frozen=True)
class Bounds:
    """How much a body may hold.

    Attributes:
        values: texts, numbers, lists, objects and names of members, all together.
        containers: lists and objects among them.
        depth: how deeply those may be nested.
    """

    values: int
    containers: int
    depth: int

    @classmethod
    def of(cls, max_bytes: int, *, depth: int) -> Self:
        """Return the bounds for a body of a number of bytes."""
        return cls(
            values=max(_MIN_VALUES, min(_MAX_VALUES, max_bytes // _BYTES_PER_VALUE)),
            containers=max(_MIN_VALUES, min(_MAX_CONTAINERS, max_bytes // _BYTES_PER_CONTAINER)),
            depth=depth,
        )

    def check(self, *, values: int, containers: int) -> None:
        """Refuse counts beyond the bounds.

        Raises:
            TooMuch: they are beyond.
        """
        if values > self.values:
            raise TooMuch(f"It has more than {self.values} values.")
        if containers > self.containers:
            raise TooMuch(f"It has more than {self.containers} lists and objects.")

    def too_deep(self) -> Malformed:
        """Refuse what is nested too deeply."""
        return Malformed(f"It is nested deeper than {self.depth} levels.")


def scan_json(body: bytes, bounds: Bounds) -> None:
    """Count the values in JSON; validity and depth are left to the parser.

    Raises:
        TooMuch: it holds more than that.
    """
    # This also counts what is inside texts, so small counts need no closer look.
    values, containers = _counted(body)
    if values <= bounds.values and containers <= bounds.containers:
        return
    values = containers = 0
    for piece in _without_texts(body):
        more_values, more_containers = _counted(piece)
        values, containers = values + more_values, containers + more_containers
        bounds.check(values=values, containers=containers)


def _counted(body: bytes) -> tuple[int, int]:
    containers = body.count(b"[") + body.count(b"{")
    return body.count(b",") + body.count(b":"), containers


def _without_texts(body: bytes) -> Iterator[bytes]:
    """Yield JSON without what is in its texts, in pieces, so that other threads get their turns."""
    at = 0
    while at < len(body):
        piece = body[at : at + _WINDOW_BYTES]
        yield _TEXT.sub(b"", piece)
        at += len(piece)
        if piece.replace(rb"\\", b"").replace(rb"\"", b"").count(b'"') % 2:
            # It ends within a text, perhaps behind the first half of an escape.
            halves = len(piece) - len(piece.rstrip(b"\\"))
            rest = _REST_OF_TEXT.match(body, at - halves % 2)
            if rest is None:
                return
            at = rest.end()


def scan_msgpack(body: bytes, bounds: Bounds) -> None:
    """Count the values in msgpack, also those that it claims; validity is left to the parser.

    Raises:
        Malformed: it is nested too deeply, or claims more values than it has bytes.
        TooMuch: it holds more than that.
    """
    size, at, values, containers = len(body), 0, 1, 0
    left: list[int] = []
    pending = 1
    while pending or left:
        if not pending:
            pending = left.pop()
            continue
        if at >= size:
            return
        pending -= 1
        first = body[at]
        skipped, width, times = _HEADS[first]
        at += 1
        if not width and not times:
            at += skipped
            continue
        count = int.from_bytes(body[at : at + width], "big") if width else skipped
        at += width
        if not times:
            at += count + skipped
            continue
        containers += 1
        values += count * times
        if count * times > size - at:
            raise Malformed("It claims to hold more values than it has bytes.")
        bounds.check(values=values, containers=containers)
        if len(left) >= bounds.depth:
            raise bounds.too_deep()
        left.append(pending)
        pending = count * times


def _heads() -> list[tuple[int, int, int]]:
    """Tell of each first byte what follows it (the specification of msgpack, section Formats).

    Each is a number of bytes that follow; how many of the next bytes are a length; and how many
    values each of that length stands for, 0 for bytes. A list or map that has its length in its
    first byte gives that in place of the bytes.
    """
    heads = [(0, 0, 0)] * 256
    heads[0x80:0x90] = [(count, 0, 2) for count in range(16)]
    heads[0x90:0xA0] = [(count, 0, 1) for count in range(16)]
    heads[0xA0:0xC0] = [(length, 0, 0) for length in range(32)]
    for first, width in {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}.items():
        heads[first] = (0, width, 0)
    for first, width in {0xC7: 1, 0xC8: 2, 0xC9: 4}.items():
        heads[first] = (1, width, 0)
    for first, skipped in {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}.items():
        heads[first] = (skipped, 0, 0)
    for first, skipped in {0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}.items():
        heads[first] = (skipped, 0, 0)
    for first, skipped in {0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17}.items():
        heads[first] = (skipped, 0, 0)
    heads[0xDC], heads[0xDD] = (0, 2, 1), (0, 4, 1)
    heads[0xDE], heads[0xDF] = (0, 2, 2), (0, 4, 2)
    return heads


_HEADS: Final = _heads()
