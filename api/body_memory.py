"""Bounds the bytes of bodies that one process holds, in total and for each caller."""

from typing import Final

from callboard.api.problems.problem import Problem
from callboard.api.problems.table import BODIES_FULL
from callboard.api.request import Request, holders_of
from callboard.api.waiting.fair_limit import FairLimit

_SMALL_BYTES: Final = 64 * 1024
_ALL_SMALL_BYTES: Final = 16 * 1024**2
_MAX_AT_A_TIME: Final = 4
_GREED: Final = 3
_PATIENCE_S: Final = 10.0


class BodyMemory:
    """The memory for request bodies until their requests are answered.

    Small bodies have a part of their own, so that they are accepted while large ones fill the rest.
    It is shared as `FairLimit` does: no caller holds more than three times what is left.

    Args:
        max_bytes: the size of the largest body.
        patience_s: how long a request waits for room, with its body unread, in seconds.
    """

    def __init__(self, max_bytes: int, *, patience_s: float = _PATIENCE_S) -> None:
        self._small: Final = FairLimit(_ALL_SMALL_BYTES, greed=_GREED)
        self._large: Final = FairLimit(_MAX_AT_A_TIME * max_bytes, greed=_GREED)
        self._patience_s = patience_s

    def take(self, req: Request, size: int, *, before: int = 0) -> None:
        """Reserve memory until the request is answered.

        Args:
            req: the request.
            size: in bytes: the declared length, or what has arrived so far.
            before: how much of that is reserved already; if any, do not wait.

        Raises:
            Problem: 503, no room is left.
        """
        holders = holders_of(req)
        places, count = self._large, size - before
        if size <= _SMALL_BYTES:
            places = self._small
        elif before <= _SMALL_BYTES:
            count = size  # the body is no longer small
        if not places.take(holders, count=count, within_s=0 if before else self._patience_s):
            raise Problem(
                BODIES_FULL,
                "Too many bodies are being received. Send the request again.",
            )
        req.context.held.append(lambda: places.free(holders, count=count))
