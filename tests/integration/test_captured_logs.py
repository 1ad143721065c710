"""Prints and logs of functions are in their own job's log; functions choose their retry delay."""

import secrets
import sys
from collections.abc import Iterator

import pytest

from callboard.jobs.log import read_log
from callboard.jobs.record import Record
from tests.integration.test_embedded_worker import kind_of
from tests.integration.test_isolation import Apart
from tests.integration.test_worker_files import Desk


@pytest.fixture(scope="module")
def worker() -> Iterator[Desk]:
    made = Apart(
        f"test-{secrets.token_hex(6)}", operations="tests.chatty_operations", max_log_lines=100
    )
    made.start()
    yield made
    made.stop()


def lines(worker: Desk, record: Record) -> list[str]:
    assert record.status == "succeeded", record.error
    return [line.text for line in read_log(worker.store, record.id, after=0, most=1000).lines]


def said_by(name: str) -> list[str]:
    return [
        f"{name} prints",
        f"{name} half a line",
        f"{name} errs",
        f"WARNING {name} logs",
        f"{name} never ends a line",
    ]


@pytest.mark.parametrize("operation", ["say", "say_async", "say_apart"])
def test_prints_and_logs_of_a_function_are_in_its_jobs_log(worker: Desk, operation: str) -> None:
    before = sys.stdout, sys.stderr

    ended = worker.run(operation, name="it")

    assert lines(worker, ended) == said_by("it")
    assert (sys.stdout, sys.stderr) == before


def test_concurrent_jobs_have_separate_logs(worker: Desk) -> None:
    submitted = {name: worker.submit("say_beside", name=name) for name in ("one", "two")}

    said = {name: lines(worker, worker.ended(job_id)) for name, job_id in submitted.items()}

    assert said == {name: said_by(name) for name in ("one", "two")}


def test_capture_is_off_by_default(worker: Desk) -> None:
    assert lines(worker, worker.run("print_without_capture", name="it")) == []


def test_a_flood_is_bounded(worker: Desk) -> None:
    said = lines(worker, worker.run("flood", lines=50_000))

    assert 0 < len(said) <= 101
    assert sum(map(len, said)) < 300_000


def test_unprintable_text_is_escaped_and_passwords_are_hidden(worker: Desk) -> None:
    said = lines(worker, worker.run("say_oddly"))

    assert said[:3] == ["a\\udc80 b", "one", "two"]
    assert said[-1] == "ERROR redis://user:***@host/0"


@pytest.mark.parametrize("operation", ["wait_and_see", "wait_and_see_apart"])
def test_a_function_chooses_the_delay_before_its_retry(worker: Desk, operation: str) -> None:
    ended = worker.run(operation, seconds=0.1)

    assert (ended.status, ended.result, ended.failures) == ("succeeded", 2, 1)


def test_raising_retry_counts_as_a_retry(worker: Desk) -> None:
    ended = worker.run("ask_again")

    assert (ended.status, kind_of(ended), ended.attempt) == ("failed", "failure", 2)
    assert ended.error is not None
    assert ended.error["detail"] == "the other side is busy"
