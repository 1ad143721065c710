"""Does long work without delaying other threads of the process."""

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")

_AT_A_STRETCH: Final = 0.002
"""Seconds of work after which others get a turn."""


def with_pauses(work: Iterable[T]) -> Iterator[T]:
    """Go through `work`, and let other threads or greenlets run every few milliseconds."""
    began = time.monotonic()
    for each in work:
        yield each
        if time.monotonic() - began > _AT_A_STRETCH:
            time.sleep(0)  # noqa: TID251  # nothing is waited for; with gevent it is a switch
            began = time.monotonic()
