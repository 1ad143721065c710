"""The result of a job, as data or as a file."""

import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from hashlib import sha256
from typing import Any, Final, TypeAlias

import falcon

from callboard.api.compression import COMPRESS_ABOVE_BYTES, coding_for, compress
from callboard.api.description import ResponseDescription, describe
from callboard.api.files.download_description import ANY, AS_FILE, PARAMETERS, REFUSALS, downloads
from callboard.api.files.downloads import Content, Downloads
from callboard.api.files.result_files import file_of, with_addresses
from callboard.api.jobs.render import job_error, job_reference
from callboard.api.jobs.responder import JobReader, JobResponder
from callboard.api.media import Media
from callboard.api.problems import table
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import DOWNLOADS_FULL, JOB_NOT_FINISHED, NO_RESULT
from callboard.api.request import Request, holders_of
from callboard.api.services import Services
from callboard.jobs.errors import FileNotFound, JobGone, JobNotFinished, StorageUnavailable
from callboard.jobs.files.records import FileRecord, read_file
from callboard.jobs.files.storage import PIECE_BYTES
from callboard.jobs.offload import Offload, at_once
from callboard.jobs.record import Record
from callboard.jobs.results import read_result

Read: TypeAlias = Callable[[int, int], Iterator[bytes]]

_MAX_LARGE: Final = 2
"""How many large results one process reads and encodes at a time; others wait."""

_SMALL_BYTES: Final = 64 * 1024
"""So much is written, compressed and sent before anybody notices."""


class ResultResource:
    """The result of one job: `/v1/jobs/{job_id}/result`."""

    def __init__(
        self,
        services: Services,
        reader: JobReader,
        answers: JobResponder,
        media: Media,
        downloads: Downloads,
    ) -> None:
        self._services = services
        self._reader = reader
        self._answers = answers
        self._media = media
        self._downloads = downloads
        self._turns = threading.BoundedSemaphore(_MAX_LARGE)
        self._aside = services.aside

    @describe(
        id="getResult",
        tag="Jobs",
        summary="Fetch a result",
        description="Returns the operation's result: data or, if the result is a single file, "
        "that file with its own media type.",
        parameters=(*PARAMETERS, "Accept-Encoding"),
        responses=downloads(
            ResponseDescription(
                description="The result.",
                schema="AnyResult",
                also={ANY: "Bytes"},
                optional_headers=("Vary", "Content-Encoding", *AS_FILE),
            )
        ),
        problems=(
            table.JOB_NOT_FOUND,
            table.JOB_GONE,
            table.JOB_NOT_FINISHED,
            table.NO_RESULT,
            *REFUSALS,
        ),
    )
    def on_get(self, req: Request, resp: falcon.Response, job_id: str) -> None:
        """Return the result; a job that ended without one is a 409 with its error."""
        record = self._reader.read(job_id, req.context.caller)
        check_has_result(req, record, self._answers)
        try:
            self._send(req, resp, record)
        except (FileNotFound, JobNotFinished) as error:  # it was just removed
            raise JobGone(f"The result of job {record.id} is gone.") from error

    on_head = on_get

    def _send(self, req: Request, resp: falcon.Response, record: Record) -> None:
        small = record.result_file is None and (record.result_bytes or 0) <= _SMALL_BYTES
        # Decoded data takes many times the memory of its encoding.
        with nullcontext() if small else self._turns:
            found = self._found(req, record, at_once if small else self._services.offload)
        if isinstance(found, Content):
            self._downloads.send(req, resp, found)
        else:
            self._downloads.send_file(req, resp, found)

    def _found(self, req: Request, record: Record, offload: Offload) -> Content | FileRecord:
        services, value = self._services, record.result
        if value is None:  # or null
            value = read_result(services.store, record.id, services.storage, offload=offload)
        if (file_id := file_of(value, record.result_files)) is not None:
            return read_file(services.store, file_id, tenant=record.tenant)
        return offload(lambda: self._written(req, record, value))

    def _written(self, req: Request, record: Record, value: Any) -> Content:
        shown = value
        if record.result_files:
            shown = with_addresses(value, record.result_files, req.context.urls)
        media_type = self._media.choose(req)
        body = self._media.written(shown, media_type)
        small = len(body) <= COMPRESS_ABOVE_BYTES
        coding = coding_for(req.get_header("Accept-Encoding") or "", small=small)
        if coding is not None:
            body = compress(body, coding)
        return Content(
            read=self._kept(req, body),
            size=len(body),
            sha256=sha256(body).hexdigest(),
            media_type=media_type,
            vary="Accept, Accept-Encoding",
            coding=coding,
            small=len(body) <= _SMALL_BYTES,
        )

    def _kept(self, req: Request, body: bytes) -> Read:
        """Write a large body for a slow client to disk, if possible.

        Raises:
            Problem: 503, too much is stored for other clients.
        """
        if len(body) > PIECE_BYTES:
            holders, size = holders_of(req), len(body)
            if not self._aside.take(holders, count=size):
                raise Problem(
                    DOWNLOADS_FULL, "Too many downloads are in progress. Try again later."
                )
            req.context.held.append(lambda: self._aside.free(holders, count=size))
            with suppress(StorageUnavailable):
                return self._services.storage.put_aside(body)
        return lambda start, length: iter((body[start : start + length],))


def check_has_result(req: Request, record: Record, answers: JobResponder) -> None:
    """Check that a job has a result to send.

    Raises:
        Problem: 409, the job is not final, or ended without a result.
    """
    urls, operator = req.context.urls, req.context.caller.may("operator")
    reference = job_reference(record.id, record.status, urls)
    if not record.final:
        raise Problem(
            JOB_NOT_FINISHED,
            f"The job is {record.status}.",
            headers=answers.waiting(record),
            members={"job": reference},
        )
    if not record.has_result:
        error = job_error(record, urls, for_operator=operator)
        raise Problem(
            NO_RESULT,
            error["detail"] if error else f"The job was {record.status}.",
            members={"job": reference, "error": error},
        )
