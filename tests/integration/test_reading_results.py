"""Parameters and results are processed where the function runs: within its limits, and once."""

import os
import secrets
import time
from collections.abc import Iterator

import pytest

from callboard.jobs.cancel import cancel
from tests.eventually import eventually
from tests.integration.test_embedded_worker import kind_of
from tests.integration.test_isolation import Apart
from tests.integration.test_worker_files import Desk


@pytest.fixture(scope="module")
def worker() -> Iterator[Desk]:
    made = Apart(f"test-{secrets.token_hex(6)}", operations="tests.lazy_operations")
    made.start()
    yield made
    made.stop()


LAZY = ["yielded", "mapped", "serialised", "validated", "yielded_async"]
"""Operations that do their work when their result is read."""


@pytest.mark.parametrize("operation", [*LAZY, "yielded_apart"])
def test_the_time_limit_includes_reading_a_lazy_result(worker: Desk, operation: str) -> None:
    began = time.monotonic()

    ended = worker.run(operation, steps=100, pause=0.1)

    assert (ended.status, kind_of(ended)) == ("failed", "timeout")
    assert time.monotonic() - began < 9


@pytest.mark.parametrize("operation", [*LAZY, "yielded_apart"])
def test_a_lazy_result_equals_a_plain_one(worker: Desk, operation: str) -> None:
    ended = worker.run(operation, steps=3, pause=0.0)

    assert (ended.status, ended.result) == ("succeeded", [0, 1, 2]), ended.error


@pytest.mark.alone
@pytest.mark.parametrize("operation", ["yielded", "serialised", "yielded_async"])
def test_a_cancel_interrupts_reading_a_result_within_300_ms(worker: Desk, operation: str) -> None:
    job_id = worker.submit(operation, steps=100, pause=0.01)
    eventually(lambda: worker.read(job_id).progress.step == "begun", what="it is being read")
    began = time.monotonic()

    cancel(worker.store, job_id)
    ended = worker.ended(job_id)

    assert ended.status == "cancelled"
    assert time.monotonic() - began < 0.3


@pytest.mark.parametrize("operation", ["yield_files", "yield_files_apart", "list_files"])
def test_yielded_files_are_stored(worker: Desk, operation: str) -> None:
    ended = worker.run(operation, count=3)

    assert ended.status == "succeeded", ended.error
    assert [each["name"] for each in ended.result] == ["0.txt", "1.txt", "2.txt"]
    assert [worker.content(each["id"]) for each in ended.result] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("operation", ["break_off", "break_off_apart", "break_off_in_a_model"])
def test_an_error_while_a_result_is_read_is_an_error_of_the_function(
    worker: Desk, operation: str
) -> None:
    ended = worker.run(operation)

    assert (ended.status, kind_of(ended), ended.attempt) == ("failed", "exception", 2)
    assert ended.error is not None
    assert ended.error["detail"] == "RuntimeError: page 2 is broken"


def test_validators_and_serialisers_of_a_result_run_once(worker: Desk) -> None:
    ended = worker.run("count_calls")

    assert ended.result == {"value": 1, "document": None} | {"document": ended.result["document"]}
    assert ended.result["document"]["name"] == "one.txt"


@pytest.mark.parametrize("operation", ["return_coroutine", "return_coroutine_apart"])
def test_a_coroutine_returned_by_a_plain_function_is_awaited(worker: Desk, operation: str) -> None:
    assert worker.run(operation, number=3).result == 3


CHECKED = ["check", "check_async", "check_apart"]
"""Operations whose validators behave differently in a worker."""


@pytest.mark.parametrize("operation", CHECKED)
@pytest.mark.parametrize("how", ["sleeps", "computes"])
def test_the_time_limit_includes_validators_that_a_worker_runs(
    worker: Desk, operation: str, how: str
) -> None:
    began = time.monotonic()

    ended = worker.run(operation, given={"home": os.getpid(), "how": how})

    assert (ended.status, kind_of(ended)) == ("failed", "timeout")
    assert time.monotonic() - began < 9


@pytest.mark.parametrize("operation", ["check_long", "check_long_apart"])
def test_a_cancel_interrupts_validators(worker: Desk, operation: str) -> None:
    job_id = worker.submit(operation, given={"home": os.getpid(), "how": "sleeps"})
    eventually(lambda: worker.read(job_id).status == "running", what="it runs")

    cancel(worker.store, job_id)

    assert worker.ended(job_id).status == "cancelled"


@pytest.mark.parametrize("operation", CHECKED)
@pytest.mark.parametrize("how", ["exits", "is interrupted"])
def test_a_validator_that_would_end_a_thread_fails_its_job(
    worker: Desk, operation: str, how: str
) -> None:
    ended = worker.run(operation, given={"home": os.getpid(), "how": how})

    assert (ended.status, kind_of(ended)) == ("failed", "exception")
    assert ended.error is not None
    assert "failed to check the parameters" in ended.error["detail"]
    assert all(thread.is_alive() for thread in worker.worker.workers)


def test_a_validator_that_needs_too_much_memory_fails_with_that_reason(worker: Desk) -> None:
    ended = worker.run("check_apart", given={"home": os.getpid(), "how": "has no memory"})

    assert (ended.status, kind_of(ended)) == ("failed", "out-of-memory")


def test_the_time_limit_includes_awaiting_a_returned_coroutine(worker: Desk) -> None:
    ended = worker.run("return_slow_coroutine")

    assert (ended.status, kind_of(ended)) == ("failed", "timeout")
