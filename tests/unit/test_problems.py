"""Every error has its problem."""

import re
from collections.abc import Iterator

import falcon
import pytest

from callboard.api.problems.job_errors import JOB_ERRORS
from callboard.api.problems.problem import problem_of
from callboard.api.problems.table import ALL, BY_ERROR, JOB_GONE
from callboard.api.urls import Urls
from callboard.jobs import errors

pytestmark = pytest.mark.check

URLS = Urls("http://example.org")


def _subclasses(of: type[Exception]) -> Iterator[type[Exception]]:
    for each in of.__subclasses__():
        yield each
        yield from _subclasses(each)


def test_every_error_of_the_core_is_in_the_table() -> None:
    core = {
        each for each in _subclasses(errors.CallboardError) if each.__module__ == errors.__name__
    }

    assert set(BY_ERROR) == core


def test_an_error_of_the_core_is_answered_with_the_title_of_its_row() -> None:
    problem = problem_of(errors.JobGone("It went."))

    assert problem.body(URLS, "r-1") == {
        "type": "http://example.org/problems/job-gone",
        "title": JOB_GONE.title,
        "status": 410,
        "detail": "It went.",
        "request_id": "r-1",
    }


def test_titles_are_sentences_and_constant_for_their_type() -> None:
    titles: dict[tuple[str, str | None], set[str]] = {}
    for each in ALL:
        titles.setdefault((each.name, each.code), set()).add(each.title)

    assert all(len(each) == 1 for each in titles.values())
    assert all(title.endswith(".") for every in titles.values() for title in every)


def test_names_are_slugs_or_addresses() -> None:
    names = {each.name for each in ALL} | set(JOB_ERRORS)

    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*|https://iana\.org/.+", name) for name in names)


@pytest.mark.parametrize(
    "error", [ValueError("secret"), errors.Failure("secret"), KeyError("secret")]
)
def test_an_unexpected_error_reveals_nothing(error: Exception) -> None:
    problem = problem_of(error)

    assert problem.type.status == 500
    assert "secret" not in str(problem.body(URLS, "r-1"))


def test_invalid_parameters_have_their_pointers() -> None:
    problem = problem_of(errors.InvalidParameters([("/a", "too small"), ("/b", "too large")]))

    assert problem.detail == "/a: too small (and 1 more)"
    assert problem.members["errors"] == [
        {"detail": "too small", "pointer": "/a"},
        {"detail": "too large", "pointer": "/b"},
    ]


def test_an_error_of_the_framework_without_its_own_type_is_about_blank() -> None:
    problem = problem_of(falcon.HTTPNotAcceptable())

    assert problem.body(URLS, "r-1")["type"] == "about:blank"
    assert problem.body(URLS, "r-1")["title"] == "Not Acceptable"
