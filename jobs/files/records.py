"""Read files: what Redis knows of them, one or a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, Self

from callboard.jobs.clock import moment
from callboard.jobs.errors import FileNotFound
from callboard.jobs.ids import new_job_id
from callboard.jobs.listing import Position
from callboard.jobs.record import pairs
from callboard.jobs.store import Store

FileKind = Literal["upload", "made", "result"]
"""upload: from a client, listed; made: by a job; result: a job's large result itself."""

_END_OF_TIME_MS: Final = 10**15


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """One whole file.

    Attributes:
        sha256: of its bytes, in hexadecimal digits.
        object: the key of its bytes in the storage.
        in_use: whether jobs use it; then it is kept, even after `expires_at`.
    """

    id: str
    tenant: str
    kind: FileKind
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime
    expires_at: datetime
    object: str
    in_use: bool

    @classmethod
    def parse(cls, file_id: str, fields: dict[str, str], users: int) -> Self:
        """Build it from its hash and the number of its users.

        Raises:
            KeyError: it is not whole yet.
        """
        return cls(
            id=file_id,
            tenant=fields["tenant"],
            kind=fields["kind"],  # type: ignore[arg-type]
            name=fields["name"],
            media_type=fields["media_type"],
            size=int(fields["size"]),
            sha256=fields["sha256"],
            created_at=moment(fields["created_ms"]),
            expires_at=moment(fields["expires_ms"]),
            object=fields["object"],
            in_use=users > 0,
        )


def new_file_id() -> str:
    """Make a UUIDv7, as for jobs."""
    return new_job_id()


def object_of(file_id: str) -> str:
    """Return the key of a file's content, from its id; its random end spreads over folders."""
    return f"{file_id[-2:]}/{file_id}"


def read_files(
    store: Store, file_ids: Sequence[str], *, tenant: str, others: bool = False
) -> list[FileRecord | None]:
    """Read files; None for one that is not there, not whole, or another tenant's.

    Args:
        store: where records are.
        file_ids: the files' ids.
        tenant: whose.
        others: find other tenants' files as well.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    if not file_ids:
        return []
    keys = store.keys
    commands = [("HGETALL", keys("file", each)) for each in file_ids]
    replies = store.pipeline(*commands, *(("SCARD", keys("file_users", i)) for i in file_ids))
    found: list[FileRecord | None] = []
    for file_id, flat, users in zip(
        file_ids, replies[: len(file_ids)], replies[len(file_ids) :], strict=True
    ):
        fields = pairs(flat)
        theirs = fields.get("tenant") != tenant and not others
        whole = fields.get("status") == "ready" and not theirs
        found.append(FileRecord.parse(file_id, fields, users) if whole else None)
    return found


def read_file(store: Store, file_id: str, *, tenant: str, others: bool = False) -> FileRecord:
    """Read one file.

    Raises:
        FileNotFound: there is none with this id, as far as this tenant may know.
        StoreUnavailable: Redis does not answer.
    """
    (found,) = read_files(store, [file_id], tenant=tenant, others=others)
    if found is None:
        raise FileNotFound(f"No file has the id {file_id}.")
    return found


class FilePage(NamedTuple):
    """Some files, newest first, and behind which one there are more."""

    files: list[FileRecord]
    next: Position | None


def list_files(store: Store, *, tenant: str, most: int, behind: Position | None = None) -> FilePage:
    """List what a tenant has uploaded, newest first.

    A file that is there all the time comes exactly once, whatever goes and comes meanwhile.

    Args:
        store: where records are.
        tenant: whose.
        most: how many.
        behind: the last one of the page before.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    start = behind or Position(_END_OF_TIME_MS, "")
    answer = store.run(
        "list_jobs",
        store.keys("files", tenant),
        tenant=tenant,
        facets="[]",
        after_ms=-1,
        before_ms=start.created_ms,
        before_id=start.job_id,
        most=most,
        candidates=most,
    )
    found, last_id, last_ms = answer.values
    records = read_files(store, found[::2], tenant=tenant)
    position = Position(int(float(last_ms)), last_id) if answer.word == "more" else None
    return FilePage([each for each in records if each is not None], position)
