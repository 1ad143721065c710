"""The problem types that share a page, as data."""

from typing import Annotated, TypeAlias

from pydantic import Field

from callboard.api.answer_types import Address, Next, TypedDict
from callboard.api.problems.job_errors import JOB_ERRORS
from callboard.api.problems.problem_type import JobErrorType, ProblemType
from callboard.api.problems.table import ALL
from callboard.api.urls import Urls

PageEntry: TypeAlias = ProblemType | JobErrorType
ErrorStatus = Annotated[int, Field(ge=400)]


class ProblemMeaningObject(TypedDict):
    """One meaning of a problem type."""

    title: str
    status: ErrorStatus | None
    code: str | None
    meaning: str
    advice: str


class ProblemTypeObject(TypedDict):
    """A problem type."""

    type: Address
    title: str
    status: Annotated[
        ErrorStatus | None,
        Field(description="The HTTP status; null if the type appears only in a job's `error`."),
    ]
    advice: str
    meanings: Annotated[list[ProblemMeaningObject], Field(min_length=1)]


class ProblemTypePageObject(TypedDict):
    """All problem types."""

    items: list[ProblemTypeObject]
    next: Next


def pages() -> dict[str, list[PageEntry]]:
    """Return the types that share each page, by the end of its address."""
    found: dict[str, list[PageEntry]] = {}
    for each in ALL:
        found.setdefault(each.slug, []).append(each)
    for name, row in JOB_ERRORS.items():
        found.setdefault(name, []).append(row)
    return dict(sorted(found.items()))


def problem_type_object(slug: str, of: list[PageEntry], urls: Urls) -> ProblemTypeObject:
    """Render the types that share a page."""
    first = of[0]
    return {
        "type": first.address(urls) if isinstance(first, ProblemType) else urls.problem(slug),
        "title": first.title,
        "status": _status(first),
        "advice": first.advice,
        "meanings": [
            {
                "title": each.title,
                "status": _status(each),
                "code": each.code if isinstance(each, ProblemType) else None,
                "meaning": each.meaning,
                "advice": each.advice,
            }
            for each in of
        ],
    }


def _status(entry: PageEntry) -> int | None:
    return entry.status if isinstance(entry, ProblemType) else None
