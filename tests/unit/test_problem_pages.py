"""Each problem type links to a page that explains it."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import falcon
import pytest
from falcon import testing

from callboard.api.media import Media
from callboard.api.problems.job_errors import JOB_ERRORS
from callboard.api.problems.problem import Problem
from callboard.api.problems.render import pages
from callboard.api.problems.table import ALL, JOB_GONE
from callboard.api.request import Request
from callboard.api.server.problem_pages import ProblemResource, ProblemsResource
from callboard.api.tracing.middleware import Tracing
from callboard.api.urls import Addresses
from tools.problems_reference import render

pytestmark = pytest.mark.check

SLUGS = sorted(pages())


@pytest.fixture(scope="module")
def http() -> testing.TestClient:
    media = Media(max_bytes=1, max_depth=1)
    app = falcon.App(request_type=Request, middleware=[Tracing(Addresses(()))])
    app.add_route("/problems", ProblemsResource(media))
    app.add_route("/problems/{slug}", ProblemResource(media))
    return testing.TestClient(app)


def test_each_type_has_its_own_meaning_and_advice() -> None:
    rows: list[Any] = [*ALL, *JOB_ERRORS.values()]

    texts = [text for each in rows for text in (each.meaning, each.advice)]

    assert all(len(text.split()) > 3 and text.endswith(".") for text in texts)
    assert len({each.meaning for each in rows}) == len(rows)
    assert len({(each.title, each.status) for each in ALL}) == len(ALL)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_page_explains_what_happened_and_what_to_do(http: testing.TestClient, slug: str) -> None:
    page = http.simulate_get(f"/problems/{slug}", headers={"Accept": "text/html,*/*;q=0.8"})

    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    words = re.sub(r"<[^>]+>", "", page.text)
    for each in pages()[slug]:
        assert each.title.replace("'", "&#x27;") in words
    assert page.text.count("What to do") == len(pages()[slug])
    assert 'href="http://falconframework.org/docs"' in page.text
    assert "width=device-width" in page.text


def test_only_the_pages_own_style_may_load(http: testing.TestClient) -> None:
    page = http.simulate_get("/problems/not-found")

    (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    assert "<script" not in page.text
    assert "style=" not in page.text


def test_the_list_links_to_every_page(http: testing.TestClient) -> None:
    page = http.simulate_get("/problems")

    links = re.findall(r'href="http://falconframework\.org/problems/([a-z-]+)"', page.text)
    assert links == SLUGS


def test_a_program_gets_the_same_content_as_json(http: testing.TestClient) -> None:
    headers = {"Accept": "application/json"}
    found = http.simulate_get("/problems/job-gone", headers=headers)
    listed = http.simulate_get("/problems", headers=headers)
    registered = http.simulate_get("/problems/temporary-reduced-capacity", headers=headers)

    assert found.json["type"] == "http://falconframework.org/problems/job-gone"
    assert (found.json["status"], found.json["advice"]) == (410, JOB_GONE.advice)
    assert found.json in listed.json["items"]
    assert registered.json["type"].startswith("https://iana.org/")
    assert "CAPACITY_EXCEEDED" in {each["code"] for each in registered.json["meanings"]}


@pytest.mark.parametrize("slug", ["nothing", "Not-Found", "%3Cscript%3E", "not-found%00"])
def test_an_unknown_type_has_no_page(http: testing.TestClient, slug: str) -> None:
    http.app.add_error_handler(Exception, _answer)

    assert http.simulate_get(f"/problems/{slug}").status_code == 404


def _answer(_req: object, resp: falcon.Response, error: Exception, _params: object) -> None:
    assert isinstance(error, Problem)
    resp.status = error.type.status


def test_the_reference_page_is_what_the_declarations_say() -> None:
    page = Path("docs/reference/problems.md").read_text("utf-8")

    assert page == render(), "run `make reference`"
