"""Bring the files that a job takes onto this machine, before its function starts."""

from collections.abc import Callable, Iterable, Sequence

from callboard.jobs.errors import FileGone, FileNotFound, StorageUnavailable
from callboard.jobs.files.file import File
from callboard.jobs.files.folder import RetryUntilAnswered, RunFiles
from callboard.jobs.files.records import FileRecord, read_files
from callboard.jobs.files.storage import Storage
from callboard.jobs.offload import at_once
from callboard.jobs.store import Store

Fetch = Callable[[Sequence[File]], None]

_READ_ONLY = 0o400


def fetched(file_ids: Iterable[str], fetch: Fetch) -> Sequence[File]:
    """Fetch the files that a job takes.

    Raises:
        FileGone: one no longer exists.
        StorageUnavailable: the storage or this machine's disk fails.
    """
    files = [File(file_id=file_id) for file_id in file_ids]
    if files:
        fetch(files)
    return files


def take(fetched_files: Iterable[File], wanted: Iterable[File]) -> None:
    """Make files, as parameters name them, the same as those that were fetched."""
    there = {file.id: file for file in fetched_files}
    for file in wanted:
        file.take(there[file.id])


class Inputs:
    """Fetches files of one tenant into the folder of one attempt.

    Args:
        retry_until_answered: asks Redis until it answers.
    """

    def __init__(
        self,
        store: Store,
        storage: Storage,
        folder: RunFiles,
        *,
        tenant: str,
        retry_until_answered: RetryUntilAnswered = at_once,
    ) -> None:
        self._retry_until_answered = retry_until_answered
        self._store = store
        self._storage = storage
        self._folder = folder
        self._tenant = tenant

    def fetch(self, files: Sequence[File], *, proceed: Callable[[], None]) -> None:
        """Make each file one that the function can read; equal ids share one copy.

        Args:
            files: as the parameters name them.
            proceed: asked before each one; raises when the attempt is to stop.

        Raises:
            FileGone: one no longer exists.
            StorageUnavailable: the storage or this machine's disk fails.
        """
        wanted = list(dict.fromkeys(file.id for file in files))
        found = self._retry_until_answered(
            lambda: read_files(self._store, wanted, tenant=self._tenant)
        )
        copies = []
        for file_id, record in zip(wanted, found, strict=True):
            proceed()
            if record is None:
                raise FileGone(f"The file {file_id} no longer exists.", retryable=False)
            copies.append(self._fetch(record))
        take(copies, files)

    def _fetch(self, record: FileRecord) -> File:
        path = self._folder.place(record.name)
        try:
            self._storage.fetch(record.object, path)
        except FileNotFound as error:
            raise FileGone(
                f"The content of file {record.id} no longer exists.", retryable=False
            ) from error
        path.chmod(_READ_ONLY)
        if path.stat().st_size != record.size:
            raise StorageUnavailable("A file in the storage has a different size than expected.")
        file = File(file_id=record.id, name=record.name, media_type=record.media_type, path=path)
        file.finalize(size=record.size, sha256=record.sha256)
        return file
