"""Finalize the files in a result: from then on each has an id, a size and a digest."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from callboard.jobs.errors import ResultNotSerialisable, ResultTooLarge
from callboard.jobs.files.file import MAX_FILES, File
from callboard.jobs.files.folder import RunFiles
from callboard.jobs.files.records import new_file_id
from callboard.jobs.files.staging import Staged


@dataclass(frozen=True)
class FinalizedFiles:
    """The files in a result.

    Attributes:
        new: those that the function made, with their bytes.
        named: the ids of all of them.
    """

    new: Sequence[tuple[File, Staged]] = ()
    named: Sequence[str] = ()


def finalize_files(files: Sequence[File], folder: RunFiles, *, max_bytes: int) -> FinalizedFiles:
    """Give each file in a result its id, size and digest; from here on it must not change.

    Args:
        files: also several times the same.
        folder: of the attempt.
        max_bytes: that all new ones may take together.

    Raises:
        ResultNotSerialisable: one was never written.
        ResultTooLarge: they are too large together, or too many.
    """
    new: list[tuple[File, Staged]] = []
    for file in {id(each): each for each in files}.values():
        if not file.id:
            staged = _measured(file, folder)
            file.id = new_file_id()
            file.finalize(size=staged.size, sha256=staged.sha256)
            new.append((file, staged))
    named = list(dict.fromkeys(file.id for file in files))
    if len(named) > MAX_FILES:
        raise ResultTooLarge(
            f"The result names {len(named)} files; {MAX_FILES} are allowed.", retryable=False
        )
    size = sum(staged.size for _, staged in new)
    if size > max_bytes:
        raise ResultTooLarge(
            f"The files in the result take {size} bytes; {max_bytes} are allowed.",
            retryable=False,
        )
    return FinalizedFiles(new, named)


def _measured(file: File, folder: RunFiles) -> Staged:
    path = file.path or Path()
    if folder.leads_out(path):
        raise ResultNotSerialisable(
            f"The file {file.name!r} in the result is not a plain file in the folder of its run.",
            retryable=False,
        )
    if not path.is_file():
        raise ResultNotSerialisable(
            f"The file {file.name!r} in the result was never written.", retryable=False
        )
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
    return Staged(path, -1, path.stat().st_size, digest)
