"""Python's process state: environment, locale, time zone, hooks, module attributes, logging."""

import gc
import locale
import logging
import multiprocessing
import socket
import sys
import threading
import time
import warnings
from collections.abc import MutableMapping
from types import ModuleType
from typing import Any, Final

import structlog

from callboard.actors.process_state.state import StateItem
from callboard.config.environment import environment
from callboard.telemetry.logger import PLACE

_HOOKS: Final = (
    (sys, "excepthook"),
    (sys, "unraisablehook"),
    (sys, "displayhook"),
    (sys, "breakpointhook"),
    (threading, "excepthook"),
    (warnings, "showwarning"),
    (warnings, "formatwarning"),
)


def interpreter_items() -> list[StateItem]:
    """Record the current state."""
    variables = environment()
    return [
        StateItem(
            "environment",
            lambda: dict(variables),
            lambda was: _set_environment(variables, was),
            by_import=True,
        ),
        StateItem(
            "search path",
            lambda: list(sys.path),
            lambda was: _refill(sys.path, was),
            by_import=True,
        ),
        StateItem("locale", lambda: locale.setlocale(locale.LC_ALL), _set_locale),
        StateItem("recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
        StateItem("switch interval", sys.getswitchinterval, sys.setswitchinterval),
        StateItem("digits of numbers", sys.get_int_max_str_digits, sys.set_int_max_str_digits),
        StateItem("garbage collection", gc.isenabled, lambda was: (gc.disable, gc.enable)[was]()),
        StateItem("thresholds", gc.get_threshold, lambda was: gc.set_threshold(*was)),
        StateItem("socket timeout", socket.getdefaulttimeout, socket.setdefaulttimeout),
        StateItem("stack size", threading.stack_size, threading.stack_size),
        StateItem("warnings", lambda: list(warnings.filters), _set_warnings, by_import=True),
        StateItem("start method", _start_method, _set_start_method, by_import=True),
        *(_hook(module, name) for module, name in _HOOKS),
    ]


def logging_items() -> list[StateItem]:
    """Record the current state of logging that functions may change, on which others rely."""
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


def _set_environment(variables: MutableMapping[str, str], was: dict[str, str]) -> None:
    zone = variables.get("TZ") != was.get("TZ")
    _refill_mapping(variables, was)
    if zone:
        time.tzset()


def _refill_mapping(mapping: MutableMapping[str, str], was: dict[str, str]) -> None:
    for name in set(mapping) - set(was):
        del mapping[name]
    for name, value in was.items():
        if mapping.get(name) != value:
            mapping[name] = value


def _refill(found: list[str], was: list[str]) -> None:
    found[:] = was


def _set_locale(was: str) -> None:
    locale.setlocale(locale.LC_ALL, was)


def _set_warnings(was: list[Any]) -> None:
    warnings.filters[:] = was  # type: ignore[index]  # a list, declared as a sequence
    warnings._filters_mutated()  # type: ignore[attr-defined]  # noqa: SLF001 — as `catch_warnings`


def _start_method() -> str | None:
    return multiprocessing.get_start_method(allow_none=True)


def _set_start_method(was: str | None) -> None:
    multiprocessing.set_start_method(was, force=True)


def _hook(module: ModuleType, name: str) -> StateItem:
    return StateItem(
        name, lambda: getattr(module, name), lambda was: setattr(module, name, was), by_import=True
    )


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
