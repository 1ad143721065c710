"""Check the files that a submission names, before it is recorded."""

from collections.abc import Callable, Mapping, Sequence

from callboard.jobs.errors import InvalidParameters
from callboard.jobs.files.file import MAX_FILES
from callboard.jobs.files.parameters import FileUse
from callboard.jobs.files.records import FileRecord
from callboard.jobs.pauses import with_pauses
from callboard.jobs.validation_errors import first_of

LookUp = Callable[[Sequence[str]], Sequence[FileRecord | None]]
"""Finds the files of one tenant by their ids; None for one that it has not."""


def check_files(uses: Sequence[FileUse], look_up: LookUp) -> Mapping[str, FileRecord]:
    """Check that each file is there and is what its parameter accepts.

    Returns:
        Their records, by their ids.

    Raises:
        InvalidParameters: some are not; each error has a JSON Pointer.
        StoreUnavailable: they cannot be looked up.
    """
    file_ids = list(dict.fromkeys(use.file_id for use in uses))
    if len(file_ids) > MAX_FILES:
        raise InvalidParameters([("", f"more than {MAX_FILES} files are named")])
    found = dict(zip(file_ids, look_up(file_ids), strict=True))
    wrong = []
    for use in with_pauses(uses):
        file = found[use.file_id]
        if file is None or file.kind == "result":
            wrong.append((use.pointer, f"there is no file {use.file_id}"))
        elif complaint := use.accepts.complaint(file.media_type, file.size):
            wrong.append((use.pointer, f"the file {complaint}"))
    if wrong:
        raise InvalidParameters(first_of(wrong))
    return {file_id: file for file_id, file in found.items() if file}
