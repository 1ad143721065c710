"""Puts the pieces of a page into reading order, by the white space between them (XY cuts)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Final

from examples.documents.formats.content import Block, Bounds

GUTTER: Final = 1.5
"""The minimum distance between columns, in text heights; words are closer together."""
PARAGRAPH: Final = 0.6
"""Lines farther apart than this, in text heights, belong to different paragraphs."""
SAME_SIZE: Final = 1.12
"""Text sizes within a paragraph differ by less than this factor."""


@dataclass(frozen=True)
class Piece:
    """A word, a line, a table or a picture, at its place on the page."""

    bounds: Bounds
    text: str = ""
    size: float = 0
    block: Block | None = field(default=None)


def in_reading_order(pieces: Sequence[Piece]) -> list[Block]:
    """Return the blocks of a page, columns from left to right and each from top to bottom."""
    sizes = [piece.size for piece in pieces if piece.size]
    height = median(sizes) if sizes else 10.0
    return list(_blocks(list(pieces), height))


def _blocks(pieces: list[Piece], height: float) -> Iterator[Block]:
    bands = _parts(pieces, _vertical, PARAGRAPH * height)
    for region in _regions(bands, height):
        columns = _columns(region, height)
        if len(columns) > 1:
            for column in columns:
                yield from _blocks(column, height)
        else:
            for band in _parts(region, _vertical, PARAGRAPH * height):
                yield from _paragraphs(band)


def _regions(bands: list[list[Piece]], height: float) -> Iterator[list[Piece]]:
    """Join bands with the same gutters, so that each column is read to its end."""
    region: list[list[Piece]] = []
    for band in bands:
        if region and not _has_gutter(_all([*region, band]), height):
            # A heading above this band belongs to it, although it is as short as a column.
            end = len(region)
            while end > 1 and _is_heading(region[end - 1], height):
                end -= 1
            yield _all(region[:end])
            region = region[end:]
        region.append(band)
    if region:
        yield _all(region)


def _is_heading(band: list[Piece], height: float) -> bool:
    return _size(band) > SAME_SIZE * height and not _has_gutter(band, height)


def _all(bands: list[list[Piece]]) -> list[Piece]:
    return [piece for band in bands for piece in band]


def _has_gutter(pieces: list[Piece], height: float) -> bool:
    return len(_parts(pieces, _horizontal, GUTTER * height)) > 1


def _columns(region: list[Piece], height: float) -> list[list[Piece]]:
    columns = _parts(region, _horizontal, GUTTER * height)
    # A gap within one line, as between a heading and its page number, parts no columns.
    if all(len(_lines(column)) > 1 for column in columns):
        return columns
    return [region]


def _paragraphs(band: list[Piece]) -> Iterator[Block]:
    lines: list[list[Piece]] = []
    for line in _lines(band):
        whole = next((piece.block for piece in line if piece.block), None)
        if lines and (whole or _size(line) > SAME_SIZE * _size(lines[-1]) or _smaller(line, lines)):
            yield _paragraph(lines)
            lines = []
        if whole:
            yield whole
        else:
            lines.append(line)
    if lines:
        yield _paragraph(lines)


def _smaller(line: list[Piece], lines: list[list[Piece]]) -> bool:
    return SAME_SIZE * _size(line) < _size(lines[-1])


def _paragraph(lines: list[list[Piece]]) -> Block:
    pieces = [piece for line in lines for piece in line]
    text = ""
    for line in lines:
        words = " ".join(piece.text for piece in line)
        if text.endswith("-") and words[:1].islower():
            text = text[:-1] + words
        else:
            text = f"{text} {words}".strip()
    return Block(text=text, size=median(map(_size, lines)), bounds=_around(pieces))


def _lines(pieces: list[Piece]) -> list[list[Piece]]:
    """Group pieces side by side into lines; a superscript stays in its line."""
    lines: list[list[Piece]] = []
    for piece in sorted(pieces, key=_middle):
        if lines and not piece.block and _beside(piece, lines[-1]):
            lines[-1].append(piece)
        else:
            lines.append([piece])
    return [sorted(line, key=lambda piece: piece.bounds[0]) for line in lines]


def _beside(piece: Piece, line: list[Piece]) -> bool:
    if line[0].block:
        return False
    top, bottom = _vertical(piece)
    other_top, other_bottom = _vertical(line[0])
    overlap = min(bottom, other_bottom) - max(top, other_top)
    return overlap > 0.5 * min(bottom - top, other_bottom - other_top)


def _parts(
    pieces: list[Piece], along: Callable[[Piece], tuple[float, float]], gap: float
) -> list[list[Piece]]:
    """Split pieces where there is at least a gap of white space."""
    ordered = sorted(pieces, key=along)
    ends: list[float] = []
    for piece in ordered:
        ends.append(max(along(piece)[1], ends[-1] if ends else float("-inf")))
    parts = [ordered[:1]] if ordered else []
    for (_, piece), end in zip(pairwise(ordered), ends, strict=False):
        if along(piece)[0] - end >= gap:
            parts.append([])
        parts[-1].append(piece)
    return parts


def _horizontal(piece: Piece) -> tuple[float, float]:
    return piece.bounds[0], piece.bounds[2]


def _vertical(piece: Piece) -> tuple[float, float]:
    return piece.bounds[1], piece.bounds[3]


def _middle(piece: Piece) -> float:
    return (piece.bounds[1] + piece.bounds[3]) / 2


def _size(line: list[Piece]) -> float:
    return max(piece.size for piece in line)


def _around(pieces: list[Piece]) -> Bounds:
    left, top, right, bottom = zip(*(piece.bounds for piece in pieces), strict=True)
    return min(left), min(top), max(right), max(bottom)
