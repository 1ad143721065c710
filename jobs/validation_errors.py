"""What does not fit a schema, for people: the first of many, found at a bounded cost."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError

MAX_MISFITS: Final = 1000
"""Of more errors than this only the first are told."""

_FIRST: Final = 50


def validation_errors(
    error: ValidationError, value: Any, validate: Callable[[Any], object]
) -> list[tuple[tuple[int | str, ...], str]]:
    """Return what is wrong with a value, and where.

    To write out 100,000 errors takes a process for itself for half a second, so of very many
    those are told that a shorter version of the value has.

    Args:
        error: what validation said of the value.
        value: JSON-like.
        validate: validates such a value; raises ValidationError.
    """
    count = error.error_count()
    if count <= MAX_MISFITS:
        return _told(error)
    try:
        validate(_shortened(value))
    except ValidationError as first:
        if first.error_count() <= MAX_MISFITS:
            return _told(first)
    return [((), f"has {count} errors")]


def first_of(wrong: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Return what is wrong, or of very much only how much that is.

    Args:
        wrong: pairs of a JSON Pointer and what is wrong there.
    """
    return wrong if len(wrong) <= MAX_MISFITS else [("", f"has {len(wrong)} errors")]


def _told(error: ValidationError) -> list[tuple[tuple[int | str, ...], str]]:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [(each["loc"], each["msg"]) for each in found]


def _shortened(value: Any) -> Any:
    match value:
        case Mapping():
            return {name: _shortened(each) for name, each in islice(value.items(), _FIRST)}
        case list():
            return [_shortened(each) for each in value[:_FIRST]]
        case _:
            return value
