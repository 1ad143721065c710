"""Without keys, only programs and pages of this machine are served."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from falcon import testing

from tests.api_app import ADD, JSON, ApiApp, hash_of

HERE = {"Host": "127.0.0.1:8000"}
KEY = "a-key"
PAUSE = "/v1/operations/add/pause"


@pytest.fixture(scope="module")
def api_app() -> Iterator[ApiApp]:
    built = ApiApp(hosts=())
    yield built
    built.close()


@pytest.fixture(scope="module")
def locked() -> Iterator[ApiApp]:
    built = ApiApp(hosts=(), api_keys=f"acme:operator:{hash_of(KEY)}")
    yield built
    built.close()


def _refused(answer: testing.Result) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json["type"].rpartition("/")[2]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8000",
        "127.0.0.1",
        "127.1.2.3:80",
        "[::1]:8000",
        "a.localhost",
        "LOCALHOST.",
    ],
)
def test_the_names_of_this_machine_are_served(api_app: ApiApp, host: str) -> None:
    assert api_app.http.simulate_get("/v1/operations", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
    ],
)
@pytest.mark.parametrize("path", ["/v1/operations", "/openapi.json", "/docs", "/nowhere"])
def test_a_foreign_name_that_resolves_to_this_machine_is_not_served(
    api_app: ApiApp, host: str, path: str
) -> None:
    answer = api_app.http.simulate_get(path, headers={"Host": host})

    assert _refused(answer) == (421, "misdirected")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/readyz/"])
def test_health_probes_may_use_any_host_name(api_app: ApiApp, path: str) -> None:
    assert api_app.http.simulate_get(path, headers={"Host": "10.0.0.1:8000"}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://evil.example", "null", "http://127.0.0.1:9000"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", PAUSE),
        ("POST", "/v1/jobs"),
        ("GET", "/v1/jobs"),
        ("DELETE", "/v1/jobs/x"),
        ("POST", "/v1/files"),
    ],
)
def test_a_page_of_another_site_changes_nothing(
    api_app: ApiApp, method: str, path: str, origin: str
) -> None:
    answer = api_app.http.simulate_request(method, path, headers={**HERE, "Origin": origin})

    assert _refused(answer) == (403, "other-origin")


def test_a_request_that_its_browser_marks_as_cross_site_is_refused(api_app: ApiApp) -> None:
    across = {**HERE, "Sec-Fetch-Site": "cross-site"}

    assert _refused(api_app.http.simulate_post(PAUSE, headers=across)) == (403, "other-origin")
    # A followed link.
    assert api_app.http.simulate_get("/docs", headers=across).status_code == 200


@pytest.mark.parametrize(
    "media_type", ["application/x-www-form-urlencoded", "text/plain", "text/plain;charset=utf-8"]
)
@pytest.mark.parametrize("body", [b"", b"a=1"])
def test_content_types_that_any_form_can_send_are_not_read(
    api_app: ApiApp, media_type: str, body: bytes
) -> None:
    answer = api_app.http.simulate_post(
        PAUSE, body=body, headers={**HERE, "Content-Type": media_type}
    )

    assert _refused(answer) == (415, "unsupported-media-type")


def test_a_body_needs_a_content_type(api_app: ApiApp) -> None:
    answer = api_app.http.simulate_post(PAUSE, body=b"{}", headers=HERE)

    assert _refused(answer) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    "more", [{}, {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}]
)
def test_programs_and_the_servers_own_page_are_served(
    api_app: ApiApp, more: dict[str, str]
) -> None:
    headers: dict[str, Any] = {**HERE, **more}

    submitted = api_app.submit(headers={**headers, "Content-Type": JSON})
    resumed = api_app.http.simulate_post("/v1/operations/add/resume", headers=headers)

    assert (submitted.status_code, resumed.status_code) == (202, 200)


def test_with_keys_any_host_name_and_origin_is_served(locked: ApiApp) -> None:
    headers = {"Host": "evil.example", "Origin": "http://evil.example", "X-API-Key": KEY}

    assert locked.submit(headers={**headers, "Content-Type": JSON}).status_code == 202


def test_with_keys_only_listed_names_are_served() -> None:
    api_app = ApiApp(hosts="jobs.example.com,*.example.org", api_keys=f"acme:viewer:{hash_of(KEY)}")
    names = {
        "jobs.example.com": 200,
        "JOBS.example.com:443": 200,
        "a.b.example.org": 200,
        "example.org": 421,
        "evil.example": 421,
        "localhost": 421,
    }

    answers = {
        name: api_app.http.simulate_get("/v1/operations", headers={"Host": name, "X-API-Key": KEY})
        for name in names
    }
    api_app.close()

    assert {name: each.status_code for name, each in answers.items()} == names


@pytest.mark.parametrize("host", ["<script>", "evil/path?x#", "a" * 5000, "a b", "a, b", ""])
def test_an_invalid_host_is_a_bad_request(api_app: ApiApp, host: str) -> None:
    answer = api_app.http.simulate_get("/healthz", headers={"Host": host})

    assert _refused(answer) == (400, "bad-request")


@pytest.mark.parametrize(("version", "status"), [("1.1", 400), ("1.0", 200)])
def test_only_an_http_1_0_client_may_omit_the_host(
    api_app: ApiApp, version: str, status: int
) -> None:
    environ = testing.create_environ("/healthz", http_version=version, host="127.0.0.1")
    environ.pop("HTTP_HOST", None)
    seen = testing.StartResponseMock()

    api_app.app(environ, seen)

    assert seen.status.startswith(str(status))


@pytest.mark.parametrize(
    ("host", "named", "keys", "status"),
    [
        ("localhost:8000", "localhost", False, 200),
        ("localhost:8000", "jobs.example", False, 421),
        # A page can send this header, once its own name points here.
        ("evil.example:8000", "localhost", False, 421),
        ("evil.example:8000", "jobs.example", True, 200),
    ],
)
def test_a_trusted_proxy_sets_the_host_but_grants_no_access(
    host: str, named: str, *, keys: bool, status: int
) -> None:
    key = f"acme:operator:{hash_of(KEY)}" if keys else ()
    api_app = ApiApp(hosts=(), trusted_proxies="127.0.0.1", api_keys=key)
    headers = {"Host": host, "X-Forwarded-Host": named, "X-API-Key": KEY}

    with closing(api_app):
        answer = api_app.http.simulate_get("/v1/operations", headers=headers)

    assert answer.status_code == status


def test_the_public_url_is_the_base_of_all_addresses() -> None:
    base = "https://example.com/jobs"
    api_app = ApiApp(public_url="HTTPS://Example.com/jobs/", hosts=())
    headers = {"Host": "localhost", "X-Forwarded-Host": "evil.example"}

    job = api_app.http.simulate_post("/v1/jobs", json=ADD, headers=headers)
    document = api_app.http.simulate_get("/openapi.json", headers=headers)
    missing = api_app.http.simulate_get("/v1/jobs/x", headers={**headers, "Host": "example.com"})
    api_app.close()

    assert job.headers["Location"] == f"{base}/v1/jobs/{job.json['id']}"
    assert all(link.startswith(base) for link in job.json["links"].values())
    assert [each["url"] for each in document.json["servers"]] == [base]
    assert missing.json["type"].startswith(f"{base}/problems/")
