"""Read results, whether Redis holds them or the storage."""

from typing import Any

from callboard.jobs.encoding import decode
from callboard.jobs.errors import JobNotFinished
from callboard.jobs.files.records import object_of
from callboard.jobs.files.storage import Storage
from callboard.jobs.offload import Offload, at_once
from callboard.jobs.store import Store


def read_result(
    store: Store, job_id: str, storage: Storage | None = None, *, offload: Offload = at_once
) -> Any:
    """Read the whole result of a job that succeeded.

    Args:
        store: where it is, or where it says that it is in the storage.
        job_id: which job.
        storage: where large results are.
        offload: runs what blocks or takes long; Redis is asked here.

    Raises:
        JobNotFinished: it has none.
        FileNotFound: the storage does not have it any more.
        StorageUnavailable: the storage does not answer.
        StoreUnavailable: Redis does not answer.
    """
    keys = store.keys
    stored, result_file = store.pipeline(
        ("GET", keys("result", job_id)), ("HGET", keys("job", job_id), "result_file")
    )
    if stored is not None:
        return offload(lambda: decode(stored))
    if result_file is None or storage is None:
        raise JobNotFinished(f"Job {job_id} has no result.")
    return offload(lambda: decode(b"".join(storage.read(object_of(result_file.decode())))))
