"""How long a client may keep a server waiting: it must send and read at a minimum rate."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PATIENCE_S: Final = 30.0
"""How long a client may send nothing of its body, or read nothing of its response."""

CROWDED_PATIENCE_S: Final = 1.0
"""How long instead, while too many clients send bodies slowly."""

SLOWEST_BYTES_S: Final = 4096
"""The minimum rate of sending a body and reading a response, in the long run."""

UNSENT_BYTES: Final = 64 * 1024
"""How much the kernel buffers for a client that does not read; by default, megabytes."""


class Allowance:
    """Seconds that a client may keep us waiting: waiting spends them, transferred bytes earn some.

    It begins full and is never more than that, so a client cannot save up for a long pause.

    Args:
        patience_s: the maximum, in seconds.
        rate: how many bytes earn one second.
    """

    def __init__(self, patience_s: float = PATIENCE_S, rate: float = SLOWEST_BYTES_S) -> None:
        self._patience_s: Final = patience_s
        self._rate: Final = rate
        self.left_s = patience_s

    @property
    def is_spent(self) -> bool:
        """Whether no time is left."""
        return self.left_s <= 0

    def left_within(self, patience_s: float) -> float:
        """Return how much would be left if it had begun with less."""
        return self.left_s - max(0.0, self._patience_s - patience_s)

    def refill(self) -> None:
        """Restore the maximum."""
        self.left_s = self._patience_s

    def count(self, *, waited_s: float, moved: int) -> None:
        """Record how long was waited, and how many bytes were transferred after that."""
        self.left_s = min(self._patience_s, self.left_s - waited_s + moved / self._rate)


class SlowBodies:
    """Counts the bodies that a process waits for: beyond some, each gets little time.

    So no number of slow clients takes the connections of others, and no client that sends without
    pauses is refused.

    Args:
        room: how many clients may use the full time of their `Allowance`.
    """

    def __init__(self, room: int) -> None:
        self._room: Final = room
        self.waiting = 0

    @property
    def patience_s(self) -> float:
        """How long a client may send nothing now."""
        return PATIENCE_S if self.waiting <= self._room else CROWDED_PATIENCE_S

    @contextmanager
    def wait(self) -> Iterator[None]:
        """Count a body as waited for within this context."""
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1
