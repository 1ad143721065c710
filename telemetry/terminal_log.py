"""The log of `callboard dev`: one short line for each run, and its traceback."""

from collections.abc import Iterator, Mapping
from typing import Final

import structlog
from structlog.typing import EventDict, WrappedLogger

from callboard.telemetry.log_events import LogEvent

_QUIET: Final = frozenset(
    {
        LogEvent.WEBHOOKS_SKIPPED,
        LogEvent.HOUSEKEEPER_LEAD_RELEASED,
        LogEvent.HOUSEKEEPER_LEAD_ACQUIRED,
        LogEvent.RUN_STARTED,
        LogEvent.WORKER_STOPPED,
        LogEvent.WORKER_STOPPING,
        "Shutting down...",  # of dramatiq, like the next one
        "Worker has been shut down.",
    }
)
_COLORS: Final[Mapping[str, str]] = {"succeeded": "\x1b[32m", "failed": "\x1b[31m"}
_OTHER: Final = "\x1b[33m"
_RED: Final = "\x1b[31m"
_DIM: Final = "\x1b[2m"
_RESET: Final = "\x1b[0m"
_FRAME: Final = '  File "'
_OURS: Final = ("/actors/", "/asyncio/", "/dramatiq/")
_MS_PER_S: Final = 1000


def only_what_people_want(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Drop events that matter only to operators of several processes.

    Raises:
        DropEvent: the event is one of them.
    """
    if event.get("event") in _QUIET:
        raise structlog.DropEvent
    return event


class RunLines:
    """Renders `run_ended` as `12:34:56 succeeded add 0193… 1.2 s`, other events as usual.

    Args:
        colors: whether the terminal shows colors.
    """

    def __init__(self, *, colors: bool) -> None:
        self._colors = colors
        self._others = structlog.dev.ConsoleRenderer(colors=colors)

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        """Write one event."""
        if event.get("event") != LogEvent.RUN_ENDED:
            return str(self._others(logger, name, event))
        outcome = str(event.get("outcome"))
        said = [
            self._in(_DIM, str(event.get("timestamp", ""))[11:19]),
            self._in(_COLORS.get(outcome, _OTHER), f"{outcome:<9}"),
            str(event.get("operation")),
            self._in(_DIM, str(event.get("job"))),
            _duration(float(event.get("duration_ms") or 0)),
        ]
        trace = str(event.get("traceback") or "")
        shown = [self._in(_RED, f"  {line}") for line in own_frames(trace)]
        return "\n".join([" ".join(said), *shown])

    def _in(self, color: str, text: str) -> str:
        return f"{color}{text}{_RESET}" if self._colors and text else text


def own_frames(trace: str) -> Iterator[str]:
    """Yield the lines of a traceback without the worker's own frames."""
    hidden = False
    for line in trace.rstrip().splitlines():
        if line.startswith(_FRAME):
            hidden = any(part in line.partition('", line')[0] for part in _OURS)
        elif not line.startswith("    "):
            hidden = False
        if not hidden:
            yield line


def _duration(milliseconds: float) -> str:
    if milliseconds < _MS_PER_S:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / _MS_PER_S:.1f} s"
