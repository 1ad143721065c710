"""Adds download URLs to the files within results."""

from collections.abc import Collection
from typing import Any, Final

from callboard.api.urls import Urls
from callboard.jobs.files.file import DESCRIBED

_MEMBERS: Final = frozenset(DESCRIBED)


def file_of(value: Any, file_ids: Collection[str]) -> str | None:
    """Return the id of the file that this value describes; None for other values.

    Args:
        value: a result, or a value in it.
        file_ids: the ids of the result's files; other values only look like files.
    """
    if isinstance(value, dict) and value.keys() == _MEMBERS and value["id"] in file_ids:
        return str(value["id"])
    return None


def with_addresses(value: Any, file_ids: Collection[str], urls: Urls) -> Any:
    """Return a result with the URL of each file in it.

    Args:
        value: JSON-like.
        file_ids: the ids of its files; if there are none, the result is returned unchanged.
        urls: absolute addresses.
    """
    if (file_id := file_of(value, file_ids)) is not None:
        return {**value, "href": urls.file_content(file_id)}
    match value:
        case dict():
            return {name: with_addresses(each, file_ids, urls) for name, each in value.items()}
        case list():
            return [with_addresses(each, file_ids, urls) for each in value]
        case _:
            return value
