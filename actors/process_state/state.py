"""One item of process state that a function may change."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class StateItem:
    """How to read an item, and how to restore it.

    Attributes:
        name: for the log.
        read: returns the current value, to be compared by `==`; may raise if there is none.
        put_back: restores it; if that raises or has no effect, the process is of no
            further use. None if it cannot be restored.
        by_import: whether imports of packages may change it permanently.
    """

    name: str
    read: Callable[[], Any]
    put_back: Callable[[Any], object] | None = None
    by_import: bool = False

    def now(self) -> Any:
        """Return the current value; a value that cannot be read counts as unchanged."""
        with suppress(Exception):
            return self.read()
        return None


class ProcessState:
    """The state that a process or thread must have between functions.

    Args:
        items: the items; their current values are the ones to restore.
    """

    def __init__(self, items: Sequence[StateItem]) -> None:
        self._was = {item: item.now() for item in items}
        self._modules = len(sys.modules)

    def changed(self) -> list[tuple[StateItem, Any]]:
        """List changed items, with their values.

        Changes by imports of packages, which mostly happen once, are accepted.
        """
        found = [(item, now) for item, was in self._was.items() if (now := item.now()) != was]
        if len(sys.modules) == self._modules:
            return found
        self._modules = len(sys.modules)
        self._was.update({item: now for item, now in found if item.by_import})
        return [(item, now) for item, now in found if not item.by_import]

    def restore(self, item: StateItem) -> bool:
        """Restore an item, and return whether that succeeded; if not, do not report it again."""
        was = self._was[item]
        if item.put_back is not None:
            with suppress(Exception):
                item.put_back(was)
        now = self._was[item] = item.now()
        return bool(now == was)
