"""Runs blocking or long calls: here, or where they delay no other request."""

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Offload(Protocol):
    """Runs a blocking call where it delays no other request."""

    def __call__(self, call: Callable[[], T], /) -> T:
        """Return the result of the call, or raise its exception."""


def at_once(call: Callable[[], T], /) -> T:
    """Run the call here: this process has threads for it."""
    return call()
