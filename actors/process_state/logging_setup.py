"""The state of logging that functions may change, on which other functions rely."""

import logging
from typing import Any

import structlog

from callboard.actors.process_state.state import StateItem
from callboard.telemetry.logger import PLACE


def logging_items() -> list[StateItem]:
    """Record the current state."""
    manager = logging.Logger.manager
    known = _known()
    return [
        StateItem("logging.disable", lambda: manager.disable, logging.disable),
        StateItem("record factory", logging.getLogRecordFactory, logging.setLogRecordFactory),
        StateItem("logger class", logging.getLoggerClass, logging.setLoggerClass),
        StateItem("structlog", structlog.get_config, _configure),
        StateItem("log handlers", _handlers, _set_handlers, by_import=True),
        StateItem(
            "loggers",
            lambda: [(logger, _look(logger)) for logger in known],
            _set_loggers,
            by_import=True,
        ),
    ]


def _configure(was: dict[str, Any]) -> None:
    structlog.configure(**was)


def _handlers() -> list[tuple[Any, ...]]:
    root = logging.getLogger()
    return [
        (each, each.level, tuple(each.filters), each.formatter, _is_ours(each))
        for each in root.handlers
    ]


def _is_ours(handler: logging.Handler) -> bool:
    return getattr(handler, "stream", None) is PLACE


def _set_handlers(was: list[tuple[Any, ...]]) -> None:
    for handler, level, filters, formatter, is_ours in was:
        handler.setLevel(level)
        handler.filters[:] = filters
        handler.setFormatter(formatter)
        if is_ours:
            handler.stream = PLACE
    logging.getLogger().handlers[:] = [handler for handler, *_ in was]


def _known() -> list[logging.Logger]:
    """List existing loggers; later ones are used only by those who create them."""
    made = logging.Logger.manager.loggerDict.values()
    return [logging.getLogger(), *(each for each in made if isinstance(each, logging.Logger))]


def _look(logger: logging.Logger) -> tuple[Any, ...]:
    handlers = () if logger.parent is None else tuple(logger.handlers)
    return logger.level, logger.disabled, logger.propagate, tuple(logger.filters), handlers


def _set_loggers(was: list[tuple[logging.Logger, tuple[Any, ...]]]) -> None:
    for logger, (level, disabled, propagate, filters, handlers) in was:
        logger.setLevel(level)
        logger.disabled, logger.propagate = disabled, propagate
        logger.filters[:] = filters
        if logger.parent is not None:
            logger.handlers[:] = handlers
