"""The folder of one attempt, where its function finds the files it takes and makes its own."""

import os
import re
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Final, Protocol, TypeVar

from callboard.jobs.files.file import File
from callboard.jobs.files.names import check_media_type, check_name, guess_media_type

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]|^[.-]+")
_MAX_PATH_NAME_LENGTH: Final = 100

Answer = TypeVar("Answer")


class RetryUntilAnswered(Protocol):
    """Asks Redis until it answers."""

    def __call__(self, ask: Callable[[], Answer], /) -> Answer:
        """Return the answer; asking again after a lost reply is safe."""


class RunFiles:
    """Hands out places in one folder, which is made when the first one is asked for.

    Args:
        hold: makes the folder and removes it with all that is in it; None makes a temporary one
            that goes with this object.
        prefix: begins the names of its places, where two share a folder.
    """

    def __init__(
        self, hold: Callable[[], AbstractContextManager[Path]] | None = None, *, prefix: str = ""
    ) -> None:
        self._hold = hold
        self._prefix = prefix
        self._held = ExitStack()
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._count = 0

    def new(self, name: str, media_type: str | None = None) -> File:
        """Make a file to write to, at its `path`; it is kept if the function returns it.

        Args:
            name: what callers see, such as `mesh.ply`; no path.
            media_type: of what will be in it; by default what the name says.

        Raises:
            ValueError: name or media type can be none.
            StorageUnavailable: the disk is full or fails.
        """
        check_name(name)
        kind = check_media_type(media_type or guess_media_type(name))
        return File(name=name, media_type=kind, path=self.place(name), home=self)

    def place(self, name: str) -> Path:
        """Return a path that nothing else has, whatever the name; it ends as the name does.

        Raises:
            StorageUnavailable: the disk is full or fails.
        """
        with self._lock:
            if self._folder is None:
                self._folder = self._make()
            self._count += 1
            own = self._folder / f"{self._prefix}{self._count}"
        own.mkdir(mode=0o700)
        return own / (_UNSAFE.sub("_", name)[-_MAX_PATH_NAME_LENGTH:] or "file")

    def there(self) -> Path:
        """Return the folder itself, made by now.

        Raises:
            StorageUnavailable: the disk is full or fails.
        """
        with self._lock:
            if self._folder is None:
                self._folder = self._make()
            return self._folder

    def leads_out(self, path: Path) -> bool:
        """Return whether a path in the folder comes, by a link, to something that is not there."""
        if self._folder is None:
            return False
        named = Path(os.path.abspath(path))  # noqa: PTH100 — links are to stay as they are
        places = (self._folder, self._folder.resolve())
        inside = any(named.is_relative_to(place) for place in places)
        return inside and not path.resolve().is_relative_to(places[1])

    def holds(self, path: Path) -> bool:
        """Return whether a file is in the folder itself, and nowhere else by another name."""
        if self._folder is None or path.is_symlink() or not path.is_file():
            return False
        inside = path.resolve().is_relative_to(self._folder.resolve())
        return inside and path.stat().st_nlink == 1

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        with self._lock:
            self._folder = None
            self._held.close()

    def _make(self) -> Path:
        if self._hold is not None:
            return self._held.enter_context(self._hold())
        path = tempfile.mkdtemp(prefix="callboard-run-")
        self._held.callback(weakref.finalize(self, shutil.rmtree, path, ignore_errors=True))
        return Path(path)
