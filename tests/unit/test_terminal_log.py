"""A developer sees a short line for each run, and its error."""

import io
from collections.abc import Iterator
from typing import Any

import pytest

from callboard.config import load_settings
from callboard.telemetry.log_setup import configure_logging
from callboard.telemetry.logger import get_logger
from callboard.telemetry.terminal_log import own_frames
from tests.logs import logging_kept

TRACE = """\
Traceback (most recent call last):
  File "/srv/actors/invocation/invoke.py", line 26, in begin
    return copy_context().run(operation.function, **arguments)
           ^^^^^^^^^^^^^^
  File "/home/me/mine.py", line 3, in price
    raise ValueError("no ł")
ValueError: no ł
"""
OWN = [
    "Traceback (most recent call last):",
    '  File "/home/me/mine.py", line 3, in price',
    '    raise ValueError("no ł")',
    "ValueError: no ł",
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    with logging_kept():
        yield


def said(stream: io.StringIO, log_format: str = "auto", **event: Any) -> str:
    settings = load_settings(log_format=log_format)
    configure_logging(settings, stream=stream, for_people=settings.shows_tracebacks)
    log = get_logger("callboard.actors.claiming")
    log.info("run_started", operation="price", job="j-1")
    log.info("run_ended", operation="price", job="j-1", **event)
    return stream.getvalue()


def test_a_run_is_one_short_line() -> None:
    (line,) = said(io.StringIO(), outcome="succeeded", duration_ms=1234.5).splitlines()

    assert line[8:] == " succeeded price j-1 1.2 s"
    assert len(line) < 80


def test_a_failure_shows_its_own_frames_in_red_on_a_terminal() -> None:
    shown = said(Terminal(), outcome="failed", duration_ms=5, traceback=TRACE)

    assert [f"\x1b[31m  {line}\x1b[0m" for line in OWN] == shown.splitlines()[1:]


def test_through_a_pipe_nothing_is_coloured() -> None:
    shown = said(io.StringIO(), outcome="failed", duration_ms=5, traceback=TRACE)

    assert shown.splitlines()[1:] == [f"  {line}" for line in OWN]


def test_json_output_can_be_selected() -> None:
    shown = said(io.StringIO(), "json", outcome="failed", duration_ms=5)

    assert [line[0] for line in shown.splitlines()] == ["{", "{"]


def test_frames_of_the_worker_are_left_out() -> None:
    assert list(own_frames(TRACE)) == OWN


def test_passwords_are_hidden_in_tracebacks_too() -> None:
    trace = TRACE + "OSError: amqp://me:hush@host\n"

    assert "hush" not in said(io.StringIO(), outcome="failed", duration_ms=5, traceback=trace)
