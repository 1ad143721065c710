"""keep: take room for a file, move its bytes into the storage, and let it be used."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from callboard.jobs.clock import milliseconds, moment
from callboard.jobs.errors import StorageFull, StorageUnavailable
from callboard.jobs.files.records import FileKind, FileRecord, object_of
from callboard.jobs.files.staging import Staged
from callboard.jobs.files.storage import Storage
from callboard.jobs.offload import Offload, at_once
from callboard.jobs.store import Store

LEASE: Final = timedelta(seconds=60)
KEEP_LEASE: Final = timedelta(minutes=10)
_NO_BOUND: Final = 2**52


@dataclass(frozen=True)
class FileStore:
    """Where files go: their records, their bytes, and what runs that which blocks."""

    store: Store
    storage: Storage
    offload: Offload = at_once


class Claimed(NamedTuple):
    """Room that is taken for a file which is being written.

    Attributes:
        max_bytes: what all files of the tenant may take.
    """

    file_id: str
    tenant: str
    kind: FileKind
    max_bytes: int = _NO_BOUND


def reserve_file(
    store: Store, claimed: Claimed, size: int, *, lease: timedelta = LEASE, durable: bool = False
) -> None:
    """Take room for a file before its bytes come, or again while they come.

    Concurrent reservations of a tenant never exceed its bound together. One that is not repeated
    within its lease is returned by the housekeeper.

    Args:
        store: where records are.
        claimed: which file, whose.
        size: bytes, as far as is known by now.
        lease: how long it is held.
        durable: in strict durability, wait for the disk: before bytes reach the storage.

    Raises:
        StorageFull: the tenant has no room for it.
        StorageUnavailable: it was removed meanwhile.
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run(
        "reserve_file",
        store.keys("file", claimed.file_id),
        fleeting=not durable,
        file_id=claimed.file_id,
        tenant=claimed.tenant,
        kind=claimed.kind,
        object=object_of(claimed.file_id),
        size=size,
        max_bytes=claimed.max_bytes,
        lease_ms=milliseconds(lease),
    )
    if answer.word == "full":
        raise StorageFull(
            f"{answer.values[0]} of the {claimed.max_bytes} bytes for files are free."
        )
    if answer.word == "gone":
        raise StorageUnavailable("The file was deleted during the upload; send it again.")


def keep_file(
    file_store: FileStore,
    claimed: Claimed,
    staged: Staged,
    *,
    name: str,
    media_type: str,
    ttl: timedelta,
) -> FileRecord:
    """Move a staged file into the storage and let it be used: its record first, then its bytes.

    A process that is killed on the way leaves a reservation, which the housekeeper removes with
    whatever is in the storage.

    Args:
        file_store: where it goes.
        claimed: which file, whose; it need not be reserved yet.
        staged: its bytes.
        name: safe to show; never used as a path.
        media_type: of the bytes.
        ttl: how long it is kept while no job uses it.

    Raises:
        StorageFull, StorageUnavailable, StoreUnavailable: it was not kept.
    """
    store, storage, offload = file_store.store, file_store.storage, file_store.offload
    reserve_file(store, claimed, staged.size, lease=KEEP_LEASE, durable=True)
    object_ = object_of(claimed.file_id)
    offload(lambda: storage.keep(staged.path, object_))
    kept = complete_file(store, claimed, staged, name=name, media_type=media_type, ttl=ttl)
    if kept is None:
        offload(lambda: storage.remove(object_))
        raise StorageUnavailable("Storing the file took too long; send it again.")
    return kept


def complete_file(
    store: Store, claimed: Claimed, staged: Staged, *, name: str, media_type: str, ttl: timedelta
) -> FileRecord | None:
    """Let a file be used whose bytes are in the storage; a repeat answers as the first time.

    Returns:
        The file; None when its reservation ran out, and its object must go.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run(
        "complete_file",
        store.keys("file", claimed.file_id),
        file_id=claimed.file_id,
        fields=json.dumps({"name": name, "media_type": media_type, "sha256": staged.sha256}),
        ttl_ms=milliseconds(ttl),
    )
    if answer.word == "gone":
        return None
    return FileRecord(
        id=claimed.file_id,
        tenant=claimed.tenant,
        kind=claimed.kind,
        name=name,
        media_type=media_type,
        size=staged.size,
        sha256=staged.sha256,
        created_at=moment(answer.values[0]),
        expires_at=moment(answer.values[1]),
        object=object_of(claimed.file_id),
        in_use=False,
    )
