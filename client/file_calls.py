"""The calls about files: upload, look, download, remove."""

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
    """What can be asked about files."""

    def upload(
        self,
        source: Source,
        *,
        name: str | None = None,
        media_type: str | None = None,
        on_bytes: OnBytes | None = None,
    ) -> UploadedFile:
        """Upload a file, whose id can be a parameter of jobs.

        It is sent bit by bit, so it may be larger than the memory. When an answer is lost it is
        sent again; the first copy then goes by itself.

        Args:
            source: a path, or a file opened for reading bytes.
            name: what it is called; by default as the source is.
            media_type: of what is in it; by default the server looks.
            on_bytes: called with how many bytes went, and of how many.

        Raises:
            FileDamaged: the server has other bytes than were sent.
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
        """Look at an uploaded file."""
        path = f"/v1/files/{segment(file_id)}"
        return UploadedFile.of(self._read("GET", path, *UploadedFile.members()))

    def files(self) -> Iterator[UploadedFile]:
        """Yield uploaded files, newest first; further pages are fetched when they are wanted."""
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
        """Download a file, and give its path.

        What breaks off goes on where it was, also by a later call with the same path; what came
        is checked against the file's SHA-256 before it stands at its path.

        Args:
            file: what `upload` gave, or a file in a result, or the id of a job whose result is
                one file; that job is waited for.
            to: a path, where a file is replaced; or a folder, where it gets its own name, with a
                number if there is another one of that name.
            on_bytes: called with how many bytes came, and of how many.

        Raises:
            FileDamaged: what came is not the file, twice.
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
