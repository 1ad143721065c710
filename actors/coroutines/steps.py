"""A coroutine whose every step can be interrupted."""

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

from callboard.actors.interrupts.guard import Passage
from callboard.jobs.errors import Interruption


class Steps(Coroutine[Any, Any, Any]):
    """Wraps a coroutine, and runs each step so that it can be interrupted."""

    def __init__(self, coroutine: Any, passage: Passage) -> None:
        self._coroutine = coroutine
        self._passage = passage

    def send(self, value: Any, /) -> Any:
        """Continue until the next wait."""
        return self._step(self._coroutine.send, value)

    def throw(self, *error: Any) -> Any:
        """Raise an error inside, and continue until the next wait."""
        return self._step(self._coroutine.throw, *error)

    def close(self) -> None:
        """Close the coroutine."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        wrapped: Generator[Any, Any, Any] = self._coroutine.__await__()
        return wrapped

    def __getattr__(self, name: str) -> Any:
        # Libraries read the state of a task's coroutine.
        return getattr(self._coroutine, name)

    def _step(self, move: Callable[..., Any], *value: Any) -> Any:
        try:
            return self._passage.through(partial(move, *value))
        except Interruption:
            if not self._waits():
                raise
        # It came just after the step: the coroutine must receive it as well.
        return self._coroutine.throw(Interruption())

    def _waits(self) -> bool:
        coroutine = self._coroutine
        return getattr(coroutine, "cr_frame", None) is not None and not coroutine.cr_running
