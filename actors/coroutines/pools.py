"""Makes what a run submits to a thread pool belong to that run."""

import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from callboard.actors.coroutines.run import run_of

_submit: Final[Callable[..., Future[Any]]] = ThreadPoolExecutor.submit


def track_submissions() -> None:
    """Patch thread pools so that submissions belong to the submitting run; once is enough.

    Python does not record who submitted what, so this replaces a method of all pools: those that
    a function creates and those that its module keeps.
    """
    ThreadPoolExecutor.submit = _submit_for_run  # type: ignore[method-assign,assignment]


def _submit_for_run(
    executor: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **named: Any
) -> Future[Any]:
    run = run_of(None)
    if run is not None and _shares_objects(executor):
        function = run.offload(function)
    return _submit(executor, function, *args, **named)


def _shares_objects(executor: ThreadPoolExecutor) -> bool:
    """Return whether its threads share objects with this one; interpreters (PEP 734) do not."""
    interpreters: Any = sys.modules.get("concurrent.futures.interpreter")
    return interpreters is None or not isinstance(executor, interpreters.InterpreterPoolExecutor)
