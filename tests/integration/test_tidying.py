"""Expired files are removed, and an unresponsive storage delays no job."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from callboard.actors.maintenance.housekeeper import Housekeeper
from callboard.jobs.errors import StorageUnavailable
from callboard.jobs.files.file_store import Claimed, FileStore, keep_file
from callboard.jobs.files.records import new_file_id
from callboard.jobs.files.remove import expire_files
from callboard.jobs.files.storage import Storage
from tests.eventually import eventually
from tests.job_system import JobSystem
from tests.ticks import Nowhere, scheduler

HOUR = timedelta(hours=1)
HOUR_MS = 3_600_000


class SilentStorage(Storage):
    """A storage that does not answer until a test allows it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked, self.answers = threading.Event(), threading.Event()

    def remove(self, key: str) -> None:
        self.asked.set()
        self.answers.wait()
        super().remove(key)


def kept(job_system: JobSystem, storage: Storage) -> str:
    claimed = Claimed(new_file_id(), "default", "upload")
    with storage.stage() as staged:
        staged.write(b"words")
        file_store = FileStore(job_system.store, storage)
        keep_file(file_store, claimed, staged, name="a", media_type="text/plain", ttl=HOUR)
    return claimed.file_id


def test_an_unresponsive_storage_delays_no_job(job_system: JobSystem, tmp_path: Path) -> None:
    storage = SilentStorage(str(tmp_path))
    kept(job_system, storage)
    housekeeper = Housekeeper(
        job_system.store,
        Nowhere(),
        name="worker-1",
        lease=timedelta(seconds=20),
        storage=storage,
        scheduler=scheduler(job_system.store),
        put_back=lambda queue, _body: pytest.fail(f"nothing was kept for {queue}"),
    )
    job_system.pass_time(HOUR_MS)

    housekeeper.start()
    try:
        eventually(storage.asked.is_set, what="a file is being removed", timeout=15)
        job_id = job_system.submitted(scheduled_ms=job_system.now_ms + 1000)
        job_system.pass_time(1000)
        eventually(
            lambda: job_system.record(job_id)["status"] == "queued",
            what="the job is due",
            timeout=5,
        )
    finally:
        storage.answers.set()
        housekeeper.close()

    assert storage.answers.is_set()
    eventually(lambda: not list(tmp_path.glob("??/*")), what="the file is gone")


def test_one_file_that_cannot_be_removed_does_not_block_ten_thousand_others(
    job_system: JobSystem, tmp_path: Path
) -> None:
    storage = Storage(str(tmp_path))
    files = [kept(job_system, storage) for _ in range(25)]

    class StubbornStorage(Storage):
        def remove(self, key: str) -> None:
            if key.endswith(files[0]):
                raise StorageUnavailable(key)
            super().remove(key)

    job_system.pass_time(HOUR_MS)

    gone = expire_files(job_system.store, StubbornStorage(str(tmp_path)), most=10)

    assert gone == 24
    assert [path.name for path in tmp_path.glob("??/*")] == [files[0]]
