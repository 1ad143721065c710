"""The messages between a web process and its check process."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgpack

from callboard.jobs.clock import moment
from callboard.jobs.files.accepts import Accepts
from callboard.jobs.files.parameters import FileUse
from callboard.jobs.files.records import FileRecord
from callboard.jobs.json_numbers import Printed, parse_fraction

_PRINTED: Final = 1
"""The msgpack extension type for numbers with more digits than a double holds."""

_MS: Final = 1000


def packed(params: Mapping[str, Any]) -> bytes:
    """Write JSON-like parameters without losing digits."""
    written: bytes = msgpack.packb(params, default=_printed, strict_types=True)
    return written


def unpacked(written: bytes) -> dict[str, Any]:
    """Undo `packed`."""
    read: dict[str, Any] = msgpack.unpackb(written, ext_hook=_extension)
    return read


def _printed(value: Any) -> msgpack.ExtType:
    if isinstance(value, Printed):
        return msgpack.ExtType(_PRINTED, value.digits.encode())
    raise TypeError(f"{type(value).__name__} is not JSON-like")


def _extension(_code: int, digits: bytes) -> float:
    return parse_fraction(digits.decode())


def written_use(use: FileUse) -> list[Any]:
    """Encode a place in the parameters that names a file."""
    accepts = use.accepts
    return [use.pointer, use.file_id, accepts.media_types, accepts.max_bytes]


def use_of(written: list[Any]) -> FileUse:
    """Undo `written_use`."""
    pointer, file_id, media_types, max_bytes = written
    return FileUse(pointer, file_id, _accepts(tuple(media_types), max_bytes))


@lru_cache(maxsize=256)
def _accepts(media_types: tuple[str, ...], max_bytes: int | None) -> Accepts:
    return Accepts(media_types, max_bytes)


def written_record(record: FileRecord) -> dict[str, Any]:
    """Encode a file's record."""
    times = {name: getattr(record, name).timestamp() * _MS for name in ("created_at", "expires_at")}
    return {**vars(record), **times}


def record_of(written: dict[str, Any]) -> FileRecord:
    """Undo `written_record`."""
    times = {name: moment(written[name]) for name in ("created_at", "expires_at")}
    return FileRecord(**{**written, **times})
