"""The exponential backoff of retries, reconnects and everything else that is tried again."""

from dataclasses import dataclass
from datetime import timedelta
from random import SystemRandom
from typing import Final

_DOUBLINGS: Final = 30
_RANDOM: Final = SystemRandom()  # functions seed the global generator and rely on its numbers


@dataclass(frozen=True)
class Backoff:
    """Delays with full jitter: random between the shortest and a bound that doubles.

    After the n-th failure in a row the bound is `shortest * 2**n`, and never above `longest`.
    Drawing from the whole range keeps apart those that failed at the same moment.

    Source:
        Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.

    Args:
        shortest: no delay is shorter.
        longest: no delay is longer; at least `shortest`.
    """

    shortest: timedelta
    longest: timedelta

    def delay(self, failures: int) -> timedelta:
        """Draw the delay after so many failures in a row, from 1."""
        return timedelta(seconds=self.seconds(failures))

    def seconds(self, failures: int) -> float:
        """Draw the delay after so many failures in a row, from 1, in seconds."""
        shortest = self.shortest.total_seconds()
        bound = min(self.longest.total_seconds(), shortest * 2.0 ** min(failures, _DOUBLINGS))
        return _RANDOM.uniform(shortest, bound)


def spread(delay: timedelta, share: float) -> timedelta:
    """Draw a delay that differs from this one by at most a share of it.

    For chosen delays: many that fail at once are still retried one by one.

    Args:
        delay: the chosen delay.
        share: 0 to 1.
    """
    return delay * _RANDOM.uniform(1 - share, 1 + share)
