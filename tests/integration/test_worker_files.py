"""Files that jobs read and create, and results too large for Redis, in one process."""

import hashlib
import io
import secrets
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from callboard.jobs.errors import FileInUse, InvalidParameters
from callboard.jobs.files.file_store import Claimed, FileStore, keep_file
from callboard.jobs.files.records import FileRecord, new_file_id, object_of, read_file
from callboard.jobs.files.remove import remove_file
from callboard.jobs.purge import purge
from callboard.jobs.results import read_result
from tests.eventually import eventually
from tests.integration.test_embedded_worker import Embedded, kind_of


class Desk(Embedded):
    """One process, and the files in its storage."""

    def upload(
        self, content: bytes, name: str = "notes.txt", media_type: str = "text/plain", **more: str
    ) -> str:
        storage = self.container.storage
        claimed = Claimed(new_file_id(), more.get("tenant", "default"), "upload")
        with storage.stage() as staged:
            staged.write(content)
            file_store = FileStore(self.store, storage)
            ttl = timedelta(hours=1)
            keep_file(file_store, claimed, staged, name=name, media_type=media_type, ttl=ttl)
        return claimed.file_id

    def file(self, file_id: str) -> FileRecord:
        return read_file(self.store, file_id, tenant="default")

    def content(self, file_id: str) -> bytes:
        return b"".join(self.container.storage.read(self.file(file_id).object))

    def left_in_staging(self) -> list[Path]:
        with self.container.storage.stage() as staged:
            return [path for path in staged.path.parent.iterdir() if path != staged.path]

    def path(self, file_id: str) -> Path:
        """Find the bytes of a file in the storage's folder."""
        with self.container.storage.stage() as staged:
            return staged.path.parents[1] / object_of(file_id)

    def stored_bytes(self) -> int:
        (kept,) = self.store.pipeline(("HGET", self.store.keys("stored"), "default"))
        return int(kept or 0)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    made = Desk(f"test-{secrets.token_hex(6)}", stored_result_bytes="1KiB", max_file_bytes="4MiB")
    made.start()
    yield made
    made.stop()


def test_a_function_reads_an_upload_and_returns_files(desk: Desk) -> None:
    file_id = desk.upload(b"one two three")

    ended = desk.run("examine", document=file_id)

    assert ended.status == "succeeded", ended.error
    assert ended.result["words"] == 3
    files = ended.result["files"]
    assert files["from"]["id"] == file_id
    assert [files[name]["media_type"] for name in ("mesh", "summary", "all")] == [
        "application/x-ply", "text/markdown", "application/zip"
    ]  # fmt: skip
    for told in files.values():
        content = desk.content(told["id"])
        assert (len(content), hashlib.sha256(content).hexdigest()) == (told["size"], told["sha256"])
    with zipfile.ZipFile(io.BytesIO(desk.content(files["all"]["id"]))) as zipped:
        assert zipped.read("summary.md") == b"# notes.txt\n"
    assert all(desk.file(told["id"]).in_use for told in files.values())
    assert set(ended.result_files) == {told["id"] for told in files.values()}


def test_every_end_of_a_run_empties_its_folder(desk: Desk) -> None:
    file_id = desk.upload(b"text")

    failed = desk.run("write_and_fail")
    desk.run("examine", document=file_id)

    assert failed.error is not None
    assert not Path(failed.error["detail"]).exists()
    eventually(lambda: not desk.left_in_staging(), what="the folders are gone")


def test_an_async_function_reads_and_creates_files(desk: Desk) -> None:
    ended = desk.run("copy", document=desk.upload(b"\x00\x01", "a b.bin"))

    assert ended.result["name"] == "copy of a b.bin"
    assert desk.content(ended.result["id"]) == b"\x00\x01"


def test_a_retry_has_the_same_input_and_an_empty_folder(desk: Desk) -> None:
    ended = desk.run("read_again", document=desk.upload(b"same", "same.txt"))

    assert (ended.status, ended.attempt) == ("succeeded", 3)
    assert ended.result["found"] == ["1", "1/same.txt"]
    assert ended.result["sha256"] == hashlib.sha256(b"same").hexdigest()
    assert ended.result["mode"] == "0o400"
    assert not Path(ended.result["folder"]).exists()


def test_several_files_keep_their_order(desk: Desk) -> None:
    first, second = desk.upload(b"a"), desk.upload(b"b")

    ended = desk.run("merge", documents=[second, first, second], cover=desk.upload(b"!"))

    assert ended.result == "bab!"


@pytest.mark.parametrize(
    ("params", "wrong"),
    [
        (lambda _: {"document": new_file_id()}, "there is no file"),
        (lambda d: {"document": d.upload(b"x", tenant="other")}, "there is no file"),
        (lambda d: {"document": d.upload(b"x", media_type="image/png")}, "accepted: text/*"),
        (lambda d: {"document": d.upload(bytes(65 * 1024))}, "at most 65536"),
        (lambda _: {"document": "x"}, "must be the id of an uploaded file"),
        (lambda _: {"document": 5}, "valid string"),
    ],
)
def test_an_unacceptable_file_is_refused_by_its_pointer(
    desk: Desk, params: Any, wrong: str
) -> None:
    with pytest.raises(InvalidParameters) as refused:
        desk.submit("examine", **params(desk))

    ((pointer, detail),) = refused.value.errors
    assert pointer == "/document"
    assert wrong in detail


def test_each_item_of_a_list_has_its_own_pointer(desk: Desk) -> None:
    good, bad = desk.upload(b"a"), desk.upload(b"b", media_type="image/png")

    with pytest.raises(InvalidParameters) as refused:
        desk.submit("merge", documents=[good, bad, new_file_id()])

    assert [pointer for pointer, _ in refused.value.errors] == ["/documents/1", "/documents/2"]


def test_equal_contents_are_duplicates_whatever_their_ids(desk: Desk) -> None:
    operation = desk.container.registry.get("read_once")
    submissions = desk.container.submissions

    first, second, other = (
        submissions.prepare(operation, {"document": desk.upload(content)}).fingerprint
        for content in (b"same", b"same", b"other")
    )

    assert first == second != other


def test_a_file_removed_before_the_run_fails_the_job(desk: Desk) -> None:
    file_id = desk.upload(b"text")
    desk.container.storage.remove(desk.file(file_id).object)

    ended = desk.run("examine", document=file_id)

    assert (ended.status, kind_of(ended)) == ("failed", "file-gone")


def test_a_storage_outage_fails_an_attempt_and_the_next_one_can_succeed(
    desk: Desk,
) -> None:
    file_id = desk.upload(b"text", "a.txt")
    path = desk.path(file_id)
    away = path.with_name("away")
    path.rename(away)
    path.mkdir()  # a folder cannot be read

    job_id = desk.submit("read_patiently", document=file_id)
    eventually(lambda: desk.read(job_id).failures == 1, what="an attempt failed")
    error = desk.read(job_id).error
    path.rmdir()
    away.rename(path)
    ended = desk.ended(job_id)

    assert error is not None
    assert error["type"] == "storage-unavailable"
    assert error["retryable"]
    assert ended.status == "succeeded"


def test_a_file_that_was_never_written_fails_the_job(desk: Desk) -> None:
    ended = desk.run("forget_to_write")

    assert (ended.status, kind_of(ended)) == ("failed", "result-not-serialisable")
    assert "nothing.txt" in str(ended.error)


def test_files_beyond_the_bound_fail_the_job_and_none_is_kept(desk: Desk) -> None:
    before = desk.stored_bytes()

    ended = desk.run("pour", size=4 * 1024**2 + 1)

    assert (ended.status, kind_of(ended)) == ("failed", "result-too-large")
    assert desk.stored_bytes() == before


def test_a_full_quota_fails_the_job_and_leaves_nothing(namespace: str) -> None:
    desk = Desk(namespace, tenant_storage_bytes="2KiB", max_file_bytes="2KiB")
    desk.start()

    try:
        file_id = desk.upload(bytes(2000))
        ended = desk.run("copy", document=file_id)
        kept = desk.stored_bytes()
    finally:
        desk.stop()

    assert (ended.status, kind_of(ended)) == ("failed", "storage-full")
    assert kept == 2000


def test_a_large_result_is_kept_in_the_file_storage(desk: Desk) -> None:
    ended = desk.run("noise", size=100_000)

    (in_redis,) = desk.store.pipeline(("EXISTS", desk.store.keys("result", ended.id)))
    assert not in_redis
    assert ended.result_file is not None
    assert desk.file(ended.result_file).kind == "result"
    assert desk.file(ended.result_file).in_use
    assert len(read_result(desk.store, ended.id, desk.container.storage)) == 100_000


def test_an_operation_has_its_own_result_bound(desk: Desk) -> None:
    fits = desk.run("noise", size=300 * 1024 - 100)
    too_large = desk.run("noise", size=300 * 1024 + 1)

    assert fits.status == "succeeded"
    assert (too_large.status, kind_of(too_large)) == ("failed", "result-too-large")


def test_files_are_removed_with_their_job(desk: Desk) -> None:
    before = desk.stored_bytes()
    ended = desk.run("noise", size=100_000)
    assert ended.result_file is not None
    with pytest.raises(FileInUse):
        remove_file(desk.store, desk.container.storage, ended.result_file)

    purge(desk.store, ended.id)

    eventually(lambda: desk.stored_bytes() == before, what="the housekeeper removes it", timeout=15)
