"""Cancelling over HTTP in two steps, and answers about purged jobs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgpack
import pytest
from falcon import testing

from callboard.jobs.finish import encode_result, finish
from callboard.jobs.ids import new_job_id
from tests.api_app import ADD, ApiApp, keys_of

KEYS = keys_of(
    "acme:viewer:look",
    "acme:client:work",
    "acme:client:too",
    "globex:client:other",
    "staff:operator:watch",
)


@pytest.fixture
def api_app() -> Iterator[ApiApp]:
    built = ApiApp(api_keys=KEYS)
    yield built
    built.close()


@pytest.fixture
def job_id(api_app: ApiApp) -> str:
    job_id: str = api_app.submit(headers=_key()).json["id"]
    return job_id


def _key(name: str = "work") -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


def _cancel(api_app: ApiApp, job_id: str, body: Any = None, key: str = "work") -> testing.Result:
    path = f"/v1/jobs/{job_id}/cancel"
    if body is None:
        return api_app.http.simulate_post(path, headers=_key(key))
    return api_app.http.simulate_post(path, json=body, headers=_key(key))


def _token(api_app: ApiApp, job_id: str, key: str = "work") -> str:
    token: str = _cancel(api_app, job_id, key=key).json["confirmation"]["token"]
    return token


def _assert_problem(answer: testing.Result, status: int, name: str) -> None:
    assert answer.status_code == status
    assert answer.json["type"].endswith(f"/problems/{name}")


@pytest.mark.parametrize("body", [None, {}, {"confirm": None}])
def test_the_first_step_returns_a_token_and_changes_nothing(
    api_app: ApiApp, job_id: str, body: Any
) -> None:
    before = api_app.get(job_id, headers=_key())

    answer = _cancel(api_app, job_id, body)

    after = api_app.get(job_id, headers=_key())
    lasts = datetime.fromisoformat(answer.json["confirmation"]["expires_at"]) - datetime.now(UTC)
    assert answer.status_code == 202
    assert timedelta(minutes=4, seconds=50) < lasts <= timedelta(minutes=5)
    assert answer.json["job"] == before.json == after.json
    assert int(answer.headers["Retry-After"]) >= 1
    assert after.headers["ETag"] == before.headers["ETag"]


def test_the_second_step_cancels_and_a_repeat_gets_the_same_answer(
    api_app: ApiApp, job_id: str
) -> None:
    token = _token(api_app, job_id)

    answers = [_cancel(api_app, job_id, {"confirm": token}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json["status"] == "cancelled"
    assert answers[0].json == answers[1].json


def test_a_running_job_is_asked_to_stop_and_a_repeat_shows_when_it_has_stopped(
    api_app: ApiApp, job_id: str
) -> None:
    token = _token(api_app, job_id)
    fence = api_app.claim(job_id)

    answers = [_cancel(api_app, job_id, {"confirm": token}) for _ in range(2)]
    finish(api_app.store, fence, encode_result(3, max_bytes=100))
    last = _cancel(api_app, job_id, {"confirm": token})

    assert [(each.status_code, each.json["status"]) for each in answers] == [
        (202, "cancelling"),
        (202, "cancelling"),
    ]
    assert (last.status_code, last.json["status"]) == (200, "cancelled")


def test_a_job_that_is_final_cannot_be_cancelled_in_either_step(
    api_app: ApiApp, job_id: str
) -> None:
    token = _token(api_app, job_id)
    api_app.succeed(job_id, 3)

    for body in ({}, {"confirm": token}):
        answer = _cancel(api_app, job_id, body)

        _assert_problem(answer, 409, "job-final")
        assert answer.json["job"]["status"] == "succeeded"
        assert "Retry-After" not in answer.headers


def test_a_token_of_another_caller_or_job_cancels_nothing(api_app: ApiApp, job_id: str) -> None:
    other_id = api_app.submit(headers=_key()).json["id"]
    token = _token(api_app, job_id)

    stale = [
        _cancel(api_app, job_id, {"confirm": token}, key="too"),
        _cancel(api_app, job_id, {"confirm": token}, key="watch"),
        _cancel(api_app, other_id, {"confirm": token}),
        _cancel(api_app, job_id, {"confirm": "invented"}),
    ]

    for answer in stale:
        _assert_problem(answer, 409, "confirmation-stale")
    assert api_app.get(job_id, headers=_key()).json["status"] == "queued"
    assert api_app.get(other_id, headers=_key()).json["status"] == "queued"


def test_an_operator_cancels_a_job_of_another_tenant(api_app: ApiApp, job_id: str) -> None:
    token = _token(api_app, job_id, key="watch")

    answer = _cancel(api_app, job_id, {"confirm": token}, key="watch")

    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")


def test_a_job_of_another_tenant_is_not_found_by_a_cancel(api_app: ApiApp, job_id: str) -> None:
    token = _token(api_app, job_id)

    for body in (None, {"confirm": token}):
        _assert_problem(_cancel(api_app, job_id, body, key="other"), 404, "job-not-found")
        _assert_problem(_cancel(api_app, new_job_id(), body), 404, "job-not-found")
        _assert_problem(_cancel(api_app, "1", body), 404, "job-not-found")
        _assert_problem(_cancel(api_app, job_id, body, key="look"), 403, "forbidden")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ("yes", ""),
        ({"confirm": ""}, "/confirm"),
        ({"confirm": True}, "/confirm"),
        ({"confirm": "x" * 257}, "/confirm"),
        ({"confirmed": "x"}, "/confirmed"),
    ],
)
def test_a_body_that_is_not_a_confirmation_is_refused(
    api_app: ApiApp, job_id: str, body: Any, pointer: str
) -> None:
    answer = _cancel(api_app, job_id, body)

    _assert_problem(answer, 422, "invalid-request")
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "application/json"}, b"", 202),
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({}, b'{"confirm": "x"}', 415),
        ({"Content-Type": "application/json"}, b"{", 400),
        ({"Content-Type": "application/msgpack"}, msgpack.packb({"confirm": "x"}), 409),
    ],
)
def test_a_cancels_body_is_read_like_any_other(
    api_app: ApiApp, job_id: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = api_app.http.simulate_post(
        f"/v1/jobs/{job_id}/cancel", body=body, headers={**_key(), **headers}
    )

    assert answer.status_code == status


def test_a_purged_job_is_gone_for_its_tenant_and_not_found_for_others(
    api_app: ApiApp, job_id: str
) -> None:
    api_app.succeed(job_id, 3)
    removed = api_app.http.simulate_delete(
        f"/v1/jobs/{job_id}", params={"purge": "true"}, headers=_key()
    )

    statuses = {
        key: api_app.get(job_id, headers=_key(key)).status_code
        for key in ("work", "look", "other", "watch")
    }

    assert removed.status_code == 204
    assert statuses == {"work": 410, "look": 410, "other": 404, "watch": 404}
    _assert_problem(_cancel(api_app, job_id), 404, "job-not-found")


@pytest.mark.parametrize(
    ("operation", "status"), [("single", 409), ("shared", 303), ("newest", 202)]
)
def test_a_duplicate_of_a_scheduled_job_follows_the_operations_policy(
    api_app: ApiApp, operation: str, status: int
) -> None:
    body = {"operation": operation, "params": {"name": "a"}}
    first = api_app.submit({**body, "delay_seconds": 3600}, headers=_key()).json

    answer = api_app.submit(body, headers=_key())

    left = api_app.get(first["id"], headers=_key()).json["status"]
    assert (answer.status_code, left) == (status, "cancelled" if status == 202 else "scheduled")
    if status == 409:
        assert answer.json["existing_job"]["status"] == "scheduled"
        assert 1 <= int(answer.headers["Retry-After"]) <= 30
    if status != 202:
        assert answer.headers["Location"] == first["links"]["self"]


def test_a_cancel_in_one_step_needs_no_confirmation(api_app: ApiApp) -> None:
    job_id = api_app.submit(ADD, headers=_key()).json["id"]
    token = _token(api_app, job_id)

    answer = api_app.http.simulate_delete(f"/v1/jobs/{job_id}", headers=_key())

    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")
    _assert_problem(_cancel(api_app, job_id, {"confirm": token}), 409, "job-final")
