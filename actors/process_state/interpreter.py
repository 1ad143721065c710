"""Python's process state: environment, locale, time zone, hooks and module attributes."""

import gc
import locale
import multiprocessing
import socket
import sys
import threading
import time
import warnings
from collections.abc import MutableMapping
from types import ModuleType
from typing import Any, Final

from callboard.actors.process_state.state import StateItem
from callboard.config.environment import environment

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
    return [
        StateItem("environment", lambda: dict(environment()), _set_environment, by_import=True),
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


def _set_environment(was: dict[str, str]) -> None:
    zone = environment().get("TZ") != was.get("TZ")
    _refill_mapping(environment(), was)
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
