"""The files of a run belong to its job when the job ends, or to none."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from callboard.jobs.cancel import cancel
from callboard.jobs.errors import (
    Cancelled,
    Interruption,
    ResultNotSerialisable,
    ResultTooLarge,
    StorageFull,
    StorageUnavailable,
)
from callboard.jobs.fence import Fence
from callboard.jobs.files.file import File
from callboard.jobs.files.folder import RunFiles
from callboard.jobs.files.outputs import OutputBounds, Outputs
from callboard.jobs.files.records import object_of, read_files
from callboard.jobs.files.remove import expire_files
from callboard.jobs.finish import RunOutcome, finish
from callboard.jobs.offload import at_once
from callboard.jobs.purge import purge
from callboard.jobs.read import read, read_submissions
from callboard.jobs.recover import recover
from callboard.jobs.store import Store
from tests.api_app import ApiApp

BOUNDS = OutputBounds(
    result_bytes=10_000, stored_bytes=1000, files_bytes=10_000, tenant_bytes=10_000
)
NOISE = hashlib.shake_256(b"").hexdigest(2000)
"""Too large for Redis even when compressed."""


class Workbench(ApiApp):
    """A store, a storage, and a run whose function has just returned."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = RunFiles()

    def outputs(self, *files: File, retry_until_answered: Any = at_once) -> Outputs:
        made = Outputs(
            self.store,
            self.storage,
            self.folder,
            tenant="default",
            bounds=BOUNDS,
            retry_until_answered=retry_until_answered,
        )
        made.finalize(files)
        return made

    def file(self, content: bytes = b"content", name: str = "a.txt") -> File:
        file = self.folder.new(name)
        assert file.path is not None
        file.path.write_bytes(content)
        return file

    def running(self) -> Fence:
        job_id: str = self.submit().json["id"]
        return self.claim(job_id)

    def kept(self, *file_ids: str) -> list[bool]:
        return [found is not None for found in read_files(self.store, file_ids, tenant="default")]

    def stored_bytes(self) -> int:
        return int(self.store.redis.hget(self.store.keys("stored"), "default") or 0)

    def objects(self) -> list[Path]:
        with self.storage.stage() as staged:
            root = staged.path.parents[1]
            return [p for p in root.glob("??/*") if p.is_file()]


@pytest.fixture
def bench() -> Iterator[Workbench]:
    made = Workbench()
    yield made
    made.close()


def go_on() -> None:
    """Let the attempt continue."""


def test_a_result_and_its_files_become_the_jobs_in_one_step(bench: Workbench) -> None:
    file, fence = bench.file(), bench.running()
    outcome = bench.outputs(file).keep({"file": file.described(), "x": "y" * 500}, proceed=go_on)

    before = waits_a_day(bench, file.id)
    words = [finish(bench.store, fence, outcome), finish(bench.store, fence, outcome)]

    record = read(bench.store, fence.job_id, tenant="default")
    assert words == ["finished", "finished"]
    assert before
    assert record.result_files == (file.id,)
    assert (record.result_file, outcome.result_file) == (None, "")
    used = read_files(bench.store, [file.id], tenant="default")
    assert [each is not None and each.in_use for each in used] == [True]


def waits_a_day(bench: Workbench, file_id: str) -> bool:
    """Whether a file without users expires after a day."""
    (found,) = read_files(bench.store, [file_id], tenant="default")
    assert found is not None
    return not found.in_use and found.expires_at - found.created_at >= timedelta(hours=24)


def test_a_result_with_a_lost_file_changes_nothing(bench: Workbench) -> None:
    file, fence = bench.file(), bench.running()
    outcome = bench.outputs(file).keep(file.described(), proceed=go_on)
    bench.store.redis.delete(bench.store.keys("file", file.id))

    word = finish(bench.store, fence, outcome)

    assert word == "lost"
    assert read(bench.store, fence.job_id, tenant="default").status == "running"
    assert finish(bench.store, fence, RunOutcome(error={"type": "failure"})) == "finished"


def test_files_of_a_cancelled_run_are_removed_at_once(bench: Workbench) -> None:
    file, fence = bench.file(), bench.running()
    outcome = bench.outputs(file).keep([file.described(), NOISE], proceed=go_on)
    cancel(bench.store, fence.job_id)

    word = finish(bench.store, fence, outcome)
    removed = expire_files(bench.store, bench.storage)

    assert (word, removed) == ("finished", 2)
    assert bench.kept(file.id) == [False]
    assert bench.objects() == []
    assert bench.stored_bytes() == 0


@pytest.mark.parametrize("lost", ["stale", "ended", "missing"])
def test_files_that_no_job_uses_are_discarded(bench: Workbench, lost: str) -> None:
    file, fence = bench.file(), bench.running()
    outputs = bench.outputs(file)
    outcome = outputs.keep(file.described(), proceed=go_on)
    if lost == "stale":
        fence = Fence(fence.job_id, fence.attempt, "another")
    elif lost == "ended":
        finish(bench.store, fence, RunOutcome(error={"type": "failure"}))
        fence = Fence(fence.job_id, fence.attempt, "another")
    else:
        bench.store.redis.delete(bench.store.keys("job", fence.job_id))

    word = finish(bench.store, fence, outcome)
    outputs.discard()

    assert word == lost
    assert (bench.kept(file.id), bench.stored_bytes(), bench.objects()) == ([False], 0, [])


@pytest.mark.parametrize("second", ["stop", "away", "full"])
def test_files_stored_before_a_failure_are_removed(bench: Workbench, second: str) -> None:
    files = [bench.file(bytes(4000), name) for name in ("a", "b")]
    asked: list[None] = []
    if second == "full":
        files.append(bench.file(bytes(1500), "c"))
        files.append(bench.file(bytes(400), "d"))
        bench.store.redis.hset(bench.store.keys("stored"), "default", 2000)

    def proceed() -> None:
        asked.append(None)
        if len(asked) < 2:
            return
        if second == "stop":
            raise Interruption(Cancelled("stop"))
        if second == "away":
            raise StorageUnavailable("away")

    outputs = bench.outputs(*files)
    with pytest.raises((Interruption, StorageUnavailable, StorageFull)):
        outputs.keep(None, proceed=proceed)

    assert not any(bench.kept(*(file.id for file in files)))
    assert bench.stored_bytes() == (2000 if second == "full" else 0)
    assert bench.objects() == []


def test_too_many_or_too_large_files_are_refused(bench: Workbench) -> None:
    two = [bench.file(bytes(5001), name) for name in ("a", "b")]
    many = [File(file_id=str(number)) for number in range(1001)]

    for files in (two, many):
        with pytest.raises(ResultTooLarge, match="allowed"):
            bench.outputs(*files)


def test_a_file_that_occurs_twice_in_a_result_is_stored_once(bench: Workbench) -> None:
    file = bench.file()
    outputs = bench.outputs(file, file)

    outcome = outputs.keep([file.described()] * 2, proceed=go_on)

    assert outcome.files == (file.id,)
    assert bench.stored_bytes() == len(b"content")


def test_a_file_outside_the_folder_stays_where_it_is(bench: Workbench, tmp_path: Path) -> None:
    outside = tmp_path / "mine.txt"
    outside.write_bytes(b"mine")
    link = tmp_path / "link.txt"
    link.symlink_to(outside)
    files = [File.of(outside), File.of(link)]

    bench.outputs(*files).keep(None, proceed=go_on)

    assert outside.read_bytes() == b"mine"
    contents = [b"".join(bench.storage.read(object_of(each.id))) for each in files]
    assert contents == [b"mine", b"mine"]


@pytest.mark.parametrize("how", ["link", "folder", "deeper"])
def test_a_path_that_only_appears_to_be_in_the_folder_is_not_sent(
    bench: Workbench, tmp_path: Path, how: str
) -> None:
    secret = tmp_path / "a.txt"
    secret.write_bytes(b"secret of the machine")
    file = bench.folder.new("a.txt")
    assert file.path is not None
    if how == "link":
        file.path.symlink_to(secret)
    elif how == "folder":
        file.path.parent.rmdir()
        file.path.parent.symlink_to(tmp_path)
    else:
        link = file.path.parent / "unpacked"
        link.symlink_to(tmp_path)
        file = File.of(link / "a.txt")

    with pytest.raises(ResultNotSerialisable, match="not a plain file in the folder"):
        bench.outputs(file)


def test_one_path_with_two_names_is_stored_twice(bench: Workbench) -> None:
    first = bench.file()
    assert first.path is not None
    files = [first, File.of(first.path), File.of(first.path, "text/html")]

    bench.outputs(*files).keep(None, proceed=go_on)

    assert [len(b"".join(bench.storage.read(object_of(f.id)))) for f in files] == [7, 7, 7]


def test_a_file_whose_record_redis_lost_leaves_no_bytes(bench: Workbench) -> None:
    file = bench.file()
    outputs = bench.outputs(file)
    outputs.keep(None, proceed=go_on)
    bench.store.redis.flushall()

    outputs.discard()

    assert bench.objects() == []


def test_the_files_of_a_job_are_removed_with_it(bench: Workbench) -> None:
    file, fence = bench.file(), bench.running()
    finish(bench.store, fence, bench.outputs(file).keep([file.described(), NOISE], proceed=go_on))

    purge(bench.store, fence.job_id)
    removed = expire_files(bench.store, bench.storage)

    assert removed == 2
    assert (bench.objects(), bench.stored_bytes()) == ([], 0)


def test_files_are_stored_across_a_redis_outage(bench: Workbench) -> None:
    file = bench.file()

    def retry_until_answered(ask: Callable[[], Any], /) -> Any:
        ask()  # its reply was lost
        return ask()

    outcome = bench.outputs(file, retry_until_answered=retry_until_answered).keep(
        file.described(), proceed=go_on
    )

    assert finish(bench.store, bench.running(), outcome) == "finished"
    assert bench.stored_bytes() == len(b"content")


def test_a_recovered_job_uses_its_files_again(bench: Workbench) -> None:
    file = bench.file()
    bench.outputs(file).keep(None, proceed=go_on)
    accepted = bench.services.submissions.submit("echo", {"value": 1}, files=(file.id,))
    (submitted,) = read_submissions(bench.store, [accepted.job_id]).values()
    submission = submitted.submission
    _forget(bench.store, accepted.job_id, file.id)

    word = recover(bench.store, submission, published_ms=submitted.now_ms)

    assert submission.files == (file.id,)
    assert word == "recovered"
    (found,) = read_files(bench.store, [file.id], tenant="default")
    assert found is not None
    assert found.in_use


def _forget(store: Store, job_id: str, file_id: str) -> None:
    names = [store.keys(name, job_id) for name in ("job", "text", "params", "job_files")]
    store.redis.delete(*names, store.keys("file_users", file_id))
