"""Logging of a process: structlog and the standard library through one handler, no passwords."""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config.settings import Settings

_PASSWORD_IN_URL = re.compile(r"(?P<user>[A-Za-z][A-Za-z0-9+.-]*://[^\s:/?#@]*):[^\s/?#]*@")
_CHATTY = ("pika", "httpx", "httpcore", "urllib3")


def configure_logging(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Send every log line of this process to one place; calling it again replaces the first.

    The place is the standard error that the process was started with: the `dramatiq` command puts
    a pipe before `sys.stderr` that breaks when several threads write long lines at once.

    Args:
        settings: format and level.
        stream: for tests, where to write instead.

    """
    stream = stream or sys.__stderr__
    if stream is None:
        return
    text = settings.log_format == "text" or (settings.log_format == "auto" and stream.isatty())
    shared = _shared_processors()
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
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(text=text, colors=stream.isatty()),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    logging.captureWarnings(capture=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def without_passwords(value: object) -> object:
    """Replace the password of every URL in the text, also inside mappings and sequences."""
    if isinstance(value, str):
        return _PASSWORD_IN_URL.sub(r"\g<user>:***@", value)
    if isinstance(value, Mapping):
        return {key: without_passwords(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [without_passwords(item) for item in value]
    if isinstance(value, BaseException):
        return without_passwords(repr(value))
    return value


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _rendering(*, text: bool, colors: bool) -> list[Processor]:
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


def _redact(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    return {key: without_passwords(value) for key, value in event.items()}
