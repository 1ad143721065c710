"""Splits items into batches."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield lists of `size` items, and finally the rest."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
