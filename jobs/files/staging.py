"""Staging: local files and folders on their way to or from the storage."""

import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from obstore.exceptions import BaseError

from callboard.jobs.errors import StorageUnavailable

SWEEP_SECONDS: Final = 5.0
FOREIGN_SECONDS: Final = 24 * 60 * 60

# The whole name, since machines of one service often differ only at its end.
_HOST: Final = "".join(c if c.isalnum() else "_" for c in socket.gethostname())[:128]


@contextmanager
def translating() -> Iterator[None]:
    """Hide the message of a disk's or storage's error, which may contain addresses."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise StorageUnavailable("Files can be neither read nor written at the moment.") from error


@dataclass
class Staged:
    """A file that is being written; its size, digest and ends are known without reading it.

    Attributes:
        path: where it is.
        size: bytes so far.
        known: its digest in hexadecimal, if another process has computed it.
    """

    path: Path
    descriptor: int
    size: int = 0
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    known: str = ""

    def write(self, piece: bytes) -> None:
        """Add some bytes.

        Raises:
            StorageUnavailable: the disk is full or fails.
        """
        view = memoryview(piece)
        with translating():
            while view:
                view = view[os.write(self.descriptor, view) :]
        self._digest.update(piece)
        self.size += len(piece)

    def read(self, start: int, length: int) -> bytes:
        """Read back some of what was written; fewer bytes where it ends.

        Raises:
            StorageUnavailable: the disk fails.
        """
        with translating():
            return os.pread(self.descriptor, length, max(0, start))

    @property
    def sha256(self) -> str:
        """Return the digest of what was written, in hexadecimal digits."""
        return self.known or self._digest.hexdigest()


class Staging:
    """A folder for unfinished files.

    A writer holds a lock (flock), which ends with its process. What is not locked is
    removed when the next file is created, at most once in some seconds. Locks may not reach across
    machines that share the folder: what another machine made is left alone for a day.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder
        self._swept_at = -SWEEP_SECONDS

    @contextmanager
    def file(self) -> Iterator[Staged]:
        """Create a file and lock it; on leaving, remove it unless it was moved away.

        Raises:
            StorageUnavailable: the disk is full or fails.
        """
        path, descriptor = self._hold(
            lambda path: os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        )
        try:
            yield Staged(path, descriptor)
        finally:
            with suppress(FileNotFoundError):
                path.unlink()
            os.close(descriptor)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Create a folder and lock it; on leaving, remove it with its content.

        Raises:
            StorageUnavailable: the disk is full or fails.
        """

        def make(path: Path) -> int:
            path.mkdir(mode=0o700)
            return os.open(path, os.O_RDONLY | os.O_DIRECTORY)

        path, descriptor = self._hold(make)
        try:
            yield path
        finally:
            _remove_folder(path)
            os.close(descriptor)

    def sweep(self) -> None:
        """Remove what killed processes left behind."""
        self._swept_at = time.monotonic()
        with suppress(FileNotFoundError), os.scandir(self._folder()) as entries:
            for entry in entries:
                _sweep(Path(entry.path))

    @translating()
    def _hold(self, make: Callable[[Path], int]) -> tuple[Path, int]:
        if time.monotonic() - self._swept_at > SWEEP_SECONDS:
            self.sweep()
        folder = self._folder()
        while True:
            path = folder / f"{_HOST}-{secrets.token_hex(12)}"
            try:
                descriptor = make(path)
            except FileNotFoundError:  # no folder yet, or swept before it could be held
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                continue
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink and path.exists():
                return path, descriptor
            os.close(descriptor)


def _sweep(path: Path) -> None:
    try:
        ours = path.name.startswith(f"{_HOST}-")
        if not ours and time.time() - path.lstat().st_mtime < FOREIGN_SECONDS:
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # removed meanwhile, or not permitted
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            _remove_folder(path)
        else:
            path.unlink(missing_ok=True)
    except OSError:  # held by a running process
        pass
    finally:
        os.close(descriptor)


def _remove_folder(path: Path) -> None:
    """Remove a folder, also one in which a function has left folders that are read-only."""
    shutil.rmtree(path, ignore_errors=True)
    if not path.exists():
        return
    with suppress(OSError):
        path.chmod(stat.S_IRWXU)
    for folder, inner, _ in os.walk(path):
        for each in inner:
            within = Path(folder, each)
            if not within.is_symlink():
                with suppress(OSError):
                    within.chmod(stat.S_IRWXU)
    shutil.rmtree(path, ignore_errors=True)
