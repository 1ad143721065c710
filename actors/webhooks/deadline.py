"""One end for everything that an attempt does, however slowly the other side goes about it."""

import time


class DeadlineExceeded(Exception):
    """The time for this attempt is over."""


class Deadline:
    """Counts down from when it was made.

    Args:
        seconds: until it is over.
    """

    def __init__(self, seconds: float) -> None:
        self._began = time.monotonic()
        self._seconds = seconds

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            DeadlineExceeded: there are none.
        """
        left = self._began + self._seconds - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded
        return left

    def sooner(self, seconds: float) -> "Deadline":
        """Return one that is over after so many seconds, or with this one."""
        return Deadline(min(seconds, self.left()))

    def past_ms(self) -> int:
        """Return the milliseconds since it was made."""
        return int((time.monotonic() - self._began) * 1000)
