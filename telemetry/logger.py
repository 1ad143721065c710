"""Where this process' own log lines go, whatever the functions that it runs do to logging."""

import errno
import logging
import os
import select
import sys
import threading
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final, Protocol, Self, TextIO, cast

import structlog
from structlog.typing import Processor

from callboard.telemetry.log_events import LogEvent

LIBRARIES: Final = ("dramatiq", "pika", "redis")
"""Their lines come from the threads that everything stands on."""

_PATIENCE_MS: Final = 1000


class Place:
    """Where lines go: the standard error that the process was started with, or a stream of a test.

    It has a descriptor of its own, so that whoever closes or replaces the standard error takes
    nothing from it. What cannot be written is lost; nobody fails because of the log.
    """

    def __init__(self) -> None:
        self.level = logging.INFO
        # Handlers of signals write lines, too: dramatiq's says that the worker stops.
        self._lock = threading.RLock()
        self._stream: TextIO | None = None
        self._descriptor: int | None = None
        self._identity: tuple[int, int] | None = None
        os.register_at_fork(after_in_child=self._renew)

    def use(self, stream: TextIO | None) -> None:
        """Write to a stream; None for the standard error."""
        self._stream = stream
        if stream is None and self._descriptor is None and sys.__stderr__ is not None:
            self._open(sys.__stderr__)

    def write(self, text: str) -> int:
        """Write text as a file does."""
        with suppress(OSError, ValueError), self._lock:
            if self._stream is not None:
                self._stream.write(text)
                self._stream.flush()
            elif self._descriptor is not None:
                self._write(self._own(self._descriptor), text.encode("utf-8", "backslashreplace"))
            elif sys.stderr is not None:  # nobody has said where to
                sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def fileno(self) -> int:
        """Give a descriptor that is written to, also where nothing else works any more."""
        return 2 if self._descriptor is None else self._descriptor

    def _open(self, stream: TextIO) -> None:
        with suppress(OSError, ValueError):
            self._descriptor = os.dup(stream.fileno())
            self._identity = _identity(self._descriptor)

    def _own(self, descriptor: int) -> int:
        """Give the descriptor, or another one if it was closed and may be somebody else's by now.

        Raises:
            OSError: there is none.
        """
        if _identity(descriptor) == self._identity:
            return descriptor
        if _identity(2) != self._identity:
            raise OSError(errno.EBADF, "the log is closed")
        self._descriptor = os.dup(2)
        return self._descriptor

    def _write(self, descriptor: int, content: bytes) -> None:
        left = memoryview(content)
        while left:
            try:
                left = left[os.write(descriptor, left) :]
            except BlockingIOError:
                waiting = select.poll()
                waiting.register(descriptor, select.POLLOUT)
                if not waiting.poll(_PATIENCE_MS):
                    return

    def _renew(self) -> None:
        self._lock = threading.RLock()


def _identity(descriptor: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino


PLACE: Final = Place()
PROCESSORS: Final[list[Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.dev.ConsoleRenderer(colors=False),
]
"""What makes a line of an event; `configure_logging` fills it, and nobody who runs a job does."""


class _Write(Protocol):
    def __call__(self, event: LogEvent, /, **fields: object) -> object: ...


class EventLogger(Protocol):
    """Logs declared events, with their fields as keywords; it never raises."""

    debug: _Write
    info: _Write
    warning: _Write
    error: _Write
    critical: _Write
    exception: _Write

    def log(self, level: int, event: LogEvent, /, **fields: object) -> object:
        """Log at a level of `logging`."""

    def bind(self, **fields: object) -> Self:
        """Return a logger that adds these fields to each event."""


class _SafeLogger(structlog.stdlib.BoundLogger):
    """Never raises, whatever the values are."""

    def _proxy_to_logger(
        self, method_name: str, event: str | None = None, *event_args: str, **event_kw: Any
    ) -> Any:
        try:
            return super()._proxy_to_logger(method_name, event, *event_args, **event_kw)
        except Exception as error:  # noqa: BLE001 — a value may be anything that raises when shown
            PLACE.write(f"{method_name}: {event} (cannot be shown: {type(error).__name__})\n")
        return None


class _End:
    """The end of the processors of one module."""

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.disabled: Final = False

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 — as structlog asks
        return level >= PLACE.level

    def getEffectiveLevel(self) -> int:  # noqa: N802 — as structlog asks
        return PLACE.level

    def _msg(self, line: str) -> None:
        PLACE.write(f"{line}\n")

    debug = info = warning = error = critical = exception = _msg


def get_logger(name: str = "callboard") -> EventLogger:
    """Make the logger of one of our modules.

    No function that a worker runs can silence it, or have it raise: it shares neither handlers,
    filters, levels nor factories with `logging`, nor the configuration of `structlog`.
    """
    logger = structlog.wrap_logger(
        _End(name), processors=PROCESSORS, wrapper_class=_SafeLogger, context_class=dict
    )
    return cast("EventLogger", logger)


class _LibraryLogger(logging.Logger):
    """A logger of a library that this process stands on, which functions cannot take down."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 — of `logging`
        return level >= self.getEffectiveLevel()

    def getEffectiveLevel(self) -> int:  # noqa: N802 — of `logging`
        logger: logging.Logger | None = self
        while isinstance(logger, _LibraryLogger):
            if logger.level:
                return logger.level
            logger = logger.parent
        return PLACE.level

    def makeRecord(self, *args: Any, **_more: Any) -> logging.LogRecord:  # noqa: N802
        # As `logging.Logger` calls it; without the factory, which may be anybody's.
        name, level, path, line, message, values, exc_info, function = args[:8]
        return logging.LogRecord(name, level, path, line, message, values, exc_info, function)

    def handle(self, record: logging.LogRecord) -> None:
        with suppress(Exception):  # what a line quotes may be anything
            say = getattr(get_logger(self.name), record.levelname.lower())
            say(record.getMessage(), exc_info=record.exc_info)


def take_over_libraries() -> None:
    """Have the lines of libraries go the same way as ours."""
    manager = logging.Logger.manager
    if not isinstance(manager.loggerClass, _Chosen):
        chosen: Callable[[str], logging.Logger] = _Chosen(manager.loggerClass)
        manager.loggerClass = cast("type[logging.Logger]", chosen)
    known: MutableMapping[str, Any] = manager.loggerDict
    for name, logger in list(known.items()):
        if _of_library(name) and type(logger) is logging.Logger:
            logger.__class__ = _LibraryLogger


class _Chosen:
    """Makes a logger: ours for a library, else what the process wants."""

    def __init__(self, other: Callable[[str], logging.Logger] | None) -> None:
        self._other = other

    def __call__(self, name: str) -> logging.Logger:
        if _of_library(name):
            return _LibraryLogger(name)
        return (self._other or logging.getLoggerClass())(name)


def _of_library(name: str) -> bool:
    return name.partition(".")[0] in LIBRARIES
