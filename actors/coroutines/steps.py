"""A coroutine whose every step can be interrupted."""

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

from callboard.actors.interrupts.guard import Passage
from callboard.jobs.errors import Interruption


class Steps(Coroutine[Any, Any, Any]):
    """Passes everything on to a coroutine, each step through the passage of its run."""

    def __init__(self, coroutine: Any, passage: Passage) -> None:
        self._coroutine = coroutine
        self._passage = passage

    def send(self, value: Any, /) -> Any:
        """Go on until the next wait."""
        return self._step(self._coroutine.send, value)

    def throw(self, *error: Any) -> Any:
        """Go on with an error until the next wait."""
        return self._step(self._coroutine.throw, *error)

    def close(self) -> None:
        """Give it up."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        wrapped: Generator[Any, Any, Any] = self._coroutine.__await__()
        return wrapped

    def __getattr__(self, name: str) -> Any:
        # Libraries ask a task's coroutine how far it is.
        return getattr(self._coroutine, name)

    def _step(self, move: Callable[..., Any], *value: Any) -> Any:
        try:
            return self._passage.through(partial(move, *value))
        except Interruption:
            if not self._waits():
                raise
        # It came when the step was just over: the coroutine has to hear of it, too.
        return self._coroutine.throw(Interruption())

    def _waits(self) -> bool:
        coroutine = self._coroutine
        return getattr(coroutine, "cr_frame", None) is not None and not coroutine.cr_running
