"""Clients generated from the document by third-party programs work."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract import node
from tests.contract.clients import PACKAGE, generate
from tests.eventually import eventually
from tests.system.stack import Stack

pytestmark = pytest.mark.timeout(300)  # the first test generates both


@pytest.fixture(scope="session")
def clients(served: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    document = httpx.get(f"{served.url}/openapi.json").json()
    return generate(document, tmp_path_factory.mktemp("clients"))


@pytest.fixture
def client(
    clients: Path, served: Stack, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(clients / "python"))
    made: Any = importlib.import_module(PACKAGE)
    with made.ApiClient(made.Configuration(host=served.url, access_token=keys["first"])) as api:
        made.jobs = made.JobsApi(api)
        made.operations = made.OperationsApi(api)
        made.files = made.FilesApi(api)
        made.batches = made.BatchesApi(api)
        made.callbacks = made.CallbacksApi(api)
        yield made


def test_the_python_client_submits_waits_and_reads_a_typed_result(client: Any) -> None:
    points = [client.EnclosePoint(x=1.0, y=2.0), client.EnclosePoint(x=3.0, y=-1.0)]

    job = client.operations.run_enclose(
        client.EncloseParameters(points=points, label="b"), prefer="wait=1"
    )
    done = eventually(lambda: _final(client, job.id), what="the job is final")

    assert job.operation == "enclose"
    assert done.status == "succeeded"
    assert done.progress.percent == 100
    assert client.jobs.get_result(job.id) == {
        "lowest": {"x": 1.0, "y": -1.0},
        "highest": {"x": 3.0, "y": 2.0},
        "label": "b",
    }
    assert [line.text for line in client.jobs.get_log(job.id).items] == ["one point more"] * 2


def test_the_python_client_submits_by_name_and_lists(client: Any) -> None:
    asked = client.CountSubmission(
        operation="count",
        params=client.CountParameters(numbers={"a": 1, "b": 2}),
        labels={"project": "contract"},
    )

    job = client.jobs.submit_job(client.Submission(asked), prefer="wait=1")
    page = client.jobs.list_jobs(operation="count")

    assert job.id in {each.id for each in page.items}


def test_the_python_client_cancels_in_two_steps(client: Any) -> None:
    job = client.operations.run_once(client.OnceParameters(name="later"), delay_seconds=3600)

    offer = client.jobs.cancel_job(job.id).actual_instance
    still = client.jobs.get_job(job.id)
    token = client.CancelRequest(confirm=offer.confirmation.token)
    cancelled = client.jobs.cancel_job(job.id, cancel_request=token)

    assert still.status == "scheduled"
    assert cancelled.status == "cancelled"


def test_the_python_client_uploads_a_file_and_downloads_the_result_file(client: Any) -> None:
    file = client.files.upload_file(("notes.txt", b"one, two\n"))
    asked = client.CopyParameters(file=file.id, name="again.txt")

    job = client.operations.run_copy(asked, prefer="wait=1")
    done = eventually(lambda: _final(client, job.id), what="the job is final")
    made = client.files.get_file(done.result["id"])

    assert (file.name, file.media_type, file.in_use) == ("notes.txt", "text/plain", False)
    assert (made.name, made.sha256) == ("again.txt", file.sha256)
    assert client.files.get_file_content(made.id) == b"one, two\n"


def test_the_python_client_submits_a_batch_and_waits_for_its_end(client: Any) -> None:
    items = [
        client.Submission(
            client.CountSubmission(
                operation="count", params=client.CountParameters(numbers={"a": number})
            )
        )
        for number in range(3)
    ]

    batch = client.batches.submit_batch(
        client.BatchSubmission(items=[client.BatchSubmissionItemsInner(each) for each in items])
    )
    done = eventually(lambda: _completed(client, batch.id), what="the batch has completed")

    assert [item.status for item in batch.items] == ["accepted"] * 3
    assert (done.total, done.counts.succeeded, done.progress.percent) == (3, 3, 100)


def test_the_python_client_lists_callbacks(client: Any) -> None:
    job = client.operations.run_once(
        client.OnceParameters(name="callback"),
        prefer="wait=1",
        callback_url="https://hooks.invalid/",
        callback_events=["job.succeeded"],
    )
    eventually(lambda: _final(client, job.id), what="the job is final")

    (delivery,) = client.callbacks.list_job_callbacks(job.id).items

    assert (delivery.type, delivery.host) == ("job.succeeded", "hooks.invalid")


def test_the_python_client_reads_problems(client: Any) -> None:
    with pytest.raises(client.exceptions.NotFoundException) as refused:
        client.jobs.get_job("0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77")

    assert refused.value.data.type.endswith("/problems/job-not-found")


def test_the_typescript_client_type_checks(clients: Path, tools: Path) -> None:
    done = node.run(tools / "tsc", "--project", ".", cwd=clients / "typescript-fetch")

    assert done.returncode == 0, done.stdout


def _completed(client: Any, batch_id: str) -> Any:
    batch = client.batches.get_batch(batch_id)
    return batch if batch.status == "completed" else None


def _final(client: Any, job_id: str) -> Any:
    job = client.jobs.get_job(job_id, prefer="wait=1")
    return job if job.status in ("succeeded", "failed", "cancelled") else None
