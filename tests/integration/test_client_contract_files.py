"""The client's calls about files, batches and schedules against a server with a worker."""

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from callboard.client import Client, Problem
from callboard.client.cli import main
from callboard.jobs.schedules.records import put_schedule
from callboard.jobs.schedules.schedule import Schedule
from callboard.ops.servers.web import application, listen
from tests.integration.test_embedded_worker import Embedded

WORDS = b"one two three"
SHA256 = hashlib.sha256(WORDS).hexdigest()


@pytest.fixture(scope="module")
def embedded() -> Iterator[Embedded]:
    made = Embedded(f"test-{secrets.token_hex(6)}", shutdown_grace="0s", max_file_bytes="4MiB")
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def client(embedded: Embedded) -> Iterator[Client]:
    events = listen(embedded.container, waits=8, streams=8)
    transport = httpx.WSGITransport(app=application(embedded.container, events))
    with Client("http://localhost", patience=2, transport=transport) as made:
        yield made
    events.close()


def test_a_file_is_uploaded_read_and_removed(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "Größe & more.txt"
    path.write_bytes(WORDS)

    uploaded = client.upload(path)
    there = client.file(uploaded.id)
    listed = [file.id for file in client.files()]
    copy = client.download(uploaded, to=tmp_path)
    client.remove_file(uploaded.id)

    assert (uploaded.name, uploaded.media_type) == ("Größe & more.txt", "text/plain")
    assert (uploaded.size, uploaded.sha256) == (len(WORDS), SHA256)
    assert there == uploaded
    assert listed[0] == uploaded.id
    assert (copy.name, copy.read_bytes()) == ("Größe & more-2.txt", WORDS)
    with pytest.raises(Problem) as gone:
        client.file(uploaded.id)
    assert gone.value.kind == "file-not-found"


def test_a_download_resumes_from_a_partial_file(client: Client, tmp_path: Path) -> None:
    content = bytes(range(256)) * 8000
    source = tmp_path / "data.bin"
    source.write_bytes(content)
    uploaded = client.upload(source)
    (tmp_path / "copy.part").write_bytes(content[:1_000_000])
    came: list[int] = []

    client.download(uploaded, to=tmp_path / "copy", on_bytes=lambda done, _all: came.append(done))

    assert (tmp_path / "copy").read_bytes() == content
    assert came[0] > 1_000_000


@pytest.mark.parametrize("by_form", [True, False])
def test_a_job_takes_files_and_its_files_are_downloaded(
    client: Client, tmp_path: Path, by_form: bool
) -> None:
    path = tmp_path / "Größe.txt"
    path.write_bytes(WORDS)
    if by_form:
        submitted = client.submit("examine", files={"document": path}, labels={"a": "b"})
    else:
        submitted = client.submit(
            "examine", {"document": client.upload(path).id}, labels={"a": "b"}
        )

    result = client.result(submitted["id"], timeout=20)
    done = CliRunner().invoke(
        main, ["download", submitted["id"], "-o", str(tmp_path / "out")], obj=client
    )

    saved = {Path(line).name: Path(line) for line in done.stdout.splitlines()}
    assert submitted["labels"] == {"a": "b"}
    assert result["words"] == 3
    assert saved["Größe.txt"].read_bytes() == WORDS
    assert len(saved) == len(result["files"])
    for told in result["files"].values():
        digest = hashlib.sha256(saved[told["name"]].read_bytes()).hexdigest()
        assert digest == told["sha256"]


def test_a_result_that_is_one_file_is_described_and_downloaded(
    client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(WORDS)
    job = client.submit("copy", files={"document": path})

    result = client.result(job["id"], timeout=20)
    copy = client.download(job["id"], to=tmp_path)

    assert (result["name"], result["sha256"]) == ("copy of notes.txt", SHA256)
    assert (copy.name, copy.read_bytes()) == ("copy of notes.txt", WORDS)


def test_the_same_form_with_the_same_key_returns_the_same_job(
    client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(WORDS)

    first, again = (
        client.submit("examine", files={"document": path}, idempotency_key="form-1")
        for _ in range(2)
    )

    assert first["id"] == again["id"]


def test_a_batch_runs_and_shows_the_outcome_of_each_item(client: Client) -> None:
    items = [{"operation": "echo", "params": {"text": str(n)}} for n in range(5)]
    made = client.batch([*items, {"operation": "nothing", "params": {}}, {}], labels={"x": "y"})

    ended = client.wait_batch(made["id"], timeout=20)

    statuses = [each["status"] for each in made["items"]]
    assert statuses == ["accepted"] * 5 + ["invalid"] * 2
    assert ended["status"] == "completed"
    assert (ended["total"], ended["counts"]["succeeded"], ended["counts"]["refused"]) == (7, 5, 2)
    assert client.batch_status(made["id"]) == ended
    assert len(list(client.list(batch=made["id"], labels={"x": "y"}))) == 5
    assert client.cancel_batch(made["id"])["counts"] == ended["counts"]


def test_schedules_are_listed(client: Client, embedded: Embedded) -> None:
    schedule = Schedule(cron="0 0 1 1 *", operation="echo")
    put_schedule(embedded.store, "yearly", schedule, source="api")

    (listed,) = client.schedules()

    assert (listed["name"], listed["cron"], listed["last"]) == ("yearly", "0 0 1 1 *", None)
