"""How many may wait in one process at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Places:
    """A bounded number of places; whoever finds none is told so and does not wait for one.

    Args:
        most: how many there are; None for any number.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """How many are in use."""
        return self._taken

    def take(self) -> bool:
        """Take one if there is one left."""
        with self._lock:
            if self.most is not None and self._taken >= self.most:
                return False
            self._taken += 1
            return True

    def free(self) -> None:
        """Give one back."""
        with self._lock:
            self._taken -= 1

    @contextmanager
    def one(self) -> Iterator[bool]:
        """Take one for a while, and say whether there was one."""
        taken = self.take()
        try:
            yield taken
        finally:
            if taken:
                self.free()
