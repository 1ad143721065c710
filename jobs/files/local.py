"""Objects in a folder, which may be that of a disk or a network that is not there at the moment."""

import errno
import os
import shutil
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from callboard.jobs.errors import StorageUnavailable
from callboard.jobs.files.staging import Staging

STAGING: Final = ".staging"
_MARK: Final = ".callboard"
_MODE: Final = 0o600
_PIECE_BYTES: Final = 256 * 1024


class Opened:
    """An open file, which is closed with the last who reads it.

    Args:
        descriptor: is this object's from now on.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)

    def pieces(self, start: int, length: int | None) -> Iterator[bytes]:
        """Yield so many bytes from a start on; each piece when it is asked for.

        Raises:
            StorageUnavailable: the file is shorter than that.
            OSError: it cannot be read.
        """
        end = os.fstat(self._descriptor).st_size if length is None else start + length
        while start < end:
            piece = os.pread(self._descriptor, min(end - start, _PIECE_BYTES), start)
            if not piece:
                raise StorageUnavailable("The file is shorter than before.")
            start += len(piece)
            yield piece


class LocalFolder:
    """Keeps objects in a folder.

    The first who keeps something leaves a mark there. Where that is missing the folder is not the
    right one, as when a disk is not mounted: then nothing is gone, and nothing is kept.

    Args:
        root: gives the folder; nothing is made before the first use.
    """

    def __init__(self, root: Callable[[], Path]) -> None:
        self._root = root
        self._owned = False
        self._arriving = Staging(lambda: root() / STAGING)

    def own(self) -> None:
        """Make the folder and its mark, unless this process has seen them before.

        Raises:
            StorageUnavailable: they were there, and are not any more.
            OSError: they cannot be made.
        """
        if self.is_away():
            if self._owned:
                raise StorageUnavailable("The files folder does not exist.")
            self._root().mkdir(parents=True, exist_ok=True)
            (self._root() / _MARK).touch()
        self._owned = True

    def is_away(self) -> bool:
        """Return whether the folder is not mounted, so that its files are unknown."""
        return not (self._root() / _MARK).exists()

    def keep(self, path: Path, key: str) -> None:
        """Move a file here, for good.

        Raises:
            StorageUnavailable: the folder is away.
            OSError: it was not kept.
        """
        self.own()
        path.chmod(_MODE)
        target = self._root() / key
        try:
            _move(path, target)
        except OSError as error:
            if error.errno != errno.EXDEV:  # another file system, or another way to this one
                raise
            self._bring(path, target)

    def open(self, key: str) -> Opened:
        """Open an object; what is open can be read to its end even if it is removed meanwhile.

        Raises:
            StorageUnavailable: the folder is away.
            FileNotFoundError: the object is gone.
        """
        try:
            return Opened(os.open(self._root() / key, os.O_RDONLY))
        except FileNotFoundError as error:
            if self.is_away():
                raise StorageUnavailable("The files folder does not exist.") from error
            raise

    def remove(self, key: str) -> None:
        """Remove an object; one that is missing is fine.

        Raises:
            StorageUnavailable: the folder is away, and the object may still be in it.
            OSError: it is still there.
        """
        try:
            (self._root() / key).unlink()
        except FileNotFoundError as error:
            if self.is_away():
                raise StorageUnavailable("The files folder does not exist.") from error

    def sweep(self) -> None:
        """Remove what killed processes have left of files on their way here."""
        self._arriving.sweep()

    def _bring(self, path: Path, target: Path) -> None:
        """Copy a file that cannot be moved; it is not visible until it is complete."""
        with self._arriving.file() as near:
            shutil.copyfile(path, near.path)
            _move(near.path, target)
        with suppress(FileNotFoundError):
            path.unlink()


def _move(path: Path, target: Path) -> None:
    """Move a file within one file system, for good."""
    if not target.parent.is_dir():
        target.parent.mkdir(exist_ok=True)
        _flush(target.parent.parent)
    _flush(path)
    path.replace(target)
    _flush(target.parent)


def _flush(path: Path) -> None:
    """Let what is in a file or folder reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
