"""How long a client may keep a server waiting: what it sends or takes must come at some rate."""

from typing import Final

PATIENCE_S: Final = 30.0
"""How long a client may send nothing of its body, or take nothing of its answer."""

SLOWEST_BYTES_S: Final = 4096
"""At this rate a body must come, and an answer be taken, in the long run."""

UNSENT_BYTES: Final = 64 * 1024
"""So much the kernel takes beyond what the client has room for: else it would take megabytes."""


class Allowance:
    """Seconds that a client may keep us waiting: waiting takes them, and bytes that move earn some.

    It begins full and is never more than that, so nobody saves up for a long pause.

    Args:
        patience_s: how many there are at most.
        rate: how many bytes earn one.
    """

    def __init__(self, patience_s: float = PATIENCE_S, rate: float = SLOWEST_BYTES_S) -> None:
        self._patience_s: Final = patience_s
        self._rate: Final = rate
        self.left_s = patience_s

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.left_s <= 0

    def refill(self) -> None:
        """Begin anew."""
        self.left_s = self._patience_s

    def count(self, *, waited_s: float, moved: int) -> None:
        """Note how long was waited, and how many bytes moved after that."""
        self.left_s = min(self._patience_s, self.left_s - waited_s + moved / self._rate)
