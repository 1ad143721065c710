"""What a parameter says that its file may be."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from callboard.config.duration import parse_bytes
from callboard.jobs.files.names import is_media_range

MEDIA_TYPES: Final = "x-media-types"
"""By which a schema says that a text is a file's id, and of which types it may be."""


class Accepted(Protocol):
    """What is accepted: a file that a parameter names, or one of this machine."""

    path: Path | None
    media_type: str
    accepts: "Accepts"

    @property
    def size(self) -> int:
        """In bytes."""


AnyFile = TypeVar("AnyFile", bound=Accepted)


@dataclass(frozen=True)
class Accepts:
    """What a parameter takes: `Annotated[File, Accepts(media_types=("text/*",))]`.

    Attributes:
        media_types: with `*` for any subtype or any type at all.
        max_bytes: the largest file; None for as large as the server takes.

    Raises:
        ValueError: a media type is none.
    """

    media_types: tuple[str, ...] = ("*/*",)
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        """Check the declaration."""
        if not self.media_types:
            raise ValueError("a file needs at least one media type, or */*")
        for each in self.media_types:
            if not is_media_range(each):
                raise ValueError(f"{each!r} is not a media type such as text/csv, image/* or */*")

    def takes(self, media_type: str) -> bool:
        """Return whether a file of this type is accepted; a charset does not matter.

        Args:
            media_type: of the file, as `type/subtype`.
        """
        essence = media_type.partition(";")[0].strip().lower()
        kind = essence.partition("/")[0]
        return any(each.lower() in ("*/*", f"{kind}/*", essence) for each in self.media_types)

    def complaint(self, media_type: str, size: int) -> str | None:
        """Return what is wrong with a file, or None."""
        if not self.takes(media_type):
            return f"is {media_type}; accepted: {', '.join(self.media_types)}"
        if self.max_bytes is not None and size > self.max_bytes:
            return f"has {size} bytes; at most {self.max_bytes} are accepted"
        return None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._apply, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        shown = handler(schema)
        shown[MEDIA_TYPES] = list(self.media_types)
        if self.max_bytes is not None:
            shown["x-max-bytes"] = self.max_bytes
        return shown

    def _apply(self, file: AnyFile) -> AnyFile:
        if file.path is None:
            file.accepts = self
        elif wrong := self.complaint(file.media_type, file.size):
            raise ValueError(f"the file {wrong}")
        return file


def accepts_of(wanted: tuple[str, ...]) -> Accepts:
    """Read what stands in the brackets of `File[...]`: media types, and at most one size.

    Raises:
        ValueError: it is neither, or more than one size.
    """
    types = tuple(each for each in wanted if "/" in each)
    sizes = [parse_bytes(each) for each in wanted if "/" not in each]
    if len(sizes) > 1:
        raise ValueError("File[...] takes at most one size")
    return Accepts(types or ("*/*",), sizes[0] if sizes else None)
