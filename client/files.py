"""Files to upload and files of results."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from callboard.client.encoding import encode

OCTETS: Final = "application/octet-stream"
"""Declares no type: the server detects it from the bytes."""

PIECE_BYTES: Final = 256 * 1024
_DESCRIBED: Final = frozenset({"id", "name", "media_type", "size", "sha256", "href"})

Source = str | os.PathLike[str] | BinaryIO
Sources = list[str] | list[Path] | list[BinaryIO] | list[Source]
OnBytes = Callable[[int, int | None], None]
"""Called with the number of bytes transferred, and the total."""


@dataclass(frozen=True, kw_only=True)
class UploadedFile:
    """A file on a server; its `id` is the value of a file parameter.

    Attributes:
        media_type: the media type that the server determined.
        size: in bytes.
        sha256: in hexadecimal.
        expires_at: when it expires unless a job uses it, as RFC 3339.
    """

    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    expires_at: str

    @classmethod
    def members(cls) -> tuple[str, ...]:
        """Return the members that every file object has."""
        return tuple(cls.__dataclass_fields__)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Parse a file object."""
        return cls(**{name: document[name] for name in cls.__dataclass_fields__})


class Outgoing:
    """A file as a request body, which can be sent again from its beginning.

    Attributes:
        sha256: the digest of the bytes that were sent last.
    """

    def __init__(self, file: BinaryIO, size: int, on_bytes: OnBytes | None = None) -> None:
        self._file = file
        self._on_bytes = on_bytes
        self.size: Final = size
        self.sha256 = ""

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        digest, sent = hashlib.sha256(), 0
        while piece := self._file.read(PIECE_BYTES):
            digest.update(piece)
            sent += len(piece)
            yield piece
            if self._on_bytes is not None:
                self._on_bytes(sent, self.size)
        self.sha256 = digest.hexdigest()


@contextmanager
def opened(source: Source) -> Iterator[tuple[BinaryIO, str]]:
    """Open a file so that it can be read again from its beginning, and return its name.

    A stream that cannot is copied to a temporary file first.

    Raises:
        OSError: it cannot be read.
    """
    with ExitStack() as stack:
        if isinstance(source, str | os.PathLike):
            path = Path(source)
            yield stack.enter_context(path.open("rb")), path.name
            return
        name = getattr(source, "name", "")
        if not source.seekable():
            copy = stack.enter_context(tempfile.TemporaryFile())
            while piece := source.read(PIECE_BYTES):
                copy.write(piece)
            source = copy
        yield source, Path(name).name if isinstance(name, str) else ""


@contextmanager
def parts_of(
    files: Mapping[str, Source | Sources],
) -> Iterator[list[tuple[str, tuple[str, BinaryIO, str]]]]:
    """Open the files of a form, each under the name of its parameter.

    Raises:
        OSError: one cannot be read.
    """
    with ExitStack() as stack:
        found = []
        for parameter, given in files.items():
            for source in given if isinstance(given, list) else [given]:
                file, name = stack.enter_context(opened(source))
                found.append((parameter, (name or parameter, file, OCTETS)))
        yield found


@dataclass(frozen=True)
class Form:
    """What a job is submitted with in one form.

    Attributes:
        params: JSON-like.
        fields: texts by parameter, several for a list.
        files: by parameter, several for a list.
    """

    params: Mapping[str, Any]
    fields: Mapping[str, str | Sequence[str]]
    files: Mapping[str, Source | Sources]

    @contextmanager
    def parts(self) -> Iterator[list[tuple[str, Any]]]:
        """Give its parts, with the files open.

        Raises:
            OSError: a file cannot be read.
            UnicodeError: a field is no text.
        """
        fields = [
            (name, (None, text.encode()))
            for name, given in self.fields.items()
            for text in ([given] if isinstance(given, str) else given)
        ]
        params = ("params", (None, encode(self.params), "application/json"))
        with parts_of(self.files) as files:
            yield [*([params] if self.params or not fields else []), *fields, *files]


def size_of(file: BinaryIO) -> int:
    """Measure an open file."""
    return file.seek(0, os.SEEK_END)


def is_file(value: Any) -> bool:
    """Return whether something in a result is a file that can be downloaded."""
    return isinstance(value, dict) and value.keys() >= _DESCRIBED


def files_in(result: Any) -> Iterator[dict[str, Any]]:
    """Find the files in a result, in their order; one that stands twice comes once."""
    seen: set[str] = set()
    waiting = [result]
    while waiting:
        value = waiting.pop()
        if is_file(value):
            if value["href"] not in seen:
                seen.add(value["href"])
                yield value
        elif isinstance(value, dict):
            waiting += reversed(value.values())
        elif isinstance(value, list):
            waiting += reversed(value)


def free_path(folder: Path, name: str) -> Path:
    """Return a path for a file of this name where none is yet: `plot.png`, else `plot-2.png`.

    Names come from elsewhere: they lead to no other folder and hide nothing.
    """
    plain = "".join(sign if sign.isprintable() and sign not in "/\\:" else "_" for sign in name)
    plain = plain.lstrip(".").strip() or "file"
    path, number = folder / plain, 1
    while path.exists():
        number += 1
        path = folder / f"{Path(plain).stem}-{number}{Path(plain).suffix}"
    return path
