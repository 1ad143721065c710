"""Query parameters are known, unique and well formed, or the request is refused."""

from datetime import UTC, datetime

import pytest
from falcon import testing

from callboard.api.problems.problem import Problem
from callboard.api.query import Query, read_query
from callboard.api.request import Request

pytestmark = pytest.mark.check


def _request(query: str) -> Request:
    return Request(testing.create_environ("/v1/jobs", query_string=query))


def _refused(query: str) -> list[str]:
    """Read all query parameters, and return the names of the refused ones."""
    with pytest.raises(Problem) as caught, read_query(_request(query)) as given:
        _read(given)
    assert caught.value.type.status == 422
    return [each["pointer"] for each in caught.value.members["errors"]]


def _read(given: Query) -> tuple[object, ...]:
    return (
        given.flag("force"),
        given.word("status", ("queued", "running", "failed")),
        given.whole("limit", least=1, most=100, default=50),
        given.time("since"),
        given.labels(),
    )


def test_every_well_formed_value_is_read() -> None:
    query = "force=true&status=running&limit=7&since=2030-01-31T12:00:00.5%2B01:00&label.a.b=c%3D+d"

    with read_query(_request(query)) as given:
        found = _read(given)

    since = datetime(2030, 1, 31, 11, 0, 0, 500_000, tzinfo=UTC)
    assert found == (True, "running", 7, since, {"a.b": "c= d"})


def test_an_absent_parameter_has_its_default() -> None:
    with read_query(_request("")) as given:
        assert _read(given) == (False, None, 50, None, {})


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("colour=red", ["colour"]),
        ("Status=queued", ["Status"]),
        ("limit=1&limit=1", ["limit"]),
        ("label.a=1&label.a=2", ["label.a"]),
        ("force=yes", ["force"]),
        ("force=", ["force"]),
        ("force", ["force"]),
        ("status=lost", ["status"]),
        ("limit=0", ["limit"]),
        ("limit=101", ["limit"]),
        ("limit=1e1", ["limit"]),
        ("limit=07", ["limit"]),
        ("limit=%2B7", ["limit"]),
        ("limit=%D9%A7", ["limit"]),
        ("limit=" + "9" * 5000, ["limit"]),
        ("since=yesterday", ["since"]),
        ("since=2030-01-31", ["since"]),
        ("since=2030-01-31T12:00:00", ["since"]),
        ("since=2030-02-31T12:00:00Z", ["since"]),
        ("since=2030-01-31T12:00:00+01:00", ["since"]),  # the + of a query is a space
        ("label.=x", ["label."]),
        ("label.a%20b=x", ["label.a b"]),
        ("label.a%3Db=x", ["label.a=b"]),
        ("label.a=%0A", ["label.a"]),
        ("label.a=" + "x" * 257, ["label.a"]),
        ("&".join(f"label.l{number}=x" for number in range(17)), ["label.l16"]),
        ("limit=0&status=lost&colour=red", ["status", "limit", "colour"]),
    ],
)
def test_any_other_value_is_refused_by_name(query: str, names: list[str]) -> None:
    assert _refused(query) == names
