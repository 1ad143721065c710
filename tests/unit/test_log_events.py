"""Every log event is declared once, is logged as declared, and is explained."""

import ast
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from callboard.config import load_settings
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.log_fields import CONTEXT, FIELDS
from callboard.telemetry.log_setup import configure_logging
from callboard.telemetry.logger import get_logger
from tests.logs import logging_kept
from tools.log_events_reference import render

pytestmark = pytest.mark.check

ROOT = Path(__file__).parents[2]
ROOMS = ("actors", "api", "config", "jobs", "ops", "telemetry")
LEVELS = ("debug", "info", "warning", "error", "exception", "critical")
TREES = {
    path: ast.parse(path.read_text("utf-8"))
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*.py"))
    if path.name != "log_events.py"
}


def event_of(node: ast.AST) -> LogEvent | None:
    match node:
        case ast.Attribute(value=ast.Name(id="LogEvent"), attr=name):
            return LogEvent[name]
    return None


def calls() -> Iterator[tuple[str, ast.Call, LogEvent]]:
    """Each call that logs one event, with the name of its method."""
    for tree in TREES.values():
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(attr=method), args=[first]) if method in LEVELS:
                    event = event_of(first)
                    if event is not None:
                        yield method, node, event


def test_every_declared_event_is_logged_somewhere() -> None:
    used = {event_of(node) for tree in TREES.values() for node in ast.walk(tree)}

    assert set(LogEvent) - used == set()


def test_every_event_that_is_logged_is_a_declared_one() -> None:
    """Types enforce this too, except for a logger of type Any."""
    spelled = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and isinstance(node.func.value, ast.Name)
        and any(isinstance(each, ast.Constant) for each in node.args)
    ]

    assert spelled == []


def test_each_call_logs_at_the_declared_level() -> None:
    logged = {(event, "error" if method == "exception" else method) for method, _, event in calls()}

    assert len(logged) > 60
    assert [each for each in logged if each[1] not in each[0].level.split(" or ")] == []


def test_each_call_has_the_declared_fields() -> None:
    """A call with a mapping, or with fields bound to its logger, passes some of them."""
    passed: dict[LogEvent, set[str]] = {}
    partly = set()
    for _, call, event in calls():
        names = {each.arg for each in call.keywords if each.arg}
        passed[event] = passed.get(event, set()) | names
        bound = not (isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "log")
        if bound or any(each.arg is None for each in call.keywords):
            partly.add(event)

    assert {event: names for event, names in passed.items() if names - {*event.fields}} == {}
    exactly = {event: names for event, names in passed.items() if event not in partly}
    assert exactly == {event: {*event.fields} for event in exactly}


def test_a_name_is_in_snake_case_and_is_that_of_its_member() -> None:
    assert [event for event in LogEvent if event.name.lower() != event.value] == []


def test_each_event_and_field_has_its_own_meaning() -> None:
    meanings = [event.meaning for event in LogEvent]
    named = {field for event in LogEvent for field in event.fields}

    assert all(meaning.endswith(".") and len(meaning.split()) > 3 for meaning in meanings)
    assert len(set(meanings)) == len(meanings)
    assert named - {*CONTEXT} == {*FIELDS}


def test_a_line_of_the_log_has_the_events_name() -> None:
    written = io.StringIO()
    with logging_kept():
        configure_logging(load_settings(log_format="json"), stream=written)

        get_logger("callboard.actors.worker").info(LogEvent.WORKER_STOPPING, running=2)

    line = json.loads(written.getvalue())
    assert (line["event"], line["level"], line["running"]) == ("worker_stopping", "info", 2)


def test_the_reference_page_is_what_the_declarations_say() -> None:
    page = (ROOT / "docs" / "reference" / "log-events.md").read_text("utf-8")

    assert page == render(), "run `make reference`"
