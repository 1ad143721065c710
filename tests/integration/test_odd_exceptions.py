"""Any exception of a function fails its job, and neither a thread nor a process."""

import secrets
from collections.abc import Iterator

import pytest

from tests.integration.test_embedded_worker import kind_of
from tests.integration.test_isolation import Apart
from tests.integration.test_worker_files import Desk
from tests.odd_operations import ODD


@pytest.fixture(scope="module")
def worker() -> Iterator[Desk]:
    made = Apart(f"test-{secrets.token_hex(6)}", operations="tests.odd_operations")
    made.start()
    yield made
    made.stop()


OTHERS = {
    "cancelled": "cancelled",
    "skip": "failure",
    "failure with properties": "failure",
    "failure of odd kind": "failure",
    "failure of odd detail": "failure",
    "failure of odd retryable": "failure",
}
"""An exception class with special handling."""


@pytest.mark.parametrize("operation", ["raise_odd", "raise_odd_async", "raise_odd_apart"])
def test_no_exception_of_a_function_ends_a_thread(worker: Desk, operation: str) -> None:
    submitted = {what: worker.submit(operation, what=what) for what in ODD}
    ended = {what: worker.ended(job_id) for what, job_id in submitted.items()}

    kinds = {what: kind_of(record) for what, record in ended.items()}
    expected = {what: OTHERS.get(what, "exception") for what in ODD}
    if operation == "raise_odd_apart":
        expected["memory"] = "out-of-memory"
    assert kinds == expected
    assert [record for record in ended.values() if record.attempt != 1] == []
    assert all(len(str(record.error)) < 12_000 for record in ended.values())
    meetings = [worker.submit("meet") for _ in range(4)]
    assert [worker.ended(job_id).result for job_id in meetings] == [True] * 4
    assert all(thread.is_alive() for thread in worker.worker.workers)
    assert worker.run("add", one=1, two=2).result == 3


@pytest.mark.parametrize("what", ["value", "list", "keys"])
def test_no_result_of_a_function_ends_a_thread(worker: Desk, what: str) -> None:
    ended = worker.run("return_odd", what=what)

    assert ended.status == "failed"
    meetings = [worker.submit("meet") for _ in range(4)]
    assert [worker.ended(job_id).result for job_id in meetings] == [True] * 4
