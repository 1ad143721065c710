"""Receives files: stages and measures them, then stores all of them or none."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final

from callboard.api.files.incoming import PIECE_BYTES
from callboard.api.files.names import safe_name
from callboard.api.files.sniffing import media_type_of
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import FILE_TYPE_NOT_ACCEPTED, INVALID_FILE
from callboard.api.request import Request
from callboard.api.services import Services
from callboard.jobs.errors import CallboardError, FileTooLarge, StorageFull
from callboard.jobs.files.accepts import Accepts
from callboard.jobs.files.file_store import Claimed, FileStore, keep_file, reserve_file
from callboard.jobs.files.records import FileRecord, new_file_id
from callboard.jobs.files.remove import remove_file
from callboard.jobs.files.staging import Staged

_STEP_BYTES: Final = 16 * 1024**2
_RENEW_SECONDS: Final = 15.0

CheckContent = Callable[[BinaryIO], None]
"""Looks at the content of a file, and raises `ValueError` with a sentence if it is refused."""


@dataclass(frozen=True)
class Arrived:
    """A file that has arrived and is not stored yet."""

    claimed: Claimed
    staged: Staged
    name: str
    media_type: str


class FileRefused(Problem):
    """A file arrived in full, and is not one that is accepted.

    Attributes:
        name: the client's name for it, safe to display.
    """

    def __init__(self, name: str, problem: Problem) -> None:
        self.name: Final = name
        super().__init__(problem.type, problem.detail)


class Reception:
    """Receives the files of one request; see `receiving`."""

    def __init__(self, services: Services, tenant: str, stack: ExitStack) -> None:
        self._services = services
        self._tenant = tenant
        self._stack = stack
        self._file_store = FileStore(services.store, services.storage, services.offload)
        self._claimed: list[Claimed] = []

    def take(
        self,
        read: Callable[[int], bytes],
        *,
        name: str | None,
        declared: str | None,
        accepts: Accepts | None = None,
        length: int | None = None,
        check: CheckContent | None = None,
    ) -> Arrived:
        """Receive one file into the staging folder.

        Storage is reserved as it arrives, or at once if its length is known, so that concurrent
        uploads together never exceed the tenant's bound.

        Args:
            read: returns up to a number of bytes, none at the end.
            name: the client's name for it.
            declared: its declared media type.
            accepts: the accepted types and sizes; None for any.
            length: its length in bytes, if known.
            check: looks at its content; raises `ValueError` if it is not accepted.

        Raises:
            FileRefused: 400, 415 or 422; it is empty, or its type or content is not accepted.
            Problem: it did not arrive as it was sent.
            FileTooLarge, StorageFull, StorageUnavailable, StoreUnavailable: it was not received.
        """
        settings, accepts = self._services.settings, accepts or Accepts()
        bounds = (settings.max_file_bytes, accepts.max_bytes)
        most = min(bound for bound in bounds if bound is not None)
        if length is not None and length > most:
            raise FileTooLarge(f"A file may have at most {most} bytes here.")
        claimed = Claimed(new_file_id(), self._tenant, "upload", settings.tenant_storage_bytes)
        self._claimed.append(claimed)
        staged = self._staged()
        self._receive(read, claimed, staged, most=most, length=length)
        shown = safe_name(name)
        try:
            media_type = self._media_type(staged, declared, shown, accepts)
            if check is not None:
                self._services.offload(partial(_checked, staged, check))
        except Problem as problem:
            raise FileRefused(shown, problem) from problem
        return Arrived(claimed, staged, shown, media_type)

    def keep(self, arrived: Arrived) -> FileRecord:
        """Store a file, so that jobs can use it.

        Raises:
            StorageFull, StorageUnavailable, StoreUnavailable: it was not stored.
        """
        return keep_file(
            self._file_store,
            arrived.claimed,
            arrived.staged,
            name=arrived.name,
            media_type=arrived.media_type,
            ttl=self._services.settings.file_ttl,
        )

    def drop(self) -> None:
        """Remove all received files that no job uses, complete or not, as far as possible now.

        Files that stay because Redis is unavailable have a lease or a time to live.
        """
        for claimed in self._claimed:
            with suppress(CallboardError):
                remove_file(
                    self._services.store,
                    self._services.storage,
                    claimed.file_id,
                    offload=self._services.offload,
                    forced=True,
                )

    def _media_type(self, staged: Staged, declared: str | None, name: str, accepts: Accepts) -> str:
        if not staged.size:
            raise Problem(INVALID_FILE, "The file is empty.")
        media_type = self._services.offload(
            lambda: media_type_of(staged.read, staged.size, declared, name)
        )
        if not accepts.takes(media_type):
            taken = ", ".join(accepts.media_types)
            raise Problem(FILE_TYPE_NOT_ACCEPTED, f"The file is {media_type}; accepted: {taken}.")
        return media_type

    def _staged(self) -> Staged:
        file, offload = self._services.storage.stage(), self._services.offload
        staged = offload(file.__enter__)
        self._stack.callback(offload, lambda: file.__exit__(None, None, None))
        return staged

    def _receive(
        self,
        read: Callable[[int], bytes],
        claimed: Claimed,
        staged: Staged,
        *,
        most: int,
        length: int | None,
    ) -> None:
        reserved, renewed = length or 0, time.monotonic()
        reserve_file(self._services.store, claimed, reserved)
        while piece := read(PIECE_BYTES):
            size = staged.size + len(piece)
            if size > most:
                raise FileTooLarge(f"A file may have at most {most} bytes here.")
            if size > reserved:
                reserved, renewed = self._grow(claimed, size, most), time.monotonic()
            elif time.monotonic() - renewed > _RENEW_SECONDS:
                reserve_file(self._services.store, claimed, reserved)
                renewed = time.monotonic()
            self._services.offload(partial(staged.write, piece))

    def _grow(self, claimed: Claimed, size: int, most: int) -> int:
        """Reserve storage for what has arrived and some more, or at least for what has arrived."""
        more = min(most, size + _STEP_BYTES)
        try:
            reserve_file(self._services.store, claimed, more)
        except StorageFull:
            reserve_file(self._services.store, claimed, size)
            return size
        return more


def _checked(staged: Staged, check: CheckContent) -> None:
    with staged.path.open("rb") as content:
        try:
            check(content)
        except ValueError as error:
            raise Problem(INVALID_FILE, str(error)) from error


@contextmanager
def receiving(services: Services, req: Request) -> Iterator[Reception]:
    """Receive files; if this context ends with an error, remove them and their reservations.

    Raises:
        Problem: 503, too many uploads run.
    """
    with ExitStack() as stack:
        stack.enter_context(services.transfers.uploading(req))
        reception = Reception(services, req.context.caller.tenant, stack)
        try:
            yield reception
        except BaseException:
            reception.drop()
            raise
