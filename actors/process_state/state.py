"""One thing of a process that a function may change."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class StateItem:
    """How to look at it, and how to put it back.

    Attributes:
        name: for the log.
        read: gives what it is now, to be compared by `==`; may raise, as where it is not known.
        put_back: makes it what it was; where that raises or does not help, the process is of no
            use any more. None where nothing helps.
        by_import: packages change it for good when they are imported.
    """

    name: str
    read: Callable[[], Any]
    put_back: Callable[[Any], object] | None = None
    by_import: bool = False

    def now(self) -> Any:
        """Return what it is; what cannot be looked at is always the same."""
        with suppress(Exception):
            return self.read()
        return None


class ProcessState:
    """What a process, or a thread, is to be like between functions.

    Args:
        items: to look at; as they are now is how they are to be.
    """

    def __init__(self, items: Sequence[StateItem]) -> None:
        self._was = {item: item.now() for item in items}
        self._modules = len(sys.modules)

    def changed(self) -> list[tuple[StateItem, Any]]:
        """List what is different now, with what it is.

        What packages change when they are imported, as most do only once, is left so.
        """
        found = [(item, now) for item, was in self._was.items() if (now := item.now()) != was]
        if len(sys.modules) == self._modules:
            return found
        self._modules = len(sys.modules)
        self._was.update({item: now for item, now in found if item.by_import})
        return [(item, now) for item, now in found if not item.by_import]

    def restore(self, item: StateItem) -> bool:
        """Put one back, and say whether it is as it was; where not, nothing is said of it again."""
        was = self._was[item]
        if item.put_back is not None:
            with suppress(Exception):
                item.put_back(was)
        now = self._was[item] = item.now()
        return bool(now == was)
