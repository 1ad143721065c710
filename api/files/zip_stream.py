"""Writes a ZIP archive piece by piece, neither on disk nor in memory, with a size that is known."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from callboard.jobs.errors import StorageUnavailable

_LIMIT: Final = zipfile.ZIP64_LIMIT
_MANY: Final = zipfile.ZIP_FILECOUNT_LIMIT
# Bytes of each record beside names (APPNOTE.TXT of PKWARE, section 4.3). Each file has sizes of 64
# bits and a data descriptor, so that these do not depend on its content.
_LOCAL: Final = 30 + 20
_DESCRIPTOR: Final = 24
_CENTRAL: Final = 46
_END: Final = 22
_END_64: Final = 56 + 20


@dataclass(frozen=True)
class Member:
    """One file of an archive.

    Attributes:
        name: unique within the archive, and safe to extract.
        size: in bytes.
        modified_at: the time that extracting gives it.
        read: yields its bytes in pieces.
    """

    name: str
    size: int
    modified_at: datetime
    read: Callable[[], Iterator[bytes]]


def archive_size(members: Sequence[Member]) -> int:
    """Return the size in bytes of the archive that `archive_pieces` yields."""
    offset = directory = 0
    for member in members:
        name = len(member.name.encode())
        large = 2 * (member.size > _LIMIT) + (offset > _LIMIT)
        directory += _CENTRAL + name + (4 + 8 * large if large else 0)
        offset += _LOCAL + name + member.size + _DESCRIPTOR
    is_large = len(members) > _MANY or offset > _LIMIT or directory > _LIMIT
    return offset + directory + _END + (_END_64 if is_large else 0)


def archive_pieces(members: Sequence[Member]) -> Iterator[bytes]:
    """Yield an archive of uncompressed files; equal members make equal bytes.

    The first piece contains bytes of the first file that is not empty, so an error in reading it is
    raised before anything is yielded.

    Raises:
        FileNotFound: a file is gone.
        StorageUnavailable: a file cannot be read now, or does not have its size.
    """
    written = _Written()
    with zipfile.ZipFile(written, "w") as archive:  # type: ignore[call-overload]  # it has no seek
        for member in members:
            info = zipfile.ZipInfo(member.name, member.modified_at.timetuple()[:6])
            info.external_attr = 0o644 << 16
            left = member.size
            with archive.open(info, "w", force_zip64=True) as entry:
                for piece in member.read():
                    left -= len(piece)
                    if left < 0:
                        break
                    entry.write(piece)
                    yield written.take()
            if left:
                raise StorageUnavailable("A stored file does not have its recorded size.")
    yield written.take()


class _Written:
    """What was written since it was last taken; without `seek`, so that nothing is rewritten."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Do nothing: there is nothing behind it."""

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken
