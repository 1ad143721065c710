"""The loggers of this process's own modules, which no function that it runs can suppress."""

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
"""The libraries whose lines go the same way: they log in threads that every run depends on."""

_PATIENCE_MS: Final = 1000


class Place:
    """Where lines are written: the process's original standard error, or a stream of a test.

    It has a file descriptor of its own, so that a function may close or replace the standard
    error. A line that cannot be written is lost; logging never fails its caller.
    """

    def __init__(self) -> None:
        self.level = logging.INFO
        # Signal handlers log as well: dramatiq's logs that the worker stops.
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
            elif sys.stderr is not None:  # before `use` was called
                sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def fileno(self) -> int:
        """Return the descriptor, for writing when nothing else works."""
        return 2 if self._descriptor is None else self._descriptor

    def _open(self, stream: TextIO) -> None:
        with suppress(OSError, ValueError):
            self._descriptor = os.dup(stream.fileno())
            self._identity = _identity(self._descriptor)

    def _own(self, descriptor: int) -> int:
        """Return the descriptor, or a new one if a function closed it and the number was reused.

        Raises:
            OSError: no descriptor is open.
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
"""The processors of every line; only `configure_logging` changes them."""


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
    """The logger behind the processors of one module, which writes the line."""

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
    """Return the logger of one of our modules.

    No function that a worker runs can silence it or make it raise: it shares neither handlers,
    filters, levels nor factories with `logging`, nor the configuration of `structlog`.
    """
    logger = structlog.wrap_logger(
        _End(name), processors=PROCESSORS, wrapper_class=_SafeLogger, context_class=dict
    )
    return cast("EventLogger", logger)


class _LibraryLogger(logging.Logger):
    """A logger of a library that this process depends on, which functions cannot suppress."""

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
        # As `logging.Logger` does, but without the record factory, which a function may have set.
        name, level, path, line, message, values, exc_info, function = args[:8]
        return logging.LogRecord(name, level, path, line, message, values, exc_info, function)

    def handle(self, record: logging.LogRecord) -> None:
        with suppress(Exception):  # a line may quote any object
            say = getattr(get_logger(self.name), record.levelname.lower())
            say(record.getMessage(), exc_info=record.exc_info)


def take_over_libraries() -> None:
    """Send the lines of the libraries the same way as ours."""
    manager = logging.Logger.manager
    if not isinstance(manager.loggerClass, _Chosen):
        chosen: Callable[[str], logging.Logger] = _Chosen(manager.loggerClass)
        manager.loggerClass = cast("type[logging.Logger]", chosen)
    known: MutableMapping[str, Any] = manager.loggerDict
    for name, logger in list(known.items()):
        if _of_library(name) and type(logger) is logging.Logger:
            logger.__class__ = _LibraryLogger


class _Chosen:
    """Makes a logger: ours for one of the libraries, otherwise that of the process."""

    def __init__(self, other: Callable[[str], logging.Logger] | None) -> None:
        self._other = other

    def __call__(self, name: str) -> logging.Logger:
        if _of_library(name):
            return _LibraryLogger(name)
        return (self._other or logging.getLoggerClass())(name)


def _of_library(name: str) -> bool:
    return name.partition(".")[0] in LIBRARIES
