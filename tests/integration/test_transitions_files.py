"""Files in Redis: quotas are never exceeded, every object has a record, users keep files."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from callboard.jobs.errors import FileInUse, FileNotFound, StorageFull, StorageUnavailable
from callboard.jobs.files.file_store import LEASE, Claimed, FileStore, keep_file, reserve_file
from callboard.jobs.files.records import FileRecord, list_files, new_file_id, object_of, read_file
from callboard.jobs.files.remove import expire_files, remove_file
from callboard.jobs.files.storage import Storage
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.purge import purge
from tests.job_system import JobSystem

HOUR = timedelta(hours=1)
HOUR_MS = 3_600_000
DONE = encode_result(1, max_bytes=100)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    made = Storage(str(tmp_path))
    with made.stage():  # the first upload of an installation has started
        return made


@pytest.fixture(autouse=True)
def _nothing_is_unknown(job_system: JobSystem, tmp_path: Path) -> Iterator[None]:
    """After each test every object has a record, and the used quota is that of the records."""
    yield
    known = _files(job_system)
    objects = {path.name for path in tmp_path.glob("??/*")}
    assert objects <= {file["object"].rpartition("/")[2] for file in known}
    for tenant in {file["tenant"] for file in known} | {"default"}:
        taken = sum(int(file["size"]) for file in known if file["tenant"] == tenant)
        assert stored(job_system, tenant) == taken


def _files(job_system: JobSystem) -> list[dict[str, str]]:
    names = job_system.redis.keys(job_system.store.keys("file", "*"))
    return [
        {key.decode(): value.decode() for key, value in job_system.redis.hgetall(name).items()}
        for name in names
        if not name.endswith(b":users")
    ]


def stored(job_system: JobSystem, tenant: str = "default") -> int:
    return int(job_system.redis.hget(job_system.store.keys("stored"), tenant) or 0)


def claimed(most: int = 100, tenant: str = "default") -> Claimed:
    return Claimed(new_file_id(), tenant, "upload", most)


def kept(
    job_system: JobSystem, storage: Storage, body: bytes = b"words", room: Claimed | None = None
) -> FileRecord:
    with storage.stage() as staged:
        staged.write(body)
        return keep_file(
            FileStore(job_system.store, storage),
            room or claimed(),
            staged,
            name="a.txt",
            media_type="text/plain",
            ttl=HOUR,
        )


def submitted(job_system: JobSystem, *file_ids: str) -> str:
    submission = job_system.new_submission(files=file_ids)
    assert job_system.submit(submission) == "accepted"
    return submission.job_id


def end(job_system: JobSystem, job_id: str) -> None:
    claimed = job_system.claim(job_id)
    assert claimed.fence is not None
    assert finish(job_system.store, claimed.fence, DONE) == "finished"


def test_a_stored_file_is_found_only_by_its_tenant(job_system: JobSystem, storage: Storage) -> None:
    file = kept(job_system, storage)

    assert read_file(job_system.store, file.id, tenant="default") == file
    assert (file.size, file.in_use, stored(job_system)) == (5, False, 5)
    assert read_file(job_system.store, file.id, tenant="globex", others=True) == file
    with pytest.raises(FileNotFound):
        read_file(job_system.store, file.id, tenant="globex")


def test_an_incomplete_file_is_not_found_and_uses_the_quota(job_system: JobSystem) -> None:
    room = claimed()

    reserve_file(job_system.store, room, 60)

    assert stored(job_system) == 60
    with pytest.raises(FileNotFound):
        read_file(job_system.store, room.file_id, tenant="default")
    reserve_file(job_system.store, room, 60)
    assert stored(job_system) == 60


def test_concurrent_uploads_never_exceed_the_quota(job_system: JobSystem) -> None:
    def take(_number: int) -> int:
        room, taken = claimed(most=1000), 0
        for size in (50, 100, 150):
            try:
                reserve_file(job_system.store, room, size)
            except StorageFull:
                break
            taken = size
            assert stored(job_system) <= 1000
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(40)))

    assert 900 <= sum(taken) == stored(job_system) <= 1000


def test_a_reservation_may_shrink_to_the_actual_size(
    job_system: JobSystem, storage: Storage
) -> None:
    room = claimed()
    reserve_file(job_system.store, room, 100)

    kept(job_system, storage, b"12345", room)

    assert stored(job_system) == 5


def test_each_tenant_has_its_own_quota(job_system: JobSystem) -> None:
    reserve_file(job_system.store, claimed(tenant="full"), 100)

    reserve_file(job_system.store, claimed(tenant="empty"), 100)

    with pytest.raises(StorageFull):
        reserve_file(job_system.store, claimed(tenant="full"), 1)


def test_an_abandoned_upload_frees_its_quota(job_system: JobSystem, storage: Storage) -> None:
    reserve_file(job_system.store, claimed(), 60)
    reserve_file(job_system.store, claimed(), 0)
    job_system.pass_time(LEASE // timedelta(milliseconds=1) - 1)
    assert expire_files(job_system.store, storage) == 0

    job_system.pass_time(1)

    assert expire_files(job_system.store, storage) == 2
    assert (stored(job_system), _files(job_system)) == (0, [])


def test_an_upload_that_continues_after_its_lease_reserves_its_quota_again(
    job_system: JobSystem, storage: Storage
) -> None:
    room = claimed()
    reserve_file(job_system.store, room, 60)
    job_system.pass_time(HOUR_MS)
    expire_files(job_system.store, storage)

    file = kept(job_system, storage, b"x" * 70, room)

    assert (file.size, stored(job_system)) == (70, 70)


def test_a_file_whose_lease_expired_during_the_move_leaves_nothing(
    job_system: JobSystem, storage: Storage, tmp_path: Path
) -> None:
    class SlowStorage(Storage):
        def keep(self, path: Path, key: str) -> None:
            job_system.pass_time(HOUR_MS)
            expire_files(job_system.store, storage)
            super().keep(path, key)

    with pytest.raises(StorageUnavailable):
        kept(job_system, SlowStorage(str(tmp_path)))

    assert list(tmp_path.glob("??/*")) == []
    assert _files(job_system) == []


def test_a_killed_uploads_file_is_removed_after_its_lease(
    job_system: JobSystem, storage: Storage, tmp_path: Path
) -> None:
    room = claimed()
    reserve_file(job_system.store, room, 5)
    with storage.stage() as staged:
        staged.write(b"words")
        storage.keep(staged.path, object_of(room.file_id))

    job_system.pass_time(HOUR_MS)
    expire_files(job_system.store, storage)

    assert list(tmp_path.glob("??/*")) == []


def test_an_expired_file_is_removed(
    job_system: JobSystem, storage: Storage, tmp_path: Path
) -> None:
    file = kept(job_system, storage)
    job_system.pass_time(HOUR_MS)

    assert expire_files(job_system.store, storage) == 1

    assert list(tmp_path.glob("??/*")) == []
    with pytest.raises(FileNotFound):
        read_file(job_system.store, file.id, tenant="default")
    assert list_files(job_system.store, tenant="default", most=10).files == []


def test_a_file_in_use_stays_until_its_job_is_purged(
    job_system: JobSystem, storage: Storage
) -> None:
    file = kept(job_system, storage)
    first, second = submitted(job_system, file.id), submitted(job_system, file.id)
    job_system.pass_time(2 * HOUR_MS)

    assert expire_files(job_system.store, storage) == 0
    assert read_file(job_system.store, file.id, tenant="default").in_use
    with pytest.raises(FileInUse):
        remove_file(job_system.store, storage, file.id)
    for job_id in (first, second):
        end(job_system, job_id)
        assert read_file(job_system.store, file.id, tenant="default").in_use
        purge(job_system.store, job_id)

    assert expire_files(job_system.store, storage) == 1
    assert _files(job_system) == []


def test_a_file_that_its_jobs_release_early_stays_until_its_own_expiry(
    job_system: JobSystem, storage: Storage
) -> None:
    file = kept(job_system, storage)
    job_id = submitted(job_system, file.id)
    end(job_system, job_id)
    purge(job_system.store, job_id)

    assert expire_files(job_system.store, storage) == 0
    assert not read_file(job_system.store, file.id, tenant="default").in_use
    job_system.pass_time(HOUR_MS)
    assert expire_files(job_system.store, storage) == 1


def test_a_job_with_a_missing_file_is_refused_and_writes_nothing(
    job_system: JobSystem, storage: Storage
) -> None:
    gone, whole, theirs = claimed(), kept(job_system, storage), claimed(tenant="globex")
    half = claimed()
    reserve_file(job_system.store, half, 1)
    kept(job_system, storage, room=theirs)
    before = set(job_system.redis.keys("*"))

    for missing in (gone.file_id, half.file_id, theirs.file_id):
        assert (
            job_system.submit(job_system.new_submission(files=(whole.id, missing)))
            == "file_missing"
        )

    assert set(job_system.redis.keys("*")) == before
    assert not read_file(job_system.store, whole.id, tenant="default").in_use


def test_if_a_removal_and_a_submission_of_one_file_race_exactly_one_succeeds(
    job_system: JobSystem, storage: Storage
) -> None:
    for _ in range(10):
        file = kept(job_system, storage)

        def remove(file_id: str = file.id) -> str:
            try:
                remove_file(job_system.store, storage, file_id)
            except FileInUse:
                return "in_use"
            return "removed"

        with ThreadPoolExecutor(2) as pool:
            submission = job_system.new_submission(files=(file.id,))
            word = pool.submit(job_system.submit, submission)
            removed = pool.submit(remove)

        assert (word.result(), removed.result()) in (
            ("accepted", "in_use"),
            ("file_missing", "removed"),
        )


def test_a_removal_that_the_storage_fails_is_repeated_later(
    job_system: JobSystem, storage: Storage, tmp_path: Path
) -> None:
    class DownStorage(Storage):
        def remove(self, key: str) -> None:
            raise StorageUnavailable(key)

    file = kept(job_system, storage)

    remove_file(job_system.store, DownStorage(str(tmp_path)), file.id)

    with pytest.raises(FileNotFound):
        read_file(job_system.store, file.id, tenant="default")
    assert (tmp_path / file.object).exists()
    assert stored(job_system) == 5
    job_system.pass_time(HOUR_MS)
    assert expire_files(job_system.store, DownStorage(str(tmp_path))) == 0
    job_system.pass_time(HOUR_MS)
    assert expire_files(job_system.store, storage) == 1
    assert not (tmp_path / file.object).exists()


def test_concurrent_housekeepers_free_the_quota_once(
    job_system: JobSystem, storage: Storage
) -> None:
    for _ in range(20):
        kept(job_system, storage)
    kept(job_system, storage, b"x" * 50, claimed(most=1000))
    job_system.pass_time(HOUR_MS)

    with ThreadPoolExecutor(4) as pool:
        went = list(pool.map(lambda _: expire_files(job_system.store, storage), range(4)))

    assert sum(went) == 21
    assert stored(job_system) == 0


def test_a_list_has_every_file_exactly_once_newest_first(
    job_system: JobSystem, storage: Storage
) -> None:
    made = []
    for number in range(7):
        made.append(kept(job_system, storage, b"x", claimed(most=10)).id)
        job_system.pass_time(number % 2)
    kept(job_system, storage, b"x", Claimed(new_file_id(), "default", "made", 10))

    seen, behind = [], None
    while True:
        page = list_files(job_system.store, tenant="default", most=3, behind=behind)
        seen += [file.id for file in page.files]
        behind = page.next
        if behind is None:
            break

    assert sorted(seen) == sorted(made)
    assert len(seen) == 7
    times = [read_file(job_system.store, each, tenant="default").created_at for each in seen]
    assert times == sorted(times, reverse=True)


def test_a_recovered_job_uses_the_files_that_still_exist(
    job_system: JobSystem, storage: Storage
) -> None:
    there, gone = kept(job_system, storage), kept(job_system, storage)
    job_id = submitted(job_system, there.id, gone.id)
    (message,) = [each for each in job_system.broker.messages if each.submission.job_id == job_id]

    job_system.lose(job_id)
    job_system.redis.delete(job_system.store.keys("file_users", there.id))
    job_system.redis.delete(job_system.store.keys("file_users", gone.id))
    remove_file(job_system.store, storage, gone.id)

    assert job_system.recover(message) == "recovered"
    assert read_file(job_system.store, there.id, tenant="default").in_use
    assert not job_system.redis.exists(job_system.store.keys("file_users", gone.id))
