"""Logging of a process: structlog and the standard library through one handler, no passwords."""

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from callboard.config.settings import Settings
from callboard.telemetry.logger import PLACE, PROCESSORS, take_over_libraries
from callboard.telemetry.redaction import without_passwords
from callboard.telemetry.terminal_log import RunLines, only_what_people_want

_CHATTY = ("pika", "httpx", "httpcore", "urllib3")
# It logs each message that is skipped or failed, the latter with its exception. We log both
# ourselves.
_MUTE = ("dramatiq.worker.WorkerThread",)


def configure_logging(
    settings: Settings, *, stream: TextIO | None = None, for_people: bool = False
) -> None:
    """Send every log line of this process to one place; a repeat replaces the former setup.

    Our lines and those of the libraries in `logger.py` bypass `logging`, so that no function
    that runs here can suppress them.

    The place is the standard error that the process was started with: the `dramatiq` command puts
    a pipe before `sys.stderr` that breaks when several threads write long lines at once.

    Args:
        settings: format and level.
        stream: where tests write instead.
        for_people: whether a developer reads it: each run is then one short line.

    """
    terminal = stream or sys.__stderr__
    if terminal is None:
        return
    PLACE.use(stream)
    PLACE.level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    colors = terminal.isatty()
    text = settings.log_format == "text" or (settings.log_format == "auto" and colors)
    shared = _shared_processors()
    rendering = _rendering(text=text, colors=colors, for_people=for_people)
    quiet = [only_what_people_want] if for_people else []
    PROCESSORS[:] = [structlog.stdlib.filter_by_level, *quiet, *shared, *rendering]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
    handler = logging.StreamHandler(PLACE)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    take_over_libraries()
    logging.captureWarnings(capture=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _MUTE:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        _add_span,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _rendering(*, text: bool, colors: bool, for_people: bool) -> list[Processor]:
    if for_people:
        return [structlog.processors.format_exc_info, _redact, RunLines(colors=colors)]
    if text:
        # The console would draw the exception itself, after the redaction.
        return [
            structlog.processors.format_exc_info,
            _redact,
            structlog.dev.ConsoleRenderer(colors=colors),
        ]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
        _redact,
        structlog.processors.JSONRenderer(default=repr),
    ]


def _add_span(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Name the current span, if this process traces."""
    api: Any = sys.modules.get("opentelemetry.trace")
    if api is None:
        return event
    current = api.get_current_span().get_span_context()
    if current.is_valid:
        event["trace_id"] = format(current.trace_id, "032x")
        event["span_id"] = format(current.span_id, "016x")
    return event


def _redact(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    return {key: without_passwords(value) for key, value in event.items()}
