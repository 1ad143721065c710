"""Bodies of callbacks that modules in `CALLBOARD_ROUTES` render for the jobs of their clients."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callboard.jobs.errors import OperationError
from callboard.jobs.record import Record
from callboard.jobs.registry import import_module


@dataclass(frozen=True)
class CallbackJob:
    """A job whose callback is about to be sent for the first time.

    Attributes:
        event: such as `job.succeeded`.
        record: the job as it is now, which may be later than the event.
        result: its whole result, with an `href` for each file; None if it has none, or one above
            1 MiB.
        base: the base URL by which its client reached the server, without a final slash.
    """

    event: str
    record: Record
    result: Any
    base: str


BodyRenderer = Callable[[CallbackJob], Mapping[str, Any] | None]
"""Returns the body for a job of this module's clients, and None for any other."""


def load_body_renderers(modules: Sequence[str]) -> tuple[BodyRenderer, ...]:
    """Collect the functions `callback_body` of the modules that have one.

    Args:
        modules: as `CALLBOARD_ROUTES` names them.

    Raises:
        OperationError: a module cannot be imported, or its `callback_body` is not a function.
    """
    found: list[BodyRenderer] = []
    for spec in modules:
        name = spec.rpartition("=")[2]
        render: BodyRenderer | None = getattr(import_module(name), "callback_body", None)
        if render is None:
            continue
        if not callable(render):
            raise OperationError(f"{name}: callback_body is not a function")
        found.append(render)
    return tuple(found)
