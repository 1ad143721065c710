"""Records outside Redis that keys are required, so that losing Redis grants no access."""

from contextlib import suppress
from typing import Final

from callboard.jobs.errors import FileNotFound
from callboard.jobs.files.storage import Storage
from callboard.jobs.offload import Offload, at_once

_SAYS: Final = b"Callboard: API keys were made here. Without any in Redis nobody is let in.\n"


class KeyMemory:
    """A mark in the file storage, which web processes share and no flush of Redis removes.

    Args:
        storage: the storage of the installation.
        namespace: the namespace of the installation.
        offload: runs what blocks.
    """

    def __init__(self, storage: Storage, namespace: str, offload: Offload = at_once) -> None:
        self._storage = storage
        self._key: Final = f"keys-required/{namespace}"
        self._offload = offload

    def is_marked(self) -> bool:
        """Return whether keys were required once.

        Raises:
            StorageUnavailable: it is unknown.
        """
        return self._offload(self._is_marked)

    def mark(self) -> None:
        """Record it; a repeat is safe.

        Raises:
            StorageUnavailable: it may not be recorded.
        """
        self._offload(self._mark)

    def clear(self) -> None:
        """Remove the mark, since an operator revoked the last key on purpose.

        Raises:
            StorageUnavailable: the mark may still exist.
        """
        if not self._storage.is_unused:
            self._offload(lambda: self._storage.remove(self._key))

    def _is_marked(self) -> bool:
        if self._storage.is_unused:
            return False
        with suppress(FileNotFound):
            return bool(list(self._storage.read(self._key)))
        return False

    def _mark(self) -> None:
        with self._storage.stage() as staged:
            staged.write(_SAYS)
            self._storage.keep(staged.path, self._key)
