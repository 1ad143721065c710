"""Logs are one stream of lines without passwords."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from callboard.config import load_settings
from callboard.telemetry.log_setup import configure_logging
from callboard.telemetry.redaction import stack_of
from tests.logs import logging_kept


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    with logging_kept():
        yield


def test_both_kinds_of_loggers_write_json_lines_to_one_place() -> None:
    stream = io.StringIO()
    configure_logging(load_settings(log_format="json"), stream=stream)

    structlog.get_logger("ours").info("submitted", job_id="1")  # noqa: TID251
    logging.getLogger("theirs").warning("said %s", "hello")

    ours, theirs = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (ours["event"], ours["job_id"], ours["level"]) == ("submitted", "1", "info")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == (
        "said hello",
        "theirs",
        "warning",
    )


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_password_of_a_url_is_written(log_format: str) -> None:
    stream = io.StringIO()
    configure_logging(load_settings(log_format=log_format), stream=stream)
    log = structlog.get_logger()  # noqa: TID251

    log.info("to amqp://me:hush@h/", url="redis://:hush@h", more={"deep": ["amqps://me:hu@sh@h"]})
    log.error("lost", exc_info=ConnectionError("cannot reach redis://:hush@h:6379"))
    logging.getLogger("theirs").error("at %s", "amqp://me:hush@h")

    written = stream.getvalue()
    assert written.count("***@h") == 5
    assert "hush" not in written
    assert "sh@h" not in written


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hush",
        "bearer hush, and more",
        "key cbk_hush-hush_hush",
        "GET /v1/jobs?api_key=hush&limit=1",
        "/v1/jobs?limit=1&token=hush",
        "https://h/?apikey=hush",
    ],
)
def test_no_key_is_written(text: str) -> None:
    stream = io.StringIO()
    configure_logging(load_settings(log_format="json"), stream=stream)

    logging.getLogger("theirs").warning("said %s", text)

    assert "***" in stream.getvalue()
    assert "hush" not in stream.getvalue()


def test_extra_fields_of_other_loggers_are_written() -> None:
    stream = io.StringIO()
    configure_logging(load_settings(log_format="json"), stream=stream)

    logging.getLogger("theirs").warning("postponed", extra={"woken": 3})

    assert json.loads(stream.getvalue())["woken"] == 3


def test_a_stack_shows_places_without_values() -> None:
    try:
        int("hush" + "hush")
    except ValueError as error:
        stack = stack_of(error)

    assert "test_logging.py" in stack
    assert "hushhush" not in stack


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    configure_logging(load_settings(log_level="warning"), stream=stream)

    structlog.get_logger("ours").info("quiet")  # noqa: TID251
    logging.getLogger("theirs").info("quiet")

    assert stream.getvalue() == ""


def test_configuring_again_does_not_double_the_lines() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure_logging(load_settings(), stream=first)
    configure_logging(load_settings(), stream=second)

    logging.getLogger("theirs").warning("once")

    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1
