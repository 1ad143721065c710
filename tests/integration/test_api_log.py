"""A job's log over HTTP, and as the core reads it."""

from typing import Any

import falcon
import pytest

from callboard.jobs.log import read_log
from callboard.jobs.progress import LogBounds, ProgressReport, progress
from tests.api_app import ApiApp
from tests.job_system import JobSystem


def _log(api_app: ApiApp, job_id: str, query: str = "", **more: Any) -> falcon.testing.Result:
    return api_app.http.simulate_get(f"/v1/jobs/{job_id}/log", query_string=query, **more)


def _written(api_app: ApiApp, count: int, *, most: int = 1000) -> str:
    job_id: str = api_app.submit().json["id"]
    fence = api_app.claim(job_id)
    for number in range(1, count + 1):
        lines = [f"1800000000.{number:03d} line {number}"]
        progress(api_app.store, fence, ProgressReport(lines=lines), bounds=LogBounds(lines=most))
    return job_id


def test_a_log_is_read_in_pages_oldest_line_first(api_app: ApiApp) -> None:
    job_id = _written(api_app, 5)

    first = _log(api_app, job_id, "limit=3")
    second = _log(api_app, job_id, first.json["next"].partition("?")[2])

    assert first.json["items"][0] == {
        "number": 1,
        "time": "2027-01-15T08:00:00.001Z",
        "text": "line 1",
    }
    assert first.headers["Link"] == f'<{first.json["next"]}>; rel="next"'
    assert [line["number"] for line in first.json["items"]] == [1, 2, 3]
    assert [line["text"] for line in second.json["items"]] == ["line 4", "line 5"]
    assert (second.json["next"], second.json["dropped"]) == (None, 0)
    assert "Link" not in second.headers


def test_line_numbers_stay_the_same_when_the_oldest_lines_are_dropped(api_app: ApiApp) -> None:
    job_id = _written(api_app, 10, most=4)

    whole = _log(api_app, job_id).json
    some = _log(api_app, job_id, "after=8").json

    assert whole["dropped"] == 6
    assert [line["number"] for line in whole["items"]] == [7, 8, 9, 10]
    assert [line["text"] for line in some["items"]] == ["line 9", "line 10"]


@pytest.mark.parametrize("after", ["5", "1000000000000000"])
def test_after_the_last_line_the_page_is_empty(api_app: ApiApp, after: str) -> None:
    job_id = _written(api_app, 5)

    assert _log(api_app, job_id, f"after={after}").json == {"items": [], "next": None, "dropped": 0}


def test_a_job_that_wrote_nothing_has_an_empty_log(api_app: ApiApp) -> None:
    job_id = api_app.submit().json["id"]

    assert _log(api_app, job_id).json == {"items": [], "next": None, "dropped": 0}
    assert _log(api_app, "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77").status_code == 404


@pytest.mark.parametrize("query", ["after=-1", "limit=0", "limit=1001", "before=3", "after=x"])
def test_an_invalid_parameter_is_refused(api_app: ApiApp, query: str) -> None:
    job_id = api_app.submit().json["id"]

    answer = _log(api_app, job_id, query)

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json["errors"]] == [query.partition("=")[0]]


def test_lines_and_numbers_are_consistent_on_every_redis_version(job_system: JobSystem) -> None:
    fence = job_system.running()
    for text in ("one", "two", "1800000000.250 three\nand more", "1800000000.500 "):
        progress(job_system.store, fence, ProgressReport(lines=[text]), bounds=LogBounds(lines=3))

    page = read_log(job_system.store, fence.job_id, after=0, most=2)
    rest = read_log(job_system.store, fence.job_id, after=3, most=2)

    assert [(line.number, line.text) for line in page.lines] == [(2, "two"), (3, "three\nand more")]
    assert (page.dropped, page.total) == (1, 4)
    assert page.lines[1].at.isoformat() == "2027-01-15T08:00:00.250000+00:00"
    assert [(line.number, line.text) for line in rest.lines] == [(4, "")]
    assert read_log(job_system.store, "nobody", after=0, most=2).total == 0
