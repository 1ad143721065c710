"""Restores the trace and profile hooks that a function has set for its thread or later threads."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any, Final

_FIRST_TOOLS: Final = range(6)  # all ids of monitoring tools (PEP 669)


@contextmanager
def kept_hooks() -> Iterator[None]:
    """Restore the hooks of this thread, and of later threads, after this context.

    A hook that a function leaves set would see, slow down or stop all later functions of its
    thread. Hooks for later threads and monitoring tools are of the whole process: only new ones go.
    """
    before = _hooks()
    tools = _tools()
    try:
        yield
    finally:
        for (set_hook, was), (_, now) in zip(before, _hooks(), strict=True):
            if now is not was:
                with suppress(Exception):  # a hook sees its removal, and may raise
                    set_hook(was)
        _free(tools)


def _hooks() -> list[tuple[Callable[[Any], object], Any]]:
    return [
        (sys.settrace, sys.gettrace()),
        (sys.setprofile, sys.getprofile()),
        (threading.settrace, threading.gettrace()),
        (threading.setprofile, threading.getprofile()),
    ]


def _monitoring() -> ModuleType | None:
    return getattr(sys, "monitoring", None)  # since Python 3.12


def _tools() -> list[str | None]:
    monitoring = _monitoring()
    if monitoring is None:
        return []
    return [monitoring.get_tool(number) for number in _FIRST_TOOLS]


def _free(before: list[str | None]) -> None:
    monitoring = _monitoring()
    for number, was in enumerate(before):
        if monitoring is not None and was is None and monitoring.get_tool(number) is not None:
            monitoring.set_events(number, 0)
            for event in vars(monitoring.events).values():
                with suppress(ValueError, TypeError):  # NO_EVENTS, and combinations
                    monitoring.register_callback(number, event, None)
            monitoring.free_tool_id(number)
