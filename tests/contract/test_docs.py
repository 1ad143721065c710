"""The API page shows only its own content."""

import re
from collections.abc import Iterator

import pytest

from tests.api_app import ApiApp

pytestmark = pytest.mark.check


@pytest.fixture
def api_app() -> Iterator[ApiApp]:
    made = ApiApp(trusted_proxies="127.0.0.1")
    yield made
    made.close()


def test_the_page_allows_no_foreign_content_and_no_inline_script(api_app: ApiApp) -> None:
    page = api_app.http.simulate_get("/docs")

    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page.text)


def test_everything_that_the_page_loads_is_served_and_cacheable(api_app: ApiApp) -> None:
    page = _page(api_app)

    for path in _loaded(page):
        asset = api_app.http.simulate_get(path)
        assert asset.status_code == 200
        assert asset.headers["content-type"].startswith(
            "text/css" if path.endswith(".css") else "text/javascript"
        )
        assert "immutable" in asset.headers["cache-control"]
    assert len(_loaded(page)) == 4


def test_the_page_works_behind_a_prefix(api_app: ApiApp) -> None:
    page = api_app.http.simulate_get("/docs", headers={"X-Forwarded-Prefix": "/run"}).text

    assert 'data-document="/run/openapi.json"' in page
    assert all(path.startswith("/run/docs/assets/") for path in _loaded(page))


def test_the_class_that_makes_the_page_dark_has_a_style(api_app: ApiApp) -> None:
    loaded = {path: api_app.http.simulate_get(path).text for path in _loaded(_page(api_app))}

    script = next(text for path, text in loaded.items() if path.endswith("/docs.js"))
    style = next(text for path, text in loaded.items() if path.endswith("/swagger.css"))
    shades = re.findall(r'classList\.toggle\("([\w-]+)"', script)

    assert shades
    assert all(f"html.{shade} .swagger-ui" in style for shade in shades)


@pytest.mark.parametrize("path", ["/docs/assets/0000000000000000/docs.js", "/docs/assets/x/y"])
def test_a_file_of_another_version_is_not_found(api_app: ApiApp, path: str) -> None:
    assert api_app.http.simulate_get(path).status_code == 404


def _page(api_app: ApiApp) -> str:
    return api_app.http.simulate_get("/docs").text


def _loaded(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]+\.(?:js|css))"', page)
