"""A file as functions take and return it."""

import hashlib
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import (
    CoreSchema,
    PydanticCustomError,
    PydanticSerializationUnexpectedValue,
    core_schema,
)

from callboard.jobs.files.accepts import MEDIA_TYPES, Accepts, accepts_of
from callboard.jobs.files.names import (
    OCTETS,
    check_media_type,
    check_name,
    guess_media_type,
)
from callboard.jobs.ids import is_job_id

MAX_FILES: Final = 1000
"""So many files a submission or a result may name: one step in Redis takes them all."""
DESCRIBED: Final = ("id", "name", "media_type", "size", "sha256")
"""What a stored result says of a file in it."""


class File:
    """A file: one that the caller uploaded, or one that the function made.

    `File["application/pdf", "text/*", "50MiB"]` says what a parameter accepts: media types, and
    at most one size. It stands for `Annotated[File, Accepts(...)]`, which type checkers read.

    Attributes:
        id: under which it is stored; empty for a new file until the function has returned it.
        name: as the caller or the function called it; not safe as a path.
        media_type: as its bytes were found to be, or as the function said.
        path: where it is on this machine while the function runs.
    """

    def __init__(
        self,
        *,
        file_id: str = "",
        name: str = "",
        media_type: str = OCTETS,
        path: Path | None = None,
        home: object = None,
    ) -> None:
        self._home = home  # its folder goes with that
        self.id = file_id
        self.name = name
        self.media_type = media_type
        self.path = path
        self.accepts = Accepts()
        self._size: int | None = None
        self._sha256: str | None = None

    if not TYPE_CHECKING:

        def __class_getitem__(cls, wanted: str | tuple[str, ...]) -> Any:
            """Return the annotation of a parameter that accepts this."""
            return Annotated[cls, accepts_of(wanted if isinstance(wanted, tuple) else (wanted,))]

    @classmethod
    def of(cls, path: str | Path, media_type: str | None = None) -> Self:
        """Take a file of this machine as one, to call an operation's function in a test.

        Raises:
            ValueError: it has no name that a file can have, or the media type is none.
        """
        path = Path(path)
        return cls(
            name=check_name(path.name),
            media_type=check_media_type(media_type or guess_media_type(path.name)),
            path=path,
        )

    def open(self) -> BufferedReader:
        """Open it for reading bytes.

        Raises:
            OSError: it is not there, or not yet.
        """
        return self._there().open("rb")

    @property
    def size(self) -> int:
        """Its size in bytes.

        Raises:
            OSError: it was not written.
        """
        return self._there().stat().st_size if self._size is None else self._size

    @property
    def sha256(self) -> str:
        """Its SHA-256 in hexadecimal.

        Raises:
            OSError: it was not written.
        """
        if self._sha256 is not None:
            return self._sha256
        with self.open() as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def finalize(self, *, size: int, sha256: str) -> None:
        """Keep what was found out about the bytes, which change no more."""
        self._size, self._sha256 = size, sha256

    def take(self, other: "File") -> None:
        """Become the same file as the other one."""
        self.id, self.name, self.media_type = other.id, other.name, other.media_type
        self.path = other.path
        self.finalize(size=other.size, sha256=other.sha256)

    def described(self) -> dict[str, Any]:
        """Return what a stored result says of it."""
        return {name: getattr(self, name) for name in DESCRIBED}

    def __repr__(self) -> str:
        return f"<file {self.name!r} {self.media_type} {self.id}>"

    def _there(self) -> Path:
        if self.path is None:
            raise FileNotFoundError(f"The file {self.name!r} is not on this machine.")
        return self.path

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(
                cls._from_id, core_schema.str_schema()
            ),
            python_schema=core_schema.is_instance_schema(cls),
            serialization=core_schema.plain_serializer_function_ser_schema(
                cls._serialised, info_arg=True
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return dict(_RESULT_SCHEMA if handler.mode == "serialization" else _ID_SCHEMA)

    @classmethod
    def _from_id(cls, file_id: str) -> Self:
        if not is_job_id(file_id):
            raise PydanticCustomError("file_id", "must be the id of an uploaded file")
        return cls(file_id=file_id)

    @staticmethod
    def _serialised(file: object, info: core_schema.SerializationInfo[Any]) -> Any:
        if not isinstance(file, File):  # another member of a union may be what it is
            raise PydanticSerializationUnexpectedValue("not a file")
        if info.mode == "python":
            return file
        return info.context(file) if callable(info.context) else file.id


_ID_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "format": "uuid",
    "description": "The id of an uploaded file.",
    MEDIA_TYPES: ["*/*"],
}
_RESULT_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A file that the job received or created.",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "name": {"type": "string"},
        "media_type": {"type": "string"},
        "size": {"type": "integer", "minimum": 0},
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "href": {"type": "string", "format": "uri"},
    },
    "required": [*DESCRIBED, "href"],
}
