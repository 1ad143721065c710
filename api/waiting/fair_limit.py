"""Bounds a number of places, and each holder's share of them."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

GREED: Final = 8
"""A holder may have this many times the places that are left."""


class FairLimit:
    """A bounded number of places, shared fairly.

    No holder takes all: each may have `greed` times as many as are left then. So the more holders
    want many, the fewer each has, and there is always one for others.

    Args:
        most: the number of places; None for any number.
        greed: how many times the places left a holder may have.
    """

    def __init__(self, most: int | None = None, *, greed: float = GREED) -> None:
        self.most = most
        self._greed = greed
        self._taken = 0
        self._held: Counter[str] = Counter()
        self._waiting = 0
        self._changed = threading.Condition()

    @property
    def taken(self) -> int:
        """How many are in use."""
        return self._taken

    def take(self, holders: Iterable[str] = (), *, count: int = 1, within_s: float = 0) -> bool:
        """Take places if they are free, or become free in time.

        Args:
            holders: the holders, such as a tenant and an address; each has its share.
            count: how many.
            within_s: how long to wait for them, in seconds.
        """
        wanted = tuple(holders)
        end = time.monotonic() + within_s
        with self._changed:
            while not self._is_free(wanted, count):
                left_s = end - time.monotonic()
                if left_s <= 0:
                    return False
                self._waiting += 1
                try:
                    self._changed.wait(left_s)
                finally:
                    self._waiting -= 1
            self._taken += count
            for holder in wanted:
                self._held[holder] += count
            return True

    def free(self, holders: Iterable[str] = (), *, count: int = 1) -> None:
        """Release some places."""
        with self._changed:
            self._taken -= count
            for holder in holders:
                self._held[holder] -= count
                if self._held[holder] <= 0:
                    del self._held[holder]
            if self._waiting:
                self._changed.notify_all()

    @contextmanager
    def one(self, holders: Iterable[str] = ()) -> Iterator[bool]:
        """Take one during this context; yields whether there was one."""
        wanted = tuple(holders)
        taken = self.take(wanted)
        try:
            yield taken
        finally:
            if taken:
                self.free(wanted)

    def _is_free(self, holders: tuple[str, ...], count: int) -> bool:
        if self.most is None:
            return True
        left = self.most - self._taken - count
        return left >= 0 and all(
            self._held[holder] + count <= max(1, self._greed * left) for holder in holders
        )
