"""Where a call runs that blocks, or takes long: here, or where it holds up nobody else."""

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Offload(Protocol):
    """Runs what blocks, where it holds up nobody else."""

    def __call__(self, call: Callable[[], T], /) -> T:
        """Return what the call gives, or raise what it raises."""


def at_once(call: Callable[[], T], /) -> T:
    """Run what blocks here: this process has threads for it."""
    return call()
