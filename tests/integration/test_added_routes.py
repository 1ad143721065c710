"""Routes of an installation's own modules are served like Callboard's own."""

import hashlib
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import falcon.testing
import pytest

from callboard import Accepts, File, operation
from callboard.config import ApiKey, Rate
from callboard.jobs.errors import OperationError
from callboard.jobs.registry import Registry
from tests.api_app import ApiApp, add, narrow, single
from tests.eventually import eventually
from tests.forms import FORM, form, part

JSON = {"Content-Type": "application/json"}


@operation
def measure(file: File, unit: str = "B") -> str:
    """Measure a file."""
    return f"{file.size} {unit}"


@operation
def compare(files: list[Annotated[File, Accepts(media_types=("text/*",))]]) -> list[str]:
    """Compare texts."""
    return [file.name for file in files]


def key(name: str, role: Any, tenant: str) -> ApiKey:
    return ApiKey(tenant=tenant, role=role, sha256=hashlib.sha256(name.encode()).hexdigest())


def made(tmp_path: Path, **settings: Any) -> ApiApp:
    return ApiApp(
        registry=Registry([add, single, narrow, measure, compare]),
        routes=("tests.added_routes",),
        storage_url=str(tmp_path / "files"),
        **settings,
    )


@pytest.fixture
def app(tmp_path: Path) -> Iterator[ApiApp]:
    found = made(tmp_path)
    yield found
    found.close()


def submit(app: ApiApp, name: str = "add", query: str = "", **headers: str) -> Any:
    body = {"add": {"a": 1, "b": 2}, "single": {"name": "x"}, "narrow": {}, "quick": {}}[name]
    return app.http.simulate_post(
        f"/old/start/{name}", json=body, query_string=query, headers=headers
    )


def test_a_job_is_submitted_and_read_by_both_apis(app: ApiApp) -> None:
    answer = submit(app, query="priority=9")
    job_id = answer.json["id"]

    old, new = app.http.simulate_get(f"/old/jobs/{job_id}"), app.get(job_id)

    assert (answer.status_code, answer.json["state"]) == (202, "queued")
    assert answer.json["url"].endswith(f"/v1/jobs/{job_id}")
    assert old.json == {"id": job_id, "state": "queued"}
    assert int(old.headers["Retry-After"]) >= 1
    assert (new.json["labels"], new.json["priority"]) == ({"old": "yes"}, 9)


def test_a_result_is_answered(app: ApiApp) -> None:
    job_id = submit(app).json["id"]
    app.succeed(job_id, {"sum": 3})

    assert app.http.simulate_get(f"/old/jobs/{job_id}").json["result"] == {"sum": 3}


def test_a_route_answers_the_errors_that_it_catches(app: ApiApp) -> None:
    first = submit(app, "single").json["id"]
    submit(app, "narrow")

    duplicate, full = submit(app, "single"), submit(app, "narrow")
    unknown = app.http.simulate_get("/old/jobs/01a22dde-e04b-72dd-b793-001d37af4e97")

    assert (duplicate.status_code, duplicate.json["existing"]) == (409, first)
    assert (full.status_code, full.json) == (503, {"error": "CAPACITY_EXCEEDED"})
    assert (unknown.status_code, unknown.json) == (404, {"error": "JOB_NOT_FOUND"})


def test_an_error_that_the_route_does_not_catch_is_a_problem(app: ApiApp) -> None:
    wrong = app.http.simulate_post("/old/start/add", json={"a": "x"})
    body = app.http.simulate_post("/old/start/add", body="{", headers=JSON)
    nothing = app.http.simulate_post("/old/start/nothing", json={})
    broken = app.http.simulate_get("/old/broken")

    slugs = [each.json["type"].rpartition("/")[2] for each in (wrong, body, nothing, broken)]
    assert slugs == ["invalid-parameters", "malformed-body", "unknown-operation", "internal-error"]
    assert wrong.json["errors"][0]["pointer"] == "/a"


def test_a_repeat_with_an_idempotency_key_returns_the_same_job(app: ApiApp) -> None:
    first, second = (submit(app, **{"X-Old-Key": "k"}).json["id"] for _ in range(2))

    assert first == second


def test_a_job_is_cancelled_in_one_step_or_two(app: ApiApp) -> None:
    one, two = submit(app).json["id"], submit(app).json["id"]
    offer = app.http.simulate_post(f"/old/jobs/{two}/cancel", json={})
    still = app.http.simulate_get(f"/old/jobs/{two}").json["state"]

    at_once = app.http.simulate_delete(f"/old/jobs/{one}")
    confirmed = app.http.simulate_post(
        f"/old/jobs/{two}/cancel", json={"confirm": offer.json["token"]}
    )

    assert still == "queued"
    assert (at_once.json["state"], confirmed.json["state"]) == ("cancelled", "cancelled")


def test_a_token_that_a_route_chooses_is_good_only_after_its_offer(app: ApiApp) -> None:
    job_id = submit(app).json["id"]
    path = f"/old/jobs/{job_id}/cancel"

    before = app.http.simulate_post(path, json={"confirm": "yes"})
    offer = app.http.simulate_post(path, json={}, query_string="token=yes")
    still = app.http.simulate_get(f"/old/jobs/{job_id}").json["state"]
    confirmed = app.http.simulate_post(path, json={"confirm": "yes"})

    assert before.status_code == 409
    assert before.json["type"].endswith("confirmation-stale")
    assert (offer.json["token"], still) == ("yes", "queued")
    assert confirmed.json["state"] == "cancelled"


def test_jobs_are_listed_by_offset_and_counted(app: ApiApp) -> None:
    app.submit()
    ids = [submit(app).json["id"] for _ in range(5)]

    page = app.http.simulate_get("/old/history", query_string="limit=2&offset=1").json
    beyond = app.http.simulate_get("/old/history", query_string="limit=2&offset=9").json

    assert page == {"jobs": [ids[3], ids[2]], "total": 5}
    assert beyond == {"jobs": [], "total": 5}


def test_one_listing_filters_by_several_statuses(app: ApiApp) -> None:
    ids = [submit(app).json["id"] for _ in range(5)]
    app.succeed(ids[1], {"sum": 3})
    app.claim(ids[2])
    app.http.simulate_delete(f"/old/jobs/{ids[3]}")

    def listed(query: str) -> tuple[list[str], int]:
        page = app.http.simulate_get("/old/history", query_string=query).json
        return page["jobs"], page["total"]

    open_ones = "status=scheduled&status=queued&status=running"

    assert listed(open_ones) == ([ids[4], ids[2], ids[0]], 3)
    assert listed(f"{open_ones}&limit=1&offset=1") == ([ids[2]], 3)
    assert listed("status=cancelled") == ([ids[3]], 1)


def test_a_submission_waits_by_its_operations_default(tmp_path: Path) -> None:
    app = ApiApp(routes=("tests.added_routes",), storage_url=str(tmp_path / "files"))

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(submit, app, "quick", "wait=usual")
        eventually(lambda: app.events.waiting == 1, what="the request waits")
        app.succeed(app.publisher.published[0].submission.job_id, 1)
        state = answer.result(10).json["state"]
    app.close()

    assert state == "succeeded"


def test_a_queued_job_has_an_estimate(app: ApiApp) -> None:
    app.succeed(app.services.submissions.submit("add", {"a": 1}).job_id, {"sum": 1})

    first, second = (submit(app).json for _ in range(2))

    assert (first["position"], second["position"]) == (1, 2)
    assert first["duration"] is not None


def test_a_form_contains_parameters_and_other_fields(app: ApiApp) -> None:
    body = form(
        part("file", b"four", filename="a.txt", media_type="text/plain"),
        part("note", b"mine"),
        part("strange", b"1"),
    )

    answer = app.http.simulate_post("/old/upload", body=body, headers=FORM)

    assert answer.json["note"] == "mine"
    assert app.get(answer.json["id"]).json["operation"] == "measure"


def test_a_form_can_be_accepted_without_its_rejected_files(app: ApiApp) -> None:
    parts = [
        part("files", b"good", filename="a.txt", media_type="text/plain"),
        part("files", b"", filename="../empty.txt", media_type="text/plain"),
        part("files", b"%PDF-1.7 no text", filename="b.pdf", media_type="application/pdf"),
        part("files", b"\x89PNG\r\n\x1a\n", filename="c.png", media_type="image/png"),
    ]

    answer = app.http.simulate_post("/old/upload-many", body=form(*parts), headers=FORM)
    strict = app.http.simulate_post("/v1/operations/compare", body=form(*parts), headers=FORM)

    assert answer.json["refused"] == {
        "empty.txt": "The file is empty.",
        "b.pdf": "The file is application/pdf; accepted: text/*.",
        "c.png": "The file is image/png; accepted: text/*.",
    }
    stored = app.http.simulate_get("/v1/files").json["items"]
    assert [each["name"] for each in stored] == ["a.txt"]
    assert app.get(answer.json["id"]).status_code == 200
    assert (strict.status_code, strict.json["detail"]) == (422, "The file is empty.")


def test_a_route_refuses_files_by_their_content(app: ApiApp) -> None:
    good, bad = (
        form(part("file", content, filename="a.bin", media_type="application/octet-stream"))
        for content in (b"good\x00 content", b"bad\x00 content")
    )

    accepted = app.http.simulate_post("/old/upload-checked", body=good, headers=FORM)
    refused = app.http.simulate_post("/old/upload-checked", body=bad, headers=FORM)

    assert app.get(accepted.json["id"]).status_code == 200
    assert (refused.status_code, refused.json) == (
        400,
        {"file": "a.bin", "why": "This is not good."},
    )
    stored = app.http.simulate_get("/v1/files").json["items"]
    assert [each["size"] for each in stored] == [len(b"good\x00 content")]


def test_a_form_with_a_wrong_digest_is_refused_even_where_files_may_be_rejected(
    app: ApiApp,
) -> None:
    body = form(part("files", b"good", filename="a.txt", media_type="text/plain"))
    wrong = {**FORM, "Content-Digest": f"sha-256=:{'A' * 43}=:"}

    answer = app.http.simulate_post("/old/upload-many", body=body, headers=wrong)

    assert answer.status_code == 422
    assert "digest" in answer.json["detail"]


def test_keys_roles_and_tenants_apply_to_added_routes(tmp_path: Path) -> None:
    keys = (
        key("viewer", "viewer", "a"),
        key("client", "client", "a"),
        key("other", "client", "b"),
    )
    app = made(tmp_path, api_keys=keys)

    def ask(method: str, path: str, who: str | None, body: Any = None) -> falcon.testing.Result:
        headers = {} if who is None else {"X-API-Key": who}
        return app.http.simulate_request(method, path, headers=headers, json=body)

    nobody = ask("POST", "/old/start/add", None, {"a": 1})
    viewer = ask("POST", "/old/start/add", "viewer", {"a": 1})
    job_id = ask("POST", "/old/start/add", "client", {"a": 1}).json["id"]
    foreign = [
        ask("GET", f"/old/jobs/{job_id}", "other").status_code,
        ask("DELETE", f"/old/jobs/{job_id}", "other").status_code,
        ask("POST", f"/old/jobs/{job_id}/cancel", "other", {}).status_code,
    ]
    seen = ask("GET", f"/old/jobs/{job_id}", "viewer").json["state"]
    public = ask("GET", "/old/open", None)
    listed = ask("GET", "/old/history", "other").json
    app.close()

    assert (nobody.status_code, viewer.status_code) == (401, 403)
    assert foreign == [404, 404, 404]
    assert (seen, public.status_code, listed) == ("queued", 200, {"jobs": [], "total": 0})


def test_each_request_counts_once_against_the_quota(tmp_path: Path) -> None:
    app = made(tmp_path, rate_limit=Rate(4, timedelta(minutes=1)))

    left = [submit(app).headers["RateLimit"].split(";")[1] for _ in range(3)]
    left.append(app.http.simulate_get("/old/history").headers["RateLimit"].split(";")[1])
    refused = submit(app)
    app.close()

    assert left == ["r=3", "r=2", "r=1", "r=0"]
    assert refused.status_code == 429
    assert refused.json["type"].endswith("#quota-exceeded")


def test_added_routes_are_in_the_openapi_document(app: ApiApp) -> None:
    document = app.http.simulate_get("/openapi.json").json
    paths = document["paths"]
    submitting, looking = paths["/old/start/{name}"]["post"], paths["/old/jobs/{job_id}"]

    assert submitting["summary"] == "Start a job"
    assert "A duplicate gets the older status code." in submitting["description"]
    assert "429" in submitting["responses"]
    assert looking["get"]["operationId"] == "getOldState"
    assert looking["get"]["responses"]["200"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/State"
    }
    assert paths["/old/open"]["get"]["security"] == []
    assert "tests.added_routes" in [tag["name"] for tag in document["tags"]]


BAD = {
    "no function": ("x = 1", "this module has no function `routes(jobs)`"),
    "import": ("import nothing_like_this", "cannot be imported: No module named"),
    "not a route": ("def routes(jobs): return [1]", "routes() returned int"),
    "template": ('def routes(jobs): return [Route("old", R(), {"GET": None})]', "'old' is not a"),
    "reserved": ('def routes(jobs): return [Route("/v1/x", R(), {"GET": None})]', "/v1/x begins"),
    "ours": (
        'def routes(jobs): return [Route("/healthz", R(), {"GET": None})]',
        "Callboard itself",
    ),
    "twice": (
        'def routes(jobs): return [Route(p, R(), {"GET": None}) for p in ("/a/{b}", "/a/{c}")]',
        "/a/{c} is a route of",
    ),
    "fields": (
        'def routes(jobs): return [Route(p, R(), {"GET": None}) for p in ("/a/{b}", "/a/{c}/d")]',
        "/a/{c}/d: a path must name the same field at the same place",
    ),
    "role": (
        'def routes(jobs): return [Route("/a", R(), {"GET": "boss"})]',
        "'boss' is not a role",
    ),
    "method": ('def routes(jobs): return [Route("/a", R(), {"LOOK": None})]', "'LOOK' is not one"),
    "no responder": ('def routes(jobs): return [Route("/a", R(), {"POST": None})]', "no on_post"),
    "no role": ('def routes(jobs): return [Route("/a", R(), {})]', "GET has no role"),
}


@pytest.mark.parametrize("case", BAD)
def test_an_invalid_module_prevents_the_start(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, told = BAD[case]
    name = f"bad_routes_{case.replace(' ', '_')}"
    (tmp_path / f"{name}.py").write_text(
        "from callboard.routes import Route\n"
        "class R:\n    def on_get(self, req, resp): pass\n" + source
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(OperationError, match=name) as refused:
        ApiApp(routes=(name,))

    assert told in str(refused.value)
    sys.modules.pop(name, None)


def test_the_setting_chooses_the_prefix(tmp_path: Path) -> None:
    app = ApiApp(routes=("/elsewhere=tests.added_routes",), storage_url=str(tmp_path / "files"))

    found = [app.http.simulate_get(path).status_code for path in ("/elsewhere/open", "/old/open")]
    app.close()

    assert found == [200, 404]
