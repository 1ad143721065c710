"""Processes start, or report why they cannot."""

from urllib.parse import urlsplit

import pytest

from tests.eventually import eventually
from tests.system.stack import Stack

CANNOT_START = 2


@pytest.mark.parametrize("process_type", ["web", "worker"])
def test_a_process_that_cannot_start_reports_why_once_and_exits(
    stack: Stack, process_type: str
) -> None:
    started = stack.run(process_type, CALLBOARD_RESOURCES="license=1")

    code = started.process.wait(30)

    assert code == CANNOT_START
    assert started.log.read_text().count("needs 2 of resource 'gpu'") == 1


@pytest.mark.parametrize("process_type", ["web", "worker"])
def test_a_missing_redis_database_is_reported_at_once(stack: Stack, process_type: str) -> None:
    url = urlsplit(stack.settings["CALLBOARD_REDIS_URL"])._replace(path="/9999").geturl()
    started = stack.run(process_type, CALLBOARD_REDIS_URL=url)

    code = started.process.wait(30)

    said = started.log.read_text()
    assert code == CANNOT_START
    assert said.count("does not have the database that CALLBOARD_REDIS_URL names") == 1
    assert "Traceback" not in said


@pytest.mark.parametrize("process_type", ["web", "worker"])
def test_a_process_with_an_invalid_schedule_file_names_the_error_and_exits(
    stack: Stack, process_type: str
) -> None:
    path = stack.folder / "schedules.toml"
    path.write_text('[nightly]\ncron = "0 25 * * *"\noperation = "echo"\n', encoding="utf-8")
    started = stack.run(process_type, CALLBOARD_SCHEDULES_FILE=str(path))

    code = started.process.wait(30)

    assert code == CANNOT_START
    assert (
        started.log.read_text().count("'nightly': /cron: is not a cron expression: bad hour") == 1
    )


def test_a_web_process_starts_without_a_warning(stack: Stack) -> None:
    web = stack.web()

    eventually(stack.ready, what="web is ready", timeout=30)

    assert "Warning" not in web.log.read_text()
