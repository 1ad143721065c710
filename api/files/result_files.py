"""Files within results as clients see them: with the address where their bytes are."""

from collections.abc import Collection
from typing import Any, Final

from callboard.api.urls import Urls
from callboard.jobs.files.file import DESCRIBED

_MEMBERS: Final = frozenset(DESCRIBED)


def file_of(value: Any, file_ids: Collection[str]) -> str | None:
    """Give the id of the file that this data describes; None for other data.

    Args:
        value: a result, or something in it.
        file_ids: the files that the result names; what only looks like one of them is none.
    """
    if isinstance(value, dict) and value.keys() == _MEMBERS and value["id"] in file_ids:
        return str(value["id"])
    return None


def with_addresses(value: Any, file_ids: Collection[str], urls: Urls) -> Any:
    """Give a result with the address of each file in it.

    Args:
        value: JSON-like.
        file_ids: the files that it names; where there are none, the result is as it was.
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
