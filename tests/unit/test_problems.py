"""Every error has its problem."""

import re
from collections.abc import Iterator

import falcon
import pytest

from callboard.api.problems import kinds
from callboard.api.problems.kinds import Kind
from callboard.api.problems.problem import problem_of
from callboard.api.problems.table import TABLE
from callboard.api.problems.texts import RUN_ENDED
from callboard.api.urls import Urls
from callboard.jobs import errors

pytestmark = pytest.mark.check

URLS = Urls("http://example.org")


def _subclasses(of: type[Exception]) -> Iterator[type[Exception]]:
    for each in of.__subclasses__():
        yield each
        yield from _subclasses(each)


def _kinds() -> list[Kind]:
    ours = [each for each in vars(kinds).values() if isinstance(each, Kind)]
    return [*ours, *TABLE.values()]


def test_every_error_of_the_core_stands_in_the_table() -> None:
    core = {
        each for each in _subclasses(errors.CallboardError) if each.__module__ == errors.__name__
    }

    assert set(TABLE) == core


def test_an_error_of_the_core_is_answered_with_its_docstring_as_the_title() -> None:
    problem = problem_of(errors.JobGone("It went."))

    assert problem.body(URLS, "r-1") == {
        "type": "http://example.org/problems/job-gone",
        "title": errors.JobGone.__doc__,
        "status": 410,
        "detail": "It went.",
        "request_id": "r-1",
    }


def test_titles_are_sentences_and_constant_for_their_type() -> None:
    titles: dict[tuple[str, str | None], set[str]] = {}
    for kind in _kinds():
        titles.setdefault((kind.name, kind.code), set()).add(kind.title)

    assert all(len(each) == 1 for each in titles.values())
    assert all(each.endswith(".") for every in titles.values() for each in every)


def test_names_are_slugs_or_addresses() -> None:
    names = {kind.name for kind in _kinds()} | set(RUN_ENDED)

    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*|https://iana\.org/.+", name) for name in names)


@pytest.mark.parametrize(
    "error", [ValueError("secret"), errors.Failure("secret"), KeyError("secret")]
)
def test_an_unexpected_error_tells_nothing(error: Exception) -> None:
    problem = problem_of(error)

    assert problem.kind.status == 500
    assert "secret" not in str(problem.body(URLS, "r-1"))


def test_invalid_parameters_come_with_their_pointers() -> None:
    problem = problem_of(errors.InvalidParameters([("/a", "too small"), ("/b", "too large")]))

    assert problem.detail == "/a: too small (and 1 more)"
    assert problem.members["errors"] == [
        {"detail": "too small", "pointer": "/a"},
        {"detail": "too large", "pointer": "/b"},
    ]


def test_an_error_of_the_framework_without_a_type_of_its_own_is_about_blank() -> None:
    problem = problem_of(falcon.HTTPNotAcceptable())

    assert problem.body(URLS, "r-1")["type"] == "about:blank"
    assert problem.body(URLS, "r-1")["title"] == "Not Acceptable"
