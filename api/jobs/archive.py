"""The files of a job's result as one ZIP archive."""

import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import count
from pathlib import PurePosixPath
from typing import Final

import falcon

from callboard.api.description import ResponseDescription, describe
from callboard.api.files.download_description import AS_FILE
from callboard.api.files.downloads import Content, Downloads, plain_name
from callboard.api.files.zip_stream import Member, archive_pieces, archive_size
from callboard.api.jobs.responder import JobReader, JobResponder
from callboard.api.jobs.result import check_has_result
from callboard.api.problems import table
from callboard.api.request import Request
from callboard.api.services import Services
from callboard.jobs.errors import FileNotFound, JobGone
from callboard.jobs.files.records import FileRecord, read_files
from callboard.jobs.record import Record

ZIP: Final = "application/zip"
_FOREIGN: Final = re.compile(r'[<>:"|?*]')
"""Characters that file names have on some systems alone."""


class ArchiveResource:
    """All files of one job's result: `/v1/jobs/{job_id}/archive`."""

    def __init__(
        self, services: Services, reader: JobReader, answers: JobResponder, downloads: Downloads
    ) -> None:
        self._services = services
        self._reader = reader
        self._answers = answers
        self._downloads = downloads

    @describe(
        id="getArchive",
        tag="Jobs",
        summary="Download all files of a result",
        description="Returns the files of the result as one uncompressed ZIP archive, which is "
        "created as it is sent. Equal names get a number. Ranges are not supported; download "
        "single files to resume.",
        parameters=("If-None-Match", "If-Match"),
        responses={
            200: ResponseDescription(
                description="The archive.",
                schema="Bytes",
                media=(ZIP,),
                headers=("ETag", *AS_FILE),
            ),
            304: ResponseDescription(
                description="The client's copy is current.", headers=("ETag",)
            ),
        },
        problems=(
            table.JOB_NOT_FOUND,
            table.JOB_GONE,
            table.JOB_NOT_FINISHED,
            table.NO_RESULT,
            table.FILE_NOT_FOUND,
            table.PRECONDITION_FAILED,
            table.DOWNLOADS_FULL,
            table.STORAGE_UNAVAILABLE,
        ),
    )
    def on_get(self, req: Request, resp: falcon.Response, job_id: str) -> None:
        """Send the archive; a result without files is a 404."""
        record = self._reader.read(job_id, req.context.caller, inline_bytes=0)
        check_has_result(req, record, self._answers)
        if not record.result_files:
            raise FileNotFound("The result of this job has no files.")
        try:
            files = self._files(record)
            self._downloads.send(req, resp, self._content(record, files))
        except FileNotFound as error:  # they were just removed
            raise JobGone(f"The result of job {record.id} is gone.") from error

    on_head = on_get

    def _files(self, record: Record) -> list[FileRecord]:
        found = read_files(self._services.store, record.result_files, tenant=record.tenant)
        files = [file for file in found if file is not None]
        if len(files) < len(found):
            raise FileNotFound("A file of the result is gone.")
        return files

    def _content(self, record: Record, files: Sequence[FileRecord]) -> Content:
        names = unique_names([file.name for file in files])
        members = [
            Member(name, file.size, file.created_at, self._reading(file))
            for name, file in zip(names, files, strict=True)
        ]
        told = [
            (each.name, file.sha256, str(file.created_at))
            for each, file in zip(members, files, strict=True)
        ]
        return Content(
            read=lambda _start, _length: archive_pieces(members),
            size=archive_size(members),
            sha256=None,
            version=sha256(repr(told).encode()).hexdigest(),
            media_type=ZIP,
            name=f"{record.operation}-{record.id}.zip",
        )

    def _reading(self, file: FileRecord) -> Callable[[], Iterator[bytes]]:
        return lambda: self._services.storage.read(file.object, 0, file.size)


def unique_names(names: Sequence[str]) -> list[str]:
    """Return names that are unique, whatever their case, and that any system can extract.

    Args:
        names: of files; they may be equal, or have been made on another system.
    """
    taken: set[str] = set()
    return [_unique(_safe(name), taken) for name in names]


def _safe(name: str) -> str:
    plain = _FOREIGN.sub("_", plain_name(name)).rstrip(" .")
    return plain or "file"


def _unique(name: str, taken: set[str]) -> str:
    path = PurePosixPath(name)
    numbered = (f"{path.stem}-{number}{path.suffix}" for number in count(2))
    while name.casefold() in taken:
        name = next(numbered)
    taken.add(name.casefold())
    return name
