"""Quotas over HTTP: what is counted, reported and refused."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import fakeredis
import http_sf
import pytest
import redis
from falcon import testing

from callboard.api.app import create_app
from callboard.api.rate_limit import SUBMISSIONS
from tests.api_app import ADD, JSON, ApiApp, keys_of

KEYS = keys_of("acme:client:work", "acme:client:too", "globex:client:other", "staff:operator:watch")


@pytest.fixture
def api_app() -> Iterator[ApiApp]:
    built = ApiApp(rate_limit="3/1h", api_keys=KEYS)
    yield built
    built.close()


@pytest.fixture
def wide() -> Iterator[ApiApp]:
    built = ApiApp(rate_limit="100/1h")
    yield built
    built.close()


def _key(name: str = "work") -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


def _list(api_app: ApiApp, key: str = "work") -> testing.Result:
    return api_app.http.simulate_get("/v1/operations", headers=_key(key))


def _parsed(answer: testing.Result) -> tuple[dict[str, int], dict[str, int]]:
    """Read both fields like a client, which parses lists of strings with integers."""
    found = []
    for name in ("RateLimit-Policy", "RateLimit"):
        ((policy, parameters),) = http_sf.parse(answer.headers[name].encode(), tltype="list")
        assert (type(policy), policy) == (str, "requests")
        assert {type(value) for value in parameters.values()} == {int}
        found.append(dict(parameters))
    return found[0], found[1]


def _left(answer: testing.Result) -> int:
    return _parsed(answer)[1]["r"]


def test_an_answer_states_the_quota_and_what_is_left(wide: ApiApp) -> None:
    first = wide.http.simulate_get("/v1/operations")
    second = wide.http.simulate_get("/v1/operations")

    assert _parsed(first) == ({"q": 100, "w": 3600}, {"r": 99, "t": 36})
    assert _left(second) == 98
    assert first.headers["RateLimit"] == '"requests";r=99;t=36'


def test_without_a_quota_nothing_is_reported_or_refused() -> None:
    api_app = ApiApp()

    answers = [api_app.http.simulate_get("/v1/operations"), api_app.submit()]

    assert not any(name.startswith("ratelimit") for each in answers for name in each.headers)
    assert api_app.store.redis.keys("*rate:*") == []


def test_beyond_the_quota_a_request_is_refused_with_retry_after(api_app: ApiApp) -> None:
    for _ in range(3):
        assert _list(api_app).status_code == 200

    answer = _list(api_app)

    assert answer.status_code == 429
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["type"] == ("https://iana.org/assignments/http-problem-types#quota-exceeded")
    assert answer.json["violated-policies"] == ["requests"]
    assert _parsed(answer)[0] == {"q": 3, "w": 3600}
    assert _left(answer) == 0
    assert int(answer.headers["Retry-After"]) >= _parsed(answer)[1]["t"] > 1190


def test_beyond_the_quota_no_job_is_created(api_app: ApiApp) -> None:
    for _ in range(3):
        _list(api_app)

    answer = api_app.submit(headers=_key())

    assert (answer.status_code, _left(answer)) == (429, 0)
    assert answer.json["violated-policies"] == ["requests"]
    assert api_app.publisher.published == []


def test_all_keys_of_a_tenant_share_its_quota_and_no_other_tenant_does(api_app: ApiApp) -> None:
    used = [_left(_list(api_app, key)) for key in ("work", "too", "work")]

    assert used == [2, 1, 0]
    assert _list(api_app, "too").status_code == 429
    assert _left(_list(api_app, "other")) == 2


@pytest.mark.parametrize(
    "ask",
    [
        lambda api_app: api_app.http.simulate_get("/healthz"),
        lambda api_app: api_app.http.simulate_get("/readyz"),
        lambda api_app: api_app.http.simulate_get("/v1/operations"),
        lambda api_app: api_app.http.simulate_get("/v1/operations", headers=_key("unknown")),
        lambda api_app: api_app.http.simulate_get("/v1/nothing", headers=_key()),
        lambda api_app: api_app.submit(),
    ],
)
def test_requests_without_a_tenant_are_not_counted(
    api_app: ApiApp, ask: Callable[[ApiApp], testing.Result]
) -> None:
    answer = ask(api_app)

    assert "RateLimit" not in answer.headers
    assert _left(_list(api_app)) == 2


def test_a_request_for_an_unknown_address_is_counted(api_app: ApiApp) -> None:
    answer = api_app.get("nothing", headers=_key())

    assert (answer.status_code, _left(answer)) == (404, 2)


def test_every_answer_to_a_submission_states_what_is_left(wide: ApiApp) -> None:
    once = {"Idempotency-Key": "once"}
    single = {"operation": "single", "params": {"name": "a"}}
    shared = {"operation": "shared", "params": {"name": "a"}}
    narrow: dict[str, Any] = {"operation": "narrow", "params": {}}

    answers = [
        wide.submit(headers=once),
        wide.submit(headers=once),
        wide.submit({**ADD, "priority": 1}, headers=once),
        *(wide.submit(body) for body in (single, single, shared, shared, narrow, narrow)),
        wide.http.simulate_post("/v1/operations/add", json={"a": 1}),
    ]

    statuses = [answer.status_code for answer in answers]
    assert statuses == [202, 202, 422, 202, 409, 202, 303, 202, 503, 202]
    left = [_left(answer) for answer in answers]
    assert left == [99, 99, 99, 98, 97, 96, 95, 94, 93, 92]


def test_beyond_the_quota_a_repeat_with_its_idempotency_key_is_answered(api_app: ApiApp) -> None:
    headers = {**_key(), "Idempotency-Key": "once"}
    first = api_app.submit(headers=headers)
    for _ in range(3):
        _list(api_app)

    again = api_app.submit(headers=headers)

    assert (again.status_code, _left(again)) == (202, 0)
    assert again.json["id"] == first.json["id"]
    assert api_app.submit(headers=_key()).status_code == 429


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"{}", 422),
        (b'{"operation": "nothing", "params": {}}', 404),
        (b'{"operation": "add", "params": {}}', 422),
    ],
)
def test_rejected_submissions_use_the_quota(api_app: ApiApp, body: bytes, status: int) -> None:
    headers = {**_key(), "Content-Type": JSON}

    answers = [api_app.http.simulate_post("/v1/jobs", body=body, headers=headers) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [status] * 3 + [429]
    assert [_left(answer) for answer in answers] == [2, 1, 0, 0]
    assert answers[3].json["violated-policies"] == ["requests"]


def test_forbidden_requests_use_the_quota(api_app: ApiApp) -> None:
    for _ in range(3):
        assert api_app.http.simulate_get("/v1/workers", headers=_key()).status_code == 403

    assert api_app.http.simulate_get("/v1/workers", headers=_key()).status_code == 429
    assert _list(api_app).status_code == 429


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/operations/echo", "/v1/batches"])
def test_beyond_the_quota_a_large_body_is_not_read(api_app: ApiApp, path: str) -> None:
    parsed: list[str] = []

    def offload(call: Callable[[], Any], /) -> Any:
        parsed.append(path)
        return call()

    http = testing.TestClient(create_app(replace(api_app.services, compute=offload)))
    body = b"[" * 100_000
    headers = {**_key(), "Content-Type": JSON}

    answers = [http.simulate_post(path, body=body, headers=headers) for _ in range(5)]

    assert [each.status_code for each in answers] == [400, 400, 400, 429, 429]
    assert len(parsed) == 3


def test_a_retry_by_an_operator_uses_the_operators_quota(api_app: ApiApp) -> None:
    job_id = api_app.submit(headers=_key()).json["id"]
    api_app.succeed(job_id, 3)

    retried = api_app.http.simulate_post(f"/v1/jobs/{job_id}/retry", headers=_key("watch"))

    assert (retried.status_code, _left(retried)) == (202, 2)
    assert _left(_list(api_app)) == 1


class _Away(fakeredis.FakeRedis):
    """A Redis that does not answer."""

    def execute_command(self, *_args: Any, **_options: Any) -> Any:
        raise redis.ConnectionError("away")


@pytest.mark.parametrize("path", ["/v1/operations", "/v1/jobs"])
def test_without_redis_no_request_is_admitted_uncounted(path: str) -> None:
    api_app = ApiApp(_Away(protocol=2), rate_limit="3/10s", api_keys=KEYS)

    answer = api_app.http.simulate_request(
        "POST" if path == "/v1/jobs" else "GET",
        path,
        json=ADD if path == "/v1/jobs" else None,
        headers=_key(),
    )

    assert answer.status_code == 503
    assert answer.json["code"] == "STORE_UNAVAILABLE"
    assert "RateLimit" not in answer.headers


def test_without_redis_a_malformed_submission_still_gets_its_errors() -> None:
    api_app = ApiApp(_Away(protocol=2), rate_limit="3/10s", api_keys=KEYS)

    assert api_app.submit({}, headers=_key()).status_code == 422


def test_the_submitting_addresses_are_those_of_the_route_table(api_app: ApiApp) -> None:
    table = api_app.routes()

    posts = {route.template for route in table if route.roles.get("POST") == "client"}

    assert posts - SUBMISSIONS == {
        "/v1/jobs/{job_id}/cancel",
        "/v1/jobs/{job_id}/callbacks/{delivery}/resend",
        "/v1/batches/{batch_id}/callbacks/{delivery}/resend",
        "/v1/files",
    }
    assert posts >= SUBMISSIONS
