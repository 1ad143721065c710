"""Functions that end in odd ways, and attempts that meet in one process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.integration.test_embedded_worker import Embedded


@pytest.fixture
def embedded(namespace: str) -> Iterator[Embedded]:
    made = Embedded(namespace, lease="8s", shutdown_grace="0s")
    made.start()
    yield made
    made.stop()


def test_text_that_utf_8_cannot_encode_is_escaped(embedded: Embedded) -> None:
    ended = embedded.run("log_oddly")
    lines = embedded.store.redis.lrange(embedded.store.keys("log", ended.id), 0, -1)

    assert (ended.status, ended.result) == ("succeeded", 1)
    assert ended.progress.step == "reading \\udc80"
    assert b"\\udc80" in lines[-1]


@pytest.mark.parametrize(
    ("operation", "detail"),
    [
        ("fail_oddly", "ValueError: \\udc80"),
        ("fail_speechlessly", "Speechless: (cannot be displayed)"),
        ("fail_with_an_error", "not a text"),
        ("skip", "The function raised SkipMessage."),
        ("exit_worker", "SystemExit: 3"),
    ],
)
def test_any_failure_of_a_function_fails_its_job_with_a_reason(
    embedded: Embedded, operation: str, detail: str
) -> None:
    ended = embedded.run(operation)

    assert (ended.status, ended.attempt) == ("failed", 1)
    assert ended.error is not None
    assert ended.error["detail"] == detail
    eventually(lambda: len(embedded.lifecycle.runs) == 0, what="nothing is left of the run")
    assert embedded.run("echo").status == "succeeded"


def test_a_run_whose_job_was_reclaimed_by_the_same_process_is_stopped(
    embedded: Embedded, tmp_path: Path
) -> None:
    path = tmp_path / "notes"
    job_id = embedded.submit("wait", seconds=60, path=str(path))
    eventually(path.exists, what="the job runs")
    first = embedded.lifecycle.runs.find(job_id)
    assert first is not None

    # As if this process had been suspended for a lease, and another one had reaped.
    embedded.store.redis.zadd(embedded.store.keys("leases"), {job_id: 1})
    eventually(lambda: path.read_text().count("begin") == 2, what="the job runs again")

    eventually(lambda: first.job.cancelled, what="the first run is told to stop", timeout=1)
    second = embedded.lifecycle.runs.find(job_id)
    assert second is not None
    assert (second.fence.attempt, second.job.cancelled) == (2, False)


def test_every_queue_name_starts_with_the_namespace(embedded: Embedded, namespace: str) -> None:
    queues = list(embedded.container.broker.queues)

    assert queues
    assert all(name.startswith(f"{namespace}.") for name in queues), queues
