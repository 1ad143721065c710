"""Generates content lists, and Markdown from them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NotRequired

from typing_extensions import TypedDict

from examples.documents.formats.content import Block

TITLE: Final = 1.15
"""Text that is larger than most by this factor is a title."""
MAX_TITLE_LENGTH: Final = 200


class Item(TypedDict):
    """One item of a content list."""

    type: str
    page_idx: int
    text: str
    text_level: NotRequired[int]
    rows: NotRequired[list[list[str]]]
    bbox: NotRequired[list[float]]


def content_list(pages: Iterable[tuple[int, Sequence[Block]]]) -> list[Item]:
    """Return the blocks of all pages in reading order; large text becomes titles."""
    found = [(number, block) for number, blocks in pages for block in blocks]
    levels = _levels([block for _, block in found])
    return [_item(number, block, levels) for number, block in found]


def markdown(items: Iterable[Item], drawn: Mapping[int, str]) -> str:
    """Write a content list as Markdown.

    Args:
        items: the content list.
        drawn: names of the pictures of pages, to which pictures in the text lead.
    """
    whole = ""
    before = ""
    for item in items:
        between = "\n" if before == item["type"] == "list" else "\n\n"
        whole += (between if whole else "") + _written(item, drawn)
        before = item["type"]
    return f"{whole}\n" if whole else ""


def _levels(blocks: Sequence[Block]) -> dict[float, int]:
    """Return the title level of each text size that marks a title."""
    letters: Counter[float] = Counter()
    for block in blocks:
        if block.size:
            letters[_rounded(block.size)] += len(block.text)
    if not letters:
        return {}
    usual = letters.most_common(1)[0][0]
    large = sorted({size for size in letters if size > TITLE * usual}, reverse=True)
    return {size: min(level, 6) for level, size in enumerate(large, 1)}


def _item(number: int, block: Block, levels: dict[float, int]) -> Item:
    level = block.level or levels.get(_rounded(block.size), 0)
    is_title = level > 0 and block.kind in ("text", "title") and len(block.text) <= MAX_TITLE_LENGTH
    text = _table(block.rows) if block.kind == "table" else block.text
    item: Item = {
        "type": "title" if is_title else block.kind,
        "page_idx": number,
        "text": text,
    }
    if is_title:
        item["text_level"] = level
    if block.kind == "table":
        item["rows"] = [list(row) for row in block.rows]
    if block.bounds:
        item["bbox"] = list(block.bounds)
    return item


def _written(item: Item, drawn: Mapping[int, str]) -> str:
    kind, text = item["type"], item["text"]
    if kind == "title":
        return f"{'#' * item.get('text_level', 1)} {text}"
    if kind == "list":
        return f"- {text.lstrip('•·- ')}"
    if kind == "image":
        return f"![{text or 'image'}]({drawn.get(item['page_idx'], '')})"
    return text


def _table(rows: Sequence[Sequence[Any]]) -> str:
    return "\n".join(_table_lines(rows))


def _table_lines(rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    width = max(map(len, rows), default=0)
    for place, row in enumerate(rows):
        cells = [str(cell).replace("|", "\\|") for cell in row] + [""] * (width - len(row))
        yield f"| {' | '.join(cells)} |"
        if place == 0:
            yield f"|{' --- |' * width}"


def _rounded(size: float) -> float:
    return round(2 * size) / 2
