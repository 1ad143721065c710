"""What applies to every request: problems, ids, keys, health."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import fakeredis
import pytest
import redis
from falcon import testing

from callboard.jobs.ids import new_job_id
from callboard.jobs.workers import heartbeat_worker, remove_worker
from tests.api_app import ADD, ApiApp, keys_of

KEYS = keys_of(
    "acme:viewer:look", "acme:client:work", "globex:client:other", "staff:operator:watch"
)


@pytest.fixture
def guarded() -> Iterator[ApiApp]:
    built = ApiApp(api_keys=KEYS)
    yield built
    built.close()


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _assert_problem(answer: testing.Result, status: int, name: str) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["type"] == f"http://falconframework.org/problems/{name}"
    assert answer.json["title"]
    assert answer.json["detail"]
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]


def test_an_unknown_address_is_a_problem(api_app: ApiApp) -> None:
    _assert_problem(api_app.http.simulate_get("/v1/nothing"), 404, "not-found")
    _assert_problem(api_app.http.simulate_get("/nothing"), 404, "not-found")


@pytest.mark.parametrize("accept", ["text/html,*/*;q=0.8", "*/*", None])
def test_the_root_redirects_browsers_to_the_docs(api_app: ApiApp, accept: str | None) -> None:
    answer = api_app.http.simulate_get("/", headers={"Accept": accept} if accept else {})

    assert answer.status_code == 302
    assert answer.headers["Location"].endswith("/docs")


def test_the_root_lists_addresses_for_programs(api_app: ApiApp) -> None:
    answer = api_app.http.simulate_get("/", headers={"Accept": "application/json"})

    assert answer.status_code == 200
    assert answer.json["links"]["docs"].endswith("/docs")
    assert answer.json["links"]["operations"].endswith("/v1/operations")


def test_a_slash_at_the_end_makes_no_difference(api_app: ApiApp) -> None:
    answer = api_app.http.simulate_post("/v1/jobs/", json=ADD)

    assert answer.status_code == 202


def test_an_unsupported_method_is_a_problem_that_lists_the_supported_ones(api_app: ApiApp) -> None:
    answer = api_app.http.simulate_put(f"/v1/jobs/{new_job_id()}")

    _assert_problem(answer, 405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "DELETE", "OPTIONS"}


def test_an_unknown_method_is_a_problem(api_app: ApiApp) -> None:
    with pytest.warns(Warning, match="Unknown REQUEST_METHOD"):
        answer = api_app.http.simulate_request("FOO", "/v1/jobs")

    _assert_problem(answer, 400, "bad-request")


def test_options_lists_the_methods_of_an_address(api_app: ApiApp) -> None:
    answer = api_app.http.simulate_options("/v1/jobs")

    assert answer.status_code == 200
    assert answer.headers["Allow"] == "GET, HEAD, POST"


def test_a_problem_is_json_whatever_the_client_accepts(api_app: ApiApp) -> None:
    headers = {"Accept": "application/msgpack"}

    _assert_problem(api_app.http.simulate_get("/v1/nothing", headers=headers), 404, "not-found")


class _Broken(fakeredis.FakeRedis):
    """Fails unexpectedly."""

    def pipeline(self, *_args: Any, **_kwargs: Any) -> Any:
        raise ValueError("redis://user:secret@inside")


class _Away(fakeredis.FakeRedis):
    """Does not answer."""

    def pipeline(self, *_args: Any, **_kwargs: Any) -> Any:
        raise redis.ConnectionError("away")

    def execute_command(self, *_args: Any, **_kwargs: Any) -> Any:
        raise redis.ConnectionError("away")


def test_an_internal_error_is_logged_with_the_request_id_and_reveals_nothing(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    api_app = ApiApp(_Broken(protocol=2))

    with caplog.at_level(logging.DEBUG):
        answer = api_app.get(new_job_id(), headers={"X-Request-ID": "r-42"})

    written = caplog.text + "".join(capsys.readouterr())
    _assert_problem(answer, 500, "internal-error")
    assert "secret" not in answer.text
    assert "ValueError" not in answer.text
    assert "r-42" in written
    assert "request_failed" in written


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_without_redis_the_answer_is_503_with_retry_after(method: str) -> None:
    api_app = ApiApp(_Away(protocol=2))
    path = "/v1/jobs" if method == "POST" else f"/v1/jobs/{new_job_id()}"

    answer = api_app.http.simulate_request(
        method,
        path,
        body=json.dumps(ADD),
        headers={"Content-Type": "application/json", "Prefer": "wait=1"},
    )

    assert answer.status_code == 503
    assert answer.json["type"].endswith("#temporary-reduced-capacity")
    assert answer.json["code"] == "STORE_UNAVAILABLE"
    assert answer.headers["Retry-After"] == "5"


def test_with_a_key_from_the_settings_operations_are_listed_without_redis() -> None:
    api_app = ApiApp(_Away(protocol=2), api_keys=KEYS)

    answer = api_app.http.simulate_get("/v1/operations", headers=_bearer("look"))

    assert answer.status_code == 200
    assert answer.json["items"][0]["typical_duration_seconds"] is None
    assert answer.json["items"][0]["paused"] is None


def test_a_safe_request_id_is_kept(api_app: ApiApp) -> None:
    answer = api_app.submit(headers={"X-Request-ID": "trace-1"})

    assert answer.headers["X-Request-ID"] == "trace-1"
    assert answer.json["request_id"] == "trace-1"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "<script>", "a\x7f"])
def test_any_other_request_id_is_replaced(api_app: ApiApp, given: str) -> None:
    answer = api_app.http.simulate_get("/healthz", headers={"X-Request-ID": given})

    made = answer.headers["X-Request-ID"]
    assert made != given
    assert len(made) == 32


def test_without_configured_keys_every_caller_is_the_default_tenant(api_app: ApiApp) -> None:
    api_app.submit(headers=_bearer("anything"))

    assert api_app.publisher.published[0].submission.tenant == "default"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        _bearer("wrong"),
        {"X-API-Key": "wrong"},
        {"Authorization": "Basic d29yazo="},
        _bearer(""),
    ],
)
def test_with_keys_a_request_without_a_valid_key_is_refused(
    guarded: ApiApp, headers: dict[str, str]
) -> None:
    for answer in (
        guarded.submit(headers=headers),
        guarded.get(new_job_id(), headers=headers),
        guarded.http.simulate_get("/v1/operations", headers=headers),
    ):
        _assert_problem(answer, 401, "authentication-required")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_is_accepted_in_either_header(guarded: ApiApp) -> None:
    assert guarded.submit(headers=_bearer("work")).status_code == 202
    assert guarded.submit(headers={"X-API-Key": "work"}).status_code == 202
    assert guarded.submit(headers={"Authorization": "bearer  work"}).status_code == 202


def test_a_viewer_can_read_but_not_change(guarded: ApiApp) -> None:
    job_id = guarded.submit(headers=_bearer("work")).json["id"]

    assert guarded.get(job_id, headers=_bearer("look")).status_code == 200
    _assert_problem(guarded.submit(headers=_bearer("look")), 403, "forbidden")
    deleted = guarded.http.simulate_delete(f"/v1/jobs/{job_id}", headers=_bearer("look"))
    _assert_problem(deleted, 403, "forbidden")


def test_another_tenants_job_is_not_found_by_any_request(guarded: ApiApp) -> None:
    job_id = guarded.submit(headers=_bearer("work")).json["id"]
    stranger = _bearer("other")

    for answer in (
        guarded.get(job_id, headers=stranger),
        guarded.get(f"{job_id}/result", headers=stranger),
        guarded.http.simulate_delete(f"/v1/jobs/{job_id}", headers=stranger),
        guarded.http.simulate_delete(f"/v1/jobs/{job_id}?purge=true", headers=stranger),
    ):
        _assert_problem(answer, 404, "job-not-found")
    assert guarded.get(job_id, headers=_bearer("work")).json["status"] == "queued"


def test_an_operator_sees_every_tenants_jobs_and_their_tracebacks(guarded: ApiApp) -> None:
    job_id = guarded.submit(headers=_bearer("work")).json["id"]
    error = {"type": "exception", "detail": "Oh.", "retryable": True, "traceback": "File …"}
    guarded.fail(job_id, error)

    seen = guarded.get(job_id, headers=_bearer("watch"))
    own = guarded.get(job_id, headers=_bearer("work"))

    assert seen.json["error"]["traceback"] == "File …"
    assert "traceback" not in own.json["error"]
    assert guarded.get(new_job_id(), headers=_bearer("watch")).status_code == 404


def test_idempotency_keys_are_separate_for_each_tenant(guarded: ApiApp) -> None:
    key = {"Idempotency-Key": "once"}

    mine = guarded.submit(headers={**_bearer("work"), **key})
    theirs = guarded.submit(headers={**_bearer("other"), **key})

    assert mine.json["id"] != theirs.json["id"]
    assert "Idempotency-Replayed" not in theirs.headers


def test_every_method_of_every_route_declares_its_role(api_app: ApiApp) -> None:
    for route in api_app.routes():
        methods = {name[3:].upper() for name in dir(route.resource) if name.startswith("on_")}

        assert set(route.roles) == methods - {"HEAD"}, route.template


def test_liveness_needs_no_key_and_checks_nothing() -> None:
    api_app = ApiApp(_Away(protocol=2), api_keys=KEYS)

    answer = api_app.http.simulate_get("/healthz")

    assert (answer.status_code, answer.json) == (200, {"status": "alive"})


def test_readiness_names_redis_rabbitmq_workers_and_queues(api_app: ApiApp) -> None:
    heartbeat_worker(api_app.store, "worker-1", {"host": "here"}, operations=["add"])

    answer = api_app.http.simulate_get("/readyz")

    assert answer.status_code == 200
    assert answer.json == {
        "status": "ready",
        "checks": {
            "redis": {"status": "up"},
            "rabbitmq": {"status": "up"},
            "workers": {"status": "up", "count": 1},
            "queues": {"status": "up", "unheard_jobs": 0},
        },
    }


def test_a_queue_with_jobs_and_no_worker_makes_readiness_degraded(api_app: ApiApp) -> None:
    heartbeat_worker(api_app.store, "worker-1", {"queues": "another"}, operations=["add"])
    api_app.submit()
    api_app.submit()
    api_app.store.redis.sadd(api_app.store.keys("queues"), "default")

    answer = api_app.http.simulate_get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert answer.json["checks"]["queues"] == {"status": "down", "unheard_jobs": 2}


def test_a_stopped_worker_leaves_readiness_at_once(api_app: ApiApp) -> None:
    heartbeat_worker(api_app.store, "worker-1", {"host": "here"}, operations=["add"])
    remove_worker(api_app.store, "worker-1")

    answer = api_app.http.simulate_get("/readyz")

    assert answer.json["checks"]["workers"] == {"status": "down", "count": 0}


def test_without_rabbitmq_or_workers_readiness_is_degraded(api_app: ApiApp) -> None:
    api_app.publisher.up = False

    answer = api_app.http.simulate_get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert answer.json["checks"]["rabbitmq"]["status"] == "down"
    assert answer.json["checks"]["workers"] == {"status": "down", "count": 0}


def test_a_stopping_process_is_not_ready_and_checks_nothing() -> None:
    api_app = ApiApp(_Away(protocol=2))
    api_app.services.draining.set()

    answer = api_app.http.simulate_get("/readyz")
    alive = api_app.http.simulate_get("/healthz")

    assert (answer.status_code, answer.json["code"]) == (503, "DRAINING")
    assert alive.status_code == 200


def test_without_redis_the_server_is_not_ready() -> None:
    api_app = ApiApp(_Away(protocol=2))

    answer = api_app.http.simulate_get("/readyz")

    assert answer.status_code == 503
    assert answer.json["checks"]["redis"] == {
        "status": "down",
        "detail": "Redis does not answer at the moment.",
    }
    assert int(answer.headers["Retry-After"]) >= 1
