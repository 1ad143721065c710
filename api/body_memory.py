"""How many bytes of bodies one process holds at a time, for everybody and for each."""

from typing import Final

import falcon

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
    """The memory for the bodies of requests until they are answered.

    Small ones have some of their own, so that they come in while large ones fill the rest. It is
    shared as `FairLimit` says: of it nobody has more than three times what is left.

    Args:
        max_bytes: of the largest body that there is.
        patience_s: how long a request waits for room, with its body unread.
    """

    def __init__(self, max_bytes: int, *, patience_s: float = _PATIENCE_S) -> None:
        self._small: Final = FairLimit(_ALL_SMALL_BYTES, greed=_GREED)
        self._large: Final = FairLimit(_MAX_AT_A_TIME * max_bytes, greed=_GREED)
        self._patience_s = patience_s

    def take(self, req: Request, size: int, *, before: int = 0) -> None:
        """Take room until the request is answered.

        Args:
            req: whose body it is.
            size: in bytes, as it says or as far as it has come.
            before: how much of that it has already; with any, nobody waits.

        Raises:
            Problem: 503, there is none.
        """
        holders = holders_of(req)
        places, count = self._large, size - before
        if size <= _SMALL_BYTES:
            places = self._small
        elif before <= _SMALL_BYTES:
            count = size  # what was small is so no more
        if not places.take(holders, count=count, within_s=0 if before else self._patience_s):
            raise Problem(
                BODIES_FULL,
                "Too many bodies are being received. Send the request again.",
            )
        req.context.held.append(lambda: places.free(holders, count=count))


class ReleaseHeld:
    """Middleware that gives back what a request holds once its answer is made."""

    def process_response(
        self, req: Request, _resp: falcon.Response, _resource: object, _succeeded: object
    ) -> None:
        """Give it back, also after an error."""
        release_room(req)


def release_room(req: Request) -> None:
    """Release what a request holds; a repeat does nothing."""
    while req.context.held:
        req.context.held.pop()()
