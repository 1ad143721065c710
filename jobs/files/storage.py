"""The file storage: a folder, or a bucket of S3 or a compatible service."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import S3Store

from callboard.jobs.errors import FileNotFound, StorageUnavailable
from callboard.jobs.files.local import STAGING, LocalFolder, Opened
from callboard.jobs.files.staging import Staged, Staging, translating

if TYPE_CHECKING:
    from obstore.store import RetryConfig

PIECE_BYTES: Final = 1024**2
_PART_BYTES: Final = 5 * 1024**2
_FETCHED_BYTES: Final = 8 * 1024**2
_RETRIES: Final["RetryConfig"] = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}


class Storage:
    """Stores objects by keys that are derived from ids, and stages unfinished files.

    It does not connect or create a folder before the first use. All methods block: a web
    process under gevent calls it through `Services.offload`.

    Args:
        url: a folder's path or `file:///` address, `s3://bucket/prefix`, or None for a temporary
            folder that goes with this process.
        staging: the local folder of what is not finished; by default `.staging` in the storage's
            folder, else in the system's temporary one.
    """

    def __init__(self, url: str | None, staging: Path | None = None) -> None:
        # Made absolute: a function may change its process's working folder.
        self._url = url if url is None or "://" in url else str(Path(url).absolute())
        self._staging_folder = None if staging is None else staging.absolute()
        self._staging = Staging(self._staged_in)

    @contextmanager
    def stage(self) -> Iterator[Staged]:
        """Hold a new local file, which is removed on leaving unless it was kept.

        Raises:
            StorageUnavailable: the disk is full or fails, or the storage is away.
        """
        with translating():
            if self._local is not None:
                self._local.own()
        with self._staging.file() as staged:
            yield staged

    def put_aside(self, body: bytes) -> Callable[[int, int], Iterator[bytes]]:
        """Write bytes to disk, where they stay as long as their reader.

        Returns:
            What gives so many bytes from a start on, in pieces.

        Raises:
            StorageUnavailable: the disk is full or fails, or the storage is away.
        """
        with self.stage() as staged:
            staged.write(body)
            return Opened(os.dup(staged.descriptor)).pieces

    def folder(self) -> AbstractContextManager[Path]:
        """Hold a new local folder, which is removed on leaving, or once its process is dead.

        Raises:
            StorageUnavailable: the disk is full or fails.
        """
        return self._staging.folder()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The local folders that it writes to, which may not be there before the first use."""
        return (self._staged_in(),) if self._root is None else (self._root, self._staged_in())

    @property
    def is_unused(self) -> bool:
        """Whether it is a folder that was never used, or that is not mounted."""
        return self._local is not None and self._local.is_away()

    def sweep(self) -> None:
        """Remove what killed processes have left in the staging folder."""
        self._staging.sweep()
        if self._staging_folder is not None and self._local is not None:
            self._local.sweep()

    def keep(self, path: Path, key: str) -> None:
        """Move a local file into the storage, completely and durably or not at all.

        A repeat with the same bytes is safe.

        Raises:
            StorageUnavailable: it was not stored.
        """
        with translating():
            if self._local is not None:
                self._local.keep(path, key)
                return
            obstore.put(self._objects, key, path, chunk_size=_PART_BYTES, max_concurrency=2)
            path.unlink(missing_ok=True)

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield an object's bytes in pieces of at most 1 MiB; each is asked for when it is wanted.

        Args:
            key: which object.
            start: the first byte, from 0.
            length: how many bytes, within the object; None for all that follow.

        Raises:
            FileNotFound: it is gone.
            StorageUnavailable: it cannot be read now.
        """
        if self._local is not None:
            with _reading():
                # Errors are raised with the first piece, as from a bucket.
                yield from self._local.open(key).pieces(start, length)
            return
        with _reading():
            if length is None:
                length = obstore.head(self._objects, key)["size"] - start
        end = start + length
        while start < end:
            piece = self._piece(key, start, min(end, start + PIECE_BYTES))
            start += len(piece)
            yield piece

    def fetch(self, key: str, path: Path) -> None:
        """Copy an object into a local file.

        Raises:
            FileNotFound: it is gone.
            StorageUnavailable: it cannot be read now.
        """
        with _reading():
            if self._local is not None:
                source = self._local.open(key)
                with path.open("wb") as copy:
                    copy.writelines(source.pieces(0, None))
                return
            size = obstore.head(self._objects, key)["size"]
            with path.open("wb") as file:
                # Each request has a time limit, too short for a whole large object.
                for start in range(0, size, _FETCHED_BYTES):
                    file.write(self._piece(key, start, min(size, start + _FETCHED_BYTES)))

    def remove(self, key: str) -> None:
        """Remove an object; one that is missing is fine.

        Raises:
            StorageUnavailable: it may still exist.
        """
        with translating():
            if self._local is not None:
                self._local.remove(key)
                return
            with suppress(FileNotFoundError):
                obstore.delete(self._objects, key)

    def close(self) -> None:
        """Remove what goes with this process."""
        if self._url is None and "_root" in self.__dict__:
            self._temporary.cleanup()

    @cached_property
    def _temporary(self) -> "tempfile.TemporaryDirectory[str]":
        return tempfile.TemporaryDirectory(prefix="callboard-")

    @cached_property
    def _root(self) -> Path | None:
        """Return the storage's folder; None for a bucket."""
        if self._url is None:
            return Path(self._temporary.name)
        parts = urlsplit(self._url)
        if parts.scheme == "s3":
            return None
        path = unquote(parts.path) if parts.scheme == "file" else self._url
        return Path(path)

    @cached_property
    def _local(self) -> LocalFolder | None:
        """Return what keeps objects in a folder; None for a bucket."""
        return None if self._root is None else LocalFolder(lambda: self._root or Path())

    @cached_property
    def _objects(self) -> S3Store:
        # Given options would replace those of the environment, such as AWS_ALLOW_HTTP.
        return S3Store.from_url(str(self._url), retry_config=_RETRIES)

    def _staged_in(self) -> Path:
        if self._staging_folder is not None:
            return self._staging_folder.absolute()
        return _own_temporary() if self._root is None else self._root / STAGING

    def _piece(self, key: str, start: int, end: int) -> bytes:
        with _reading():
            piece = bytes(obstore.get_range(self._objects, key, start=start, end=end))
        if not piece:
            raise StorageUnavailable("The file is shorter than before.")
        return piece


@contextmanager
def _reading() -> Iterator[None]:
    with translating():
        try:
            yield
        except FileNotFoundError as error:
            raise FileNotFound("This file is gone.") from error


def _own_temporary() -> Path:
    """Create a folder in a shared place, which no other user can write to."""
    folder = Path(tempfile.gettempdir()) / f"callboard-{os.geteuid()}{STAGING}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not mine or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StorageUnavailable("The staging folder is also used by another storage.")
    return folder
