"""remove: take files away, one by request or all whose time is over; bytes go after that."""

from jobs.errors import FileInUse, FileNotFound, StorageUnavailable
from jobs.files.keep import Offload, Shelf, at_once
from jobs.files.storage import Storage
from jobs.store import Store


def remove_file(
    store: Store,
    storage: Storage,
    file_id: str,
    *,
    offload: Offload = at_once,
    forced: bool = False,
) -> None:
    """Remove a file that no job uses, for everybody at once; its bytes now or a little later.

    Args:
        store: where records are.
        storage: where bytes are.
        file_id: which.
        offload: runs what blocks.
        forced: one that is still being written, too.

    Raises:
        FileInUse: a job uses it.
        FileNotFound: there is none.
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run(
        "remove_file", store.keys("file", file_id), file_id=file_id, forced=int(forced)
    )
    if answer.word == "in_use":
        raise FileInUse(f"Jobs use file {file_id}.")
    if answer.word == "missing":
        raise FileNotFound(f"There is no file {file_id}.")
    _finish_removal(Shelf(store, storage, offload), file_id, answer.values[0])


def expire_files(store: Store, storage: Storage, *, most: int = 100) -> int:
    """Remove the files whose time is over, and what is left of uploads that broke off.

    Safe beside others that do the same, and after a crash at any point.

    Returns:
        How many went.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    found = store.run("expire_files", store.keys("file_expiry"), most=most).values[0]
    return sum(
        _finish_removal(Shelf(store, storage), file_id, object_)
        for file_id, object_ in zip(found[::2], found[1::2], strict=True)
    )


def _finish_removal(shelf: Shelf, file_id: str, object_: str) -> bool:
    try:
        shelf.offload(lambda: shelf.storage.remove(object_))
    except StorageUnavailable:
        return False  # the housekeeper comes again
    key = shelf.store.keys("file", file_id)
    return shelf.store.run("forget_file", key, file_id=file_id).word == "forgotten"
