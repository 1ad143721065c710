"""Keep what a run came to: files in the storage, and there, too, a result too large for Redis."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from callboard.jobs.errors import CallboardError, FileNotFound, StorageUnavailable
from callboard.jobs.files.file import File
from callboard.jobs.files.file_store import KEEP_LEASE, Claimed, complete_file, reserve_file
from callboard.jobs.files.finalize import FinalizedFiles, finalize_files
from callboard.jobs.files.folder import RetryUntilAnswered, RunFiles
from callboard.jobs.files.names import OCTETS
from callboard.jobs.files.records import new_file_id, object_of
from callboard.jobs.files.remove import remove_file
from callboard.jobs.files.staging import Staged
from callboard.jobs.files.storage import Storage
from callboard.jobs.finish import RunOutcome, encode_result
from callboard.jobs.offload import at_once
from callboard.jobs.store import Store

UNADOPTED: Final = timedelta(hours=24)
"""How long files are kept whose job never says that they are its own."""


@dataclass(frozen=True, kw_only=True)
class OutputBounds:
    """How much one run may leave behind.

    Attributes:
        result_bytes: the encoded result, before compression.
        stored_bytes: an encoded result that Redis holds itself, after compression.
        files_bytes: all files in a result together.
        tenant_bytes: all files of a tenant together.
    """

    result_bytes: int
    stored_bytes: int
    files_bytes: int
    tenant_bytes: int


class Outputs:
    """What one attempt made.

    Nothing of it counts before `finish` records it; until then it has a day, and whoever knows that
    nothing will record it says `discard`.

    Args:
        folder: of the attempt.
        retry_until_answered: asks Redis until it answers.
    """

    def __init__(
        self,
        store: Store,
        storage: Storage,
        folder: RunFiles,
        *,
        tenant: str,
        bounds: OutputBounds,
        retry_until_answered: RetryUntilAnswered = at_once,
    ) -> None:
        self._store = store
        self._storage = storage
        self._folder = folder
        self._tenant = tenant
        self._bounds = bounds
        self._retry_until_answered = retry_until_answered
        self._new: list[tuple[File, Staged]] = []
        self._named: list[str] = []
        self._kept: list[str] = []

    def finalize(self, files: Sequence[File]) -> None:
        """Give each file in a result its id, size and digest; from here on it must not change.

        Raises:
            ResultNotSerialisable: one was never written.
            ResultTooLarge: they are too large together, or too many.
        """
        self.take(finalize_files(files, self._folder, max_bytes=self._bounds.files_bytes))

    def take(self, finalized: FinalizedFiles) -> None:
        """Go on from what another process of this machine has finalized."""
        self._new, self._named = list(finalized.new), list(finalized.named)

    def keep(self, data: Any, *, proceed: Callable[[], None]) -> RunOutcome:
        """Encode the result and keep all of it; what was kept goes again if that fails.

        Args:
            data: JSON-like, with `described` files in it.
            proceed: asked before each file; raises when the attempt is to stop.

        Raises:
            ResultNotSerialisable: something in it is not JSON-like.
            ResultTooLarge: it takes more than it may.
            StorageFull: the tenant has no room for it.
            StorageUnavailable: the storage fails.
        """
        outcome = encode_result(data, max_bytes=self._bounds.result_bytes)
        return self.keep_encoded(outcome, proceed=proceed)

    def keep_encoded(self, outcome: RunOutcome, *, proceed: Callable[[], None]) -> RunOutcome:
        """Keep all of an encoded result; what was kept goes again if that fails.

        Args:
            outcome: of `encode_result`.
            proceed: asked before each file; raises when the attempt is to stop.

        Raises:
            StorageFull: the tenant has no room for it.
            StorageUnavailable: the storage fails.
        """
        try:
            for file, staged in self._new:
                proceed()
                self._keep_file(file, staged)
            proceed()
            large = len(outcome.result) > self._bounds.stored_bytes
            result_file = self._keep_result(outcome.result) if large else ""
        except BaseException:
            self.discard()
            raise
        return replace(
            outcome,
            result=b"" if result_file else outcome.result,
            result_file=result_file,
            files=tuple(self._named),
        )

    def discard(self) -> None:
        """Remove what was kept, as far as that goes now; the rest goes after a day."""
        for file_id in self._kept:
            with suppress(CallboardError):
                try:
                    remove_file(self._store, self._storage, file_id, forced=True)
                except FileNotFound:  # Redis lost it
                    self._storage.remove(object_of(file_id))
        self._kept.clear()

    def _keep_file(self, file: File, staged: Staged) -> None:
        claimed = Claimed(file.id, self._tenant, "made", self._bounds.tenant_bytes)
        again = sum(each.path == staged.path for _, each in self._new) > 1
        if self._folder.holds(staged.path) and not again:
            self._keep(claimed, staged, name=file.name, media_type=file.media_type)
            return
        # The function keeps what is its own, or what it has under another name, too.
        copy = self._folder.place(file.name)
        try:
            shutil.copyfile(staged.path, copy)
        except OSError as error:
            raise StorageUnavailable("A file of the result could not be copied.") from error
        self._keep(claimed, replace(staged, path=copy), name=file.name, media_type=file.media_type)

    def _keep_result(self, encoded: bytes) -> str:
        claimed = Claimed(new_file_id(), self._tenant, "result", self._bounds.tenant_bytes)
        with self._storage.stage() as staged:
            staged.write(encoded)
            self._keep(claimed, staged, name="result", media_type=OCTETS)
        return claimed.file_id

    def _keep(self, claimed: Claimed, staged: Staged, *, name: str, media_type: str) -> None:
        self._kept.append(claimed.file_id)
        self._retry_until_answered(
            lambda: reserve_file(self._store, claimed, staged.size, lease=KEEP_LEASE, durable=True)
        )
        self._storage.keep(staged.path, object_of(claimed.file_id))
        known = self._retry_until_answered(
            lambda: complete_file(
                self._store, claimed, staged, name=name, media_type=media_type, ttl=UNADOPTED
            )
        )
        if known is None:
            with suppress(StorageUnavailable):
                self._storage.remove(object_of(claimed.file_id))
            raise StorageUnavailable("Storing a file took too long.")
