"""The address of the storage: a folder or an S3 bucket."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)


def _storage_url(value: str) -> str:
    if "://" not in value:
        return str(Path(value).absolute())
    parts = urlsplit(value)
    if parts.scheme == "file" and not parts.netloc and len(parts.path) > 1:
        return value
    if parts.scheme == "s3" and _BUCKET.fullmatch(parts.netloc) and not parts.query:
        return value
    raise ValueError("it must be a folder, file:///folder, or s3://bucket/prefix")


def _absolute(value: object) -> object:
    """Make a path absolute: a function may change its process's working folder."""
    return Path(value).absolute() if isinstance(value, str | Path) else value


StorageUrl = Annotated[str, AfterValidator(_storage_url)]
Folder = Annotated[Path, BeforeValidator(_absolute)]
LocalFile = Annotated[Path, BeforeValidator(_absolute), "file"]
