"""An operation's own retry policy decides when a failed job runs again."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from callboard.jobs.retry_policy import FailedAttempt
from tests import retry_operations
from tests.eventually import eventually
from tests.integration.test_embedded_worker import Embedded
from tests.logs import capture_logs


@pytest.fixture
def embedded(namespace: str) -> Iterator[Embedded]:
    made = Embedded(namespace, shutdown_grace="0s", operations="tests.retry_operations")
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("operation", ["stumble", "stumble_apart"])
def test_a_policy_knows_the_attempt_its_error_and_the_delay_before(
    embedded: Embedded, operation: str
) -> None:
    retry_operations.SEEN.clear()
    job_id = embedded.submit(operation, failures=3)

    ended = embedded.ended(job_id, timeout=60)

    assert (ended.status, ended.result, ended.failures) == ("succeeded", 4, 3)
    assert [
        FailedAttempt(
            job_id=job_id,
            operation=operation,
            attempt=number,
            failures=number,
            error="exception",
            exception="ConnectionError",
            detail=f"ConnectionError: attempt {number} fails",
            previous_delay=None if number == 1 else timedelta(milliseconds=10 * (number - 1)),
        )
        for number in (1, 2, 3)
    ] == retry_operations.SEEN


def test_a_policy_that_fails_costs_no_retry_and_no_worker_thread(embedded: Embedded) -> None:
    with capture_logs() as lines:
        job_id = embedded.submit("spoiled")
        eventually(lambda: embedded.read(job_id).failures == 1, what="the attempt has failed")

    waiting = embedded.read(job_id)
    assert waiting.status == "scheduled"
    assert [line["reason"] for line in lines if line["event"] == "retry_policy_failed"] == [
        "SystemExit"
    ]
    assert embedded.ended(embedded.submit("stumble", failures=0)).status == "succeeded"
