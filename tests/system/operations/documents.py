"""Operations that read and create files."""

import io
import os
import random
import signal
import zipfile
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel

from callboard import Accepts, Failure, File, Job, operation

Text = Annotated[File, Accepts(media_types=("text/*",), max_bytes=64 * 1024)]


class Report(BaseModel):
    """What was found in a document."""

    words: int
    files: dict[str, File]


@operation
def examine(document: Text, *, job: Job) -> Report:
    """Count words, and write a mesh, a summary and an archive of both."""
    assert document.path is not None
    text = document.path.read_text()
    mesh = _written(job, "mesh.ply", b"ply\n" + bytes(range(256)) * 40, "application/x-ply")
    summary = _written(job, "summary.md", f"# {document.name}\n".encode())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for file in (mesh, summary):
            assert file.path is not None
            zipped.write(file.path, file.name)
    packed = _written(job, "all.zip", archive.getvalue())
    return Report(
        words=len(text.split()),
        files={"mesh": mesh, "summary": summary, "all": packed, "from": document},
    )


@operation
async def copy(document: File, *, job: Job) -> File:
    """Return a copy."""
    with document.open() as stream:
        return _written(job, f"copy of {document.name}", stream.read())


@operation(max_retries=2, backoff="10ms..20ms")
def read_again(document: File, *, job: Job) -> dict[str, Any]:
    """Fail first and leave a file in the folder, which the next attempt must not see."""
    assert document.path is not None
    folder = document.path.parent.parent
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    _written(job, "left.txt", b"over")
    if job.attempt <= 2:
        raise Failure("again")
    mode = oct(document.path.stat().st_mode & 0o777)
    return {"found": found, "sha256": document.sha256, "folder": str(folder), "mode": mode}


@operation(max_retries=1, backoff="1s..1s")
def read_patiently(document: File) -> int:
    """Read a file, and retry once."""
    return document.size


@operation(unique=True)
def read_once(document: File) -> int:
    """Run one job at a time for each content."""
    return document.size


@operation
def merge(documents: list[Text], cover: File | None = None) -> str:
    """Join texts."""
    files = [*documents, *([cover] if cover else [])]
    return "".join(file.path.read_text() for file in files if file.path)


@operation(max_result="8MiB")
def pour(size: int, *, job: Job) -> File:
    """Create a large file, piece by piece."""
    made = job.files.new("poured.bin")
    assert made.path is not None
    piece = bytes(1024 * 1024)
    with made.path.open("wb") as stream:
        while size > 0:
            size -= stream.write(piece[:size])
    return made


@operation
def forget_to_write(*, job: Job) -> File:
    """Return a file that was never written."""
    return job.files.new("nothing.txt")


@operation
def write_and_fail(*, job: Job) -> None:
    """Leave a file behind, and return its path."""
    path = _written(job, "left.txt", b"over").path
    raise Failure(str(path), retryable=False)


@operation(max_result="300KiB")
def noise(size: int) -> str:
    """Return incompressible data."""
    return "".join(random.Random(7).choices("0123456789abcdef", k=size))


@operation(max_result="16MiB")
def flood(size: int) -> str:
    """Return a large result."""
    return "x" * size


@operation(max_retries=0)
def die_writing(path: str, *, job: Job) -> int:
    """Write into the folder and kill the worker; the next attempt ends at once."""
    if job.attempt == 1:
        made = _written(job, "half.bin", b"half")
        Path(path).write_text(str(made.path))
        os.kill(os.getpid(), signal.SIGKILL)
    return job.attempt


def _written(job: Job, name: str, content: bytes, media_type: str | None = None) -> File:
    file = job.files.new(name, media_type)
    assert file.path is not None
    file.path.write_bytes(content)
    return file
