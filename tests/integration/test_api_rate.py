"""The rate of requests over HTTP: what is counted, what is told, and what is refused."""

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
from tests.api_stage import ADD, JSON, Stage, keys_of

KEYS = keys_of("acme:client:work", "acme:client:too", "globex:client:other", "staff:operator:watch")


@pytest.fixture
def stage() -> Iterator[Stage]:
    built = Stage(rate_limit="3/1h", api_keys=KEYS)
    yield built
    built.close()


@pytest.fixture
def wide() -> Iterator[Stage]:
    built = Stage(rate_limit="100/1h")
    yield built
    built.close()


def _key(name: str = "work") -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


def _list(stage: Stage, key: str = "work") -> testing.Result:
    return stage.http.simulate_get("/v1/operations", headers=_key(key))


def _parsed(answer: testing.Result) -> tuple[dict[str, int], dict[str, int]]:
    """Read both fields as a client does, which takes lists of strings with whole numbers."""
    found = []
    for name in ("RateLimit-Policy", "RateLimit"):
        ((policy, parameters),) = http_sf.parse(answer.headers[name].encode(), tltype="list")
        assert (type(policy), policy) == (str, "requests")
        assert {type(value) for value in parameters.values()} == {int}
        found.append(dict(parameters))
    return found[0], found[1]


def _left(answer: testing.Result) -> int:
    return _parsed(answer)[1]["r"]


def test_an_answer_tells_the_policy_and_what_is_left(wide: Stage) -> None:
    first = wide.http.simulate_get("/v1/operations")
    second = wide.http.simulate_get("/v1/operations")

    assert _parsed(first) == ({"q": 100, "w": 3600}, {"r": 99, "t": 36})
    assert _left(second) == 98
    assert first.headers["RateLimit"] == '"requests";r=99;t=36'


def test_without_a_rate_nothing_is_told_and_nothing_refused() -> None:
    stage = Stage()

    answers = [stage.http.simulate_get("/v1/operations"), stage.submit()]

    assert not any(name.startswith("ratelimit") for each in answers for name in each.headers)
    assert stage.store.redis.keys("*rate:*") == []


def test_beyond_the_rate_a_request_is_refused_with_when_to_try_again(stage: Stage) -> None:
    for _ in range(3):
        assert _list(stage).status_code == 200

    answer = _list(stage)

    assert answer.status_code == 429
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["type"] == ("https://iana.org/assignments/http-problem-types#quota-exceeded")
    assert answer.json["violated-policies"] == ["requests"]
    assert _parsed(answer)[0] == {"q": 3, "w": 3600}
    assert _left(answer) == 0
    assert int(answer.headers["Retry-After"]) >= _parsed(answer)[1]["t"] > 1190


def test_beyond_the_rate_no_job_is_made(stage: Stage) -> None:
    for _ in range(3):
        _list(stage)

    answer = stage.submit(headers=_key())

    assert (answer.status_code, _left(answer)) == (429, 0)
    assert answer.json["violated-policies"] == ["requests"]
    assert stage.publisher.published == []


def test_all_keys_of_a_tenant_share_its_quota_and_no_other_tenant_does(stage: Stage) -> None:
    used = [_left(_list(stage, key)) for key in ("work", "too", "work")]

    assert used == [2, 1, 0]
    assert _list(stage, "too").status_code == 429
    assert _left(_list(stage, "other")) == 2


@pytest.mark.parametrize(
    "ask",
    [
        lambda stage: stage.http.simulate_get("/healthz"),
        lambda stage: stage.http.simulate_get("/readyz"),
        lambda stage: stage.http.simulate_get("/v1/operations"),
        lambda stage: stage.http.simulate_get("/v1/operations", headers=_key("unknown")),
        lambda stage: stage.http.simulate_get("/v1/nothing", headers=_key()),
        lambda stage: stage.submit(),
    ],
)
def test_what_belongs_to_nobody_is_not_counted(
    stage: Stage, ask: Callable[[Stage], testing.Result]
) -> None:
    answer = ask(stage)

    assert "RateLimit" not in answer.headers
    assert _left(_list(stage)) == 2


def test_a_request_that_is_not_found_is_counted_as_well(stage: Stage) -> None:
    answer = stage.get("nothing", headers=_key())

    assert (answer.status_code, _left(answer)) == (404, 2)


def test_every_answer_to_a_submission_tells_what_is_left(wide: Stage) -> None:
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


def test_a_repeat_with_its_idempotency_key_is_answered_beyond_the_rate(stage: Stage) -> None:
    headers = {**_key(), "Idempotency-Key": "once"}
    first = stage.submit(headers=headers)
    for _ in range(3):
        _list(stage)

    again = stage.submit(headers=headers)

    assert (again.status_code, _left(again)) == (202, 0)
    assert again.json["id"] == first.json["id"]
    assert stage.submit(headers=_key()).status_code == 429


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"{}", 422),
        (b'{"operation": "nothing", "params": {}}', 404),
        (b'{"operation": "add", "params": {}}', 422),
    ],
)
def test_submissions_that_cannot_be_taken_use_up_the_quota_as_well(
    stage: Stage, body: bytes, status: int
) -> None:
    headers = {**_key(), "Content-Type": JSON}

    answers = [stage.http.simulate_post("/v1/jobs", body=body, headers=headers) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [status] * 3 + [429]
    assert [_left(answer) for answer in answers] == [2, 1, 0, 0]
    assert answers[3].json["violated-policies"] == ["requests"]


def test_what_a_key_may_not_do_uses_up_the_quota_as_well(stage: Stage) -> None:
    for _ in range(3):
        assert stage.http.simulate_get("/v1/workers", headers=_key()).status_code == 403

    assert stage.http.simulate_get("/v1/workers", headers=_key()).status_code == 429
    assert _list(stage).status_code == 429


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/operations/echo", "/v1/batches"])
def test_beyond_the_rate_a_large_body_is_not_read(stage: Stage, path: str) -> None:
    parsed: list[str] = []

    def offload(call: Callable[[], Any], /) -> Any:
        parsed.append(path)
        return call()

    http = testing.TestClient(create_app(replace(stage.services, compute=offload)))
    body = b"[" * 100_000
    headers = {**_key(), "Content-Type": JSON}

    answers = [http.simulate_post(path, body=body, headers=headers) for _ in range(5)]

    assert [each.status_code for each in answers] == [400, 400, 400, 429, 429]
    assert len(parsed) == 3


def test_an_operators_retry_uses_the_operators_quota(stage: Stage) -> None:
    job_id = stage.submit(headers=_key()).json["id"]
    stage.succeed(job_id, 3)

    retried = stage.http.simulate_post(f"/v1/jobs/{job_id}/retry", headers=_key("watch"))

    assert (retried.status_code, _left(retried)) == (202, 2)
    assert _left(_list(stage)) == 1


class _Away(fakeredis.FakeRedis):
    """As while Redis does not answer."""

    def execute_command(self, *_args: Any, **_options: Any) -> Any:
        raise redis.ConnectionError("away")


@pytest.mark.parametrize("path", ["/v1/operations", "/v1/jobs"])
def test_while_redis_is_away_nothing_is_let_through_uncounted(path: str) -> None:
    stage = Stage(_Away(protocol=2), rate_limit="3/10s", api_keys=KEYS)

    answer = stage.http.simulate_request(
        "POST" if path == "/v1/jobs" else "GET",
        path,
        json=ADD if path == "/v1/jobs" else None,
        headers=_key(),
    )

    assert answer.status_code == 503
    assert answer.json["code"] == "STORE_UNAVAILABLE"
    assert "RateLimit" not in answer.headers


def test_while_redis_is_away_a_malformed_submission_is_still_told_what_is_wrong() -> None:
    stage = Stage(_Away(protocol=2), rate_limit="3/10s", api_keys=KEYS)

    assert stage.submit({}, headers=_key()).status_code == 422


def test_the_addresses_that_submit_are_those_of_the_table(stage: Stage) -> None:
    table = stage.routes()

    posts = {route.template for route in table if route.roles.get("POST") == "client"}

    assert posts - SUBMISSIONS == {
        "/v1/jobs/{job_id}/cancel",
        "/v1/jobs/{job_id}/callbacks/{delivery}/resend",
        "/v1/batches/{batch_id}/callbacks/{delivery}/resend",
        "/v1/files",
    }
    assert posts >= SUBMISSIONS
