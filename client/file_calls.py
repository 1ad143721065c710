"""The calls about files: upload, read, download, remove."""

from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from callboard.client.connection import segment, target
from callboard.client.download import Download
from callboard.client.errors import FileDamaged
from callboard.client.files import (
    OCTETS,
    OnBytes,
    Outgoing,
    Source,
    UploadedFile,
    free_path,
    is_file,
    opened,
    size_of,
)
from callboard.client.job_calls import JobCalls


class FileCalls(JobCalls):
    """The calls about files."""

    def upload(
        self,
        source: Source,
        *,
        name: str | None = None,
        media_type: str | None = None,
        on_bytes: OnBytes | None = None,
    ) -> UploadedFile:
        """Upload a file, whose id can be a parameter of jobs.

        It is sent in pieces, so it may be larger than memory. If the response is lost, it is
        sent again; the first copy then expires.

        Args:
            source: a path, or a file opened for reading bytes.
            name: its name; by default that of the source.
            media_type: its media type; by default the server detects it.
            on_bytes: called with the number of bytes sent, and the total.

        Raises:
            FileDamaged: the server received other bytes than were sent.
            OSError: it cannot be read.
        """
        with opened(source) as (file, own_name):
            body = Outgoing(file, size_of(file), on_bytes)
            headers = {"Content-Type": media_type or OCTETS, "Content-Length": str(body.size)}
            called = name or own_name
            response = self._transport.ask(
                "POST",
                "/v1/files",
                params={"name": called} if called else {},
                headers=headers,
                content=body,
            )
        uploaded = UploadedFile.of(self._transport.document(response, *UploadedFile.members()))
        if uploaded.sha256 != body.sha256:
            raise FileDamaged(
                f"{called or uploaded.id} arrived damaged at the server; upload it again."
            )
        return uploaded

    def file(self, file_id: str) -> UploadedFile:
        """Read the metadata of an uploaded file."""
        path = f"/v1/files/{segment(file_id)}"
        return UploadedFile.of(self._read("GET", path, *UploadedFile.members()))

    def files(self) -> Iterator[UploadedFile]:
        """Yield uploaded files, newest first; further pages are fetched as needed."""
        return (UploadedFile.of(each) for each in self._pages("/v1/files", {"limit": "100"}))

    def remove_file(self, file_id: str) -> None:
        """Remove an uploaded file that no job uses."""
        self._transport.ask("DELETE", f"/v1/files/{segment(file_id)}")

    def download(
        self,
        file: UploadedFile | Mapping[str, Any] | str,
        *,
        to: str | PathLike[str],
        on_bytes: OnBytes | None = None,
    ) -> Path:
        """Download a file, and return its path.

        An interrupted download is resumed, also by a later call with the same path; the bytes
        are verified against the file's SHA-256 before the file is at its path.

        Args:
            file: the result of `upload`, or a file in a result, or the id of a job whose result is
                one file; this waits for the job.
            to: a path, where a file is replaced; or a folder, where it keeps its name, with a
                number if that name exists.
            on_bytes: called with the number of bytes received, and the total.

        Raises:
            FileDamaged: the bytes did not match their digest, twice.
            JobFailed: the job ended without a result.
            ValueError: the job's result is not one file.
            OSError: it cannot be written.
        """
        if isinstance(file, str):
            file = self._only_file(file)
        if isinstance(file, UploadedFile):
            path, name, sha256 = f"/v1/files/{segment(file.id)}/content", file.name, file.sha256
        else:
            path, name, sha256 = target(file["href"]), file["name"], file["sha256"]
        chosen = Path(to)
        if chosen.is_dir():
            chosen = free_path(chosen, name)
        return Download(self._transport, path, chosen, sha256=sha256, on_bytes=on_bytes).run()

    def _only_file(self, job_id: str) -> Mapping[str, Any]:
        result = self.result(job_id)
        if not is_file(result):
            raise ValueError(f"The result of job {job_id} is not one file.")
        found: Mapping[str, Any] = result
        return found
