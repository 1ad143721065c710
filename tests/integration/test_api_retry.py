"""Retrying a job by hand: a new job from the stored request, submitted like any other."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from falcon import testing

from callboard.jobs.finish import encode_result, finish
from callboard.jobs.ids import new_job_id
from tests.api_app import ADD, ApiApp, keys_of
from tests.eventually import eventually

KEYS = keys_of(
    "acme:viewer:look", "acme:client:work", "globex:client:other", "staff:operator:watch"
)
SAME = {"name": "a"}


@pytest.fixture
def api_app() -> Iterator[ApiApp]:
    built = ApiApp(api_keys=KEYS)
    yield built
    built.close()


def _key(name: str = "work") -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


def _ended(api_app: ApiApp, body: Any = None, how: str = "succeeded") -> str:
    job_id: str = api_app.submit(body, headers=_key()).json["id"]
    match how:
        case "succeeded":
            api_app.succeed(job_id, 3)
        case "failed":
            api_app.fail(job_id, {"type": "failure", "detail": "no"})
        case "cancelled":
            api_app.http.simulate_delete(f"/v1/jobs/{job_id}", headers=_key())
    return job_id


def _retry(api_app: ApiApp, job_id: str, key: str = "work", **more: Any) -> testing.Result:
    headers = {**_key(key), **more.pop("headers", {})}
    return api_app.http.simulate_post(f"/v1/jobs/{job_id}/retry", headers=headers, **more)


def _recorded_as(api_app: ApiApp, job_id: str, operation: str) -> None:
    """Change the job to one recorded by a server with other operations."""
    api_app.store.redis.hset(api_app.store.keys("job", job_id), "operation", operation)


def _assert_problem(answer: testing.Result, status: int, name: str) -> None:
    assert answer.status_code == status
    assert answer.json["type"].endswith(f"/problems/{name}")


@pytest.mark.parametrize("how", ["succeeded", "failed", "cancelled"])
def test_a_final_job_is_resubmitted_with_the_same_parameters(api_app: ApiApp, how: str) -> None:
    asked = {**ADD, "priority": 8, "labels": {"project": "x"}, "result_ttl_seconds": 7200}
    old_id = _ended(api_app, asked, how)

    answer = _retry(api_app, old_id)

    job = answer.json
    assert answer.status_code == 202
    assert (job["retry_of"], job["status"], job["attempt"]) == (old_id, "queued", 0)
    assert (job["operation"], job["priority"], job["labels"]) == ("add", 8, {"project": "x"})
    assert answer.headers["Location"] == job["links"]["self"] != f"/v1/jobs/{old_id}"
    assert int(answer.headers["Retry-After"]) >= 1
    submission = api_app.publisher.published[-1].submission
    assert (submission.job_id, submission.params) == (job["id"], {"a": 1, "b": 2})
    assert submission.result_ttl.total_seconds() == 7200
    assert api_app.get(old_id, headers=_key()).json["status"] == how
    assert api_app.get(job["id"], headers=_key()).json == job


def test_a_retry_of_a_scheduled_job_runs_now(api_app: ApiApp) -> None:
    old_id = _ended(api_app, {**ADD, "delay_seconds": 3600}, "cancelled")

    assert _retry(api_app, old_id).json["status"] == "queued"


@pytest.mark.parametrize("status", ["scheduled", "queued", "running", "cancelling"])
def test_a_job_that_is_not_final_cannot_be_retried(api_app: ApiApp, status: str) -> None:
    later = {"delay_seconds": 60} if status == "scheduled" else {}
    job_id = api_app.submit({**ADD, **later}, headers=_key()).json["id"]
    if status in ("running", "cancelling"):
        api_app.claim(job_id)
    if status == "cancelling":
        api_app.http.simulate_delete(f"/v1/jobs/{job_id}", headers=_key())

    answer = _retry(api_app, job_id)

    _assert_problem(answer, 409, "job-active")
    assert answer.json["job"]["status"] == status
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_retry_of_a_unique_job_while_another_runs_is_a_duplicate(api_app: ApiApp) -> None:
    body = {"operation": "single", "params": SAME}
    old_id = _ended(api_app, body)
    running = api_app.submit(body, headers=_key()).json
    api_app.claim(running["id"])

    answer = _retry(api_app, old_id)

    _assert_problem(answer, 409, "duplicate-job")
    assert answer.json["existing_job"] == {
        "id": running["id"],
        "status": "running",
        "href": running["links"]["self"],
    }
    assert answer.headers["Location"] == running["links"]["self"]
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_retry_of_a_shared_job_returns_the_active_one(api_app: ApiApp) -> None:
    body = {"operation": "shared", "params": SAME}
    old_id = _ended(api_app, body)
    other = api_app.submit(body, headers=_key()).json

    answer = _retry(api_app, old_id)

    assert (answer.status_code, answer.headers["Location"]) == (303, other["links"]["self"])


def test_a_retry_replaces_a_newer_job_that_is_not_running(api_app: ApiApp) -> None:
    body = {"operation": "newest", "params": SAME}
    old_id = _ended(api_app, body)
    newer_id = api_app.submit({**body, "delay_seconds": 60}, headers=_key()).json["id"]

    answer = _retry(api_app, old_id)

    assert (answer.status_code, answer.json["retry_of"]) == (202, old_id)
    assert api_app.get(newer_id, headers=_key()).json["status"] == "cancelled"


def test_a_retry_beyond_the_capacity_is_refused(api_app: ApiApp) -> None:
    body: dict[str, Any] = {"operation": "narrow", "params": {}}
    old_id = _ended(api_app, body)
    api_app.submit(body, headers=_key())

    answer = _retry(api_app, old_id)

    assert (answer.status_code, answer.json["code"]) == (503, "CAPACITY_EXCEEDED")


def test_a_job_of_a_removed_operation_cannot_be_retried(api_app: ApiApp) -> None:
    old_id = _ended(api_app)
    _recorded_as(api_app, old_id, "vanished")

    _assert_problem(_retry(api_app, old_id), 404, "unknown-operation")


def test_parameters_that_the_operation_no_longer_accepts_are_named(
    api_app: ApiApp,
) -> None:
    old_id = _ended(api_app)
    _recorded_as(api_app, old_id, "single")

    answer = _retry(api_app, old_id)

    _assert_problem(answer, 422, "invalid-parameters")
    assert {each["pointer"] for each in answer.json["errors"]} == {
        "/params/name",
        "/params/a",
        "/params/b",
    }


def test_a_repeat_with_the_same_key_returns_the_same_retry(api_app: ApiApp) -> None:
    once = {"Idempotency-Key": "once"}
    old_id, other_id = _ended(api_app), _ended(api_app)

    first = _retry(api_app, old_id, headers=once)
    again = _retry(api_app, old_id, headers=once)
    other = _retry(api_app, other_id, headers=once)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json["id"] == first.json["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    _assert_problem(other, 422, "idempotency-mismatch")


def test_a_repeat_returns_the_same_retry_after_the_first_job_was_purged(api_app: ApiApp) -> None:
    old_id, once = _ended(api_app), {"Idempotency-Key": "once"}
    first = _retry(api_app, old_id, headers=once)
    api_app.http.simulate_delete(f"/v1/jobs/{old_id}", params={"purge": "true"}, headers=_key())

    again = _retry(api_app, old_id, headers=once)
    other = _retry(api_app, old_id, headers={"Idempotency-Key": "another"})

    assert (again.status_code, again.json) == (202, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    _assert_problem(other, 404, "job-not-found")


def test_a_key_of_another_submission_finds_no_purged_job(
    api_app: ApiApp,
) -> None:
    old_id, once = _ended(api_app), {"Idempotency-Key": "once"}
    api_app.submit(ADD, headers={**_key(), **once})
    api_app.http.simulate_delete(f"/v1/jobs/{old_id}", params={"purge": "true"}, headers=_key())

    _assert_problem(_retry(api_app, old_id, headers=once), 404, "job-not-found")


def test_a_retry_waits_for_its_job_if_asked_to(api_app: ApiApp) -> None:
    old_id = _ended(api_app)
    answers: list[testing.Result] = []

    def ask() -> None:
        answers.append(_retry(api_app, old_id, headers={"Prefer": "wait=10"}))

    thread = threading.Thread(target=ask)
    thread.start()
    eventually(lambda: len(api_app.publisher.published) == 2, what="the retry is published")
    new_id = api_app.publisher.published[-1].submission.job_id
    finish(api_app.store, api_app.claim(new_id), encode_result(4, max_bytes=100))
    thread.join()

    assert (answers[0].status_code, answers[0].json["result"]) == (200, 4)
    assert answers[0].headers["Preference-Applied"] == "wait=10"


def test_a_retry_by_an_operator_belongs_to_the_jobs_tenant(api_app: ApiApp) -> None:
    old_id = _ended(api_app)

    new_id = _retry(api_app, old_id, key="watch").json["id"]

    assert api_app.get(new_id, headers=_key()).json["retry_of"] == old_id
    assert api_app.publisher.published[-1].submission.tenant == "acme"


def test_an_operators_idempotency_key_is_separate_from_the_tenants(api_app: ApiApp) -> None:
    old_id, once = _ended(api_app), {"Idempotency-Key": "once"}

    first = _retry(api_app, old_id, key="watch", headers=once)
    again = _retry(api_app, old_id, key="watch", headers=once)
    own = api_app.submit(ADD, headers={**_key(), **once})

    assert again.json["id"] == first.json["id"]
    assert own.status_code == 202
    assert "Idempotency-Replayed" not in own.headers


def test_a_job_of_another_tenant_is_not_found_by_a_retry(api_app: ApiApp) -> None:
    job_id = _ended(api_app)
    gone = _ended(api_app)
    api_app.http.simulate_delete(f"/v1/jobs/{gone}", params={"purge": "true"}, headers=_key())

    _assert_problem(_retry(api_app, job_id, key="other"), 404, "job-not-found")
    _assert_problem(_retry(api_app, gone), 404, "job-not-found")
    _assert_problem(_retry(api_app, new_job_id()), 404, "job-not-found")
    _assert_problem(_retry(api_app, job_id, key="look"), 403, "forbidden")


@pytest.mark.parametrize("body", [[], {"params": {}}])
def test_a_retry_ignores_its_body(api_app: ApiApp, body: Any) -> None:
    job_id = _ended(api_app)

    empty = {"Transfer-Encoding": "chunked", "Content-Type": "text/plain"}
    assert _retry(api_app, job_id, json={}).status_code == 202
    assert _retry(api_app, job_id, body=b"", headers=empty).status_code == 202
    _assert_problem(_retry(api_app, job_id, json=body), 422, "invalid-request")
