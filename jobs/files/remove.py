"""remove: remove one file by request, or all expired ones; their content is removed after that."""

import time
from random import SystemRandom
from typing import Final

from callboard.jobs.errors import FileInUse, FileNotFound, StorageUnavailable
from callboard.jobs.files.file_store import FileStore
from callboard.jobs.files.storage import Storage
from callboard.jobs.offload import Offload, at_once
from callboard.jobs.store import Store

MAX_SECONDS: Final = 15.0
"""So long files are removed at a time; a storage that is away may take that for a single one."""


def remove_file(
    store: Store,
    storage: Storage,
    file_id: str,
    *,
    offload: Offload = at_once,
    forced: bool = False,
) -> None:
    """Remove a file that no job uses; its content is removed now or a little later.

    Args:
        store: where records are.
        storage: where bytes are.
        file_id: which.
        offload: runs what blocks.
        forced: also remove a file that is still being written.

    Raises:
        FileInUse: a job uses it.
        FileNotFound: it does not exist.
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run(
        "remove_file", store.keys("file", file_id), file_id=file_id, forced=int(forced)
    )
    if answer.word == "in_use":
        raise FileInUse(f"Jobs use file {file_id}.")
    if answer.word == "missing":
        raise FileNotFound(f"No file has the id {file_id}.")
    _finish_removal(FileStore(store, storage, offload), file_id, answer.values[0])


def expire_files(store: Store, storage: Storage, *, most: int = 100) -> int:
    """Remove expired files, and what is left of interrupted uploads.

    Safe beside concurrent calls, and after a crash at any point. Files whose content cannot
    be removed now are tried again later, and do not block others.

    Args:
        store: where records are.
        storage: where bytes are.
        most: how many are looked at in one step.

    Returns:
        The number removed.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    end, gone = time.monotonic() + MAX_SECONDS, 0
    while True:
        found = store.run("expire_files", store.keys("file_expiry"), most=most).values[0]
        files = list(zip(found[::2], found[1::2], strict=True))
        SystemRandom().shuffle(files)  # otherwise failing ones might always come first
        for file_id, object_ in files:
            if time.monotonic() > end:
                return gone
            gone += _finish_removal(FileStore(store, storage), file_id, object_)
        if len(files) < most:
            return gone


def _finish_removal(file_store: FileStore, file_id: str, object_: str) -> bool:
    try:
        file_store.offload(lambda: file_store.storage.remove(object_))
    except StorageUnavailable:
        return False  # the housekeeper tries again
    key = file_store.store.keys("file", file_id)
    return file_store.store.run("forget_file", key, file_id=file_id).word == "forgotten"
