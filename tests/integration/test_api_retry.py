"""Retrying a job by hand: a new job from the stored request, taken as any other."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from falcon import testing

from callboard.jobs.finish import encode_result, finish
from callboard.jobs.ids import new_job_id
from tests.api_stage import ADD, Stage, keys_of
from tests.eventually import eventually

KEYS = keys_of(
    "acme:viewer:look", "acme:client:work", "globex:client:other", "staff:operator:watch"
)
SAME = {"name": "a"}


@pytest.fixture
def stage() -> Iterator[Stage]:
    built = Stage(api_keys=KEYS)
    yield built
    built.close()


def _key(name: str = "work") -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


def _ended(stage: Stage, body: Any = None, how: str = "succeeded") -> str:
    job_id: str = stage.submit(body, headers=_key()).json["id"]
    match how:
        case "succeeded":
            stage.succeed(job_id, 3)
        case "failed":
            stage.fail(job_id, {"type": "failure", "detail": "no"})
        case "cancelled":
            stage.http.simulate_delete(f"/v1/jobs/{job_id}", headers=_key())
    return job_id


def _retry(stage: Stage, job_id: str, key: str = "work", **more: Any) -> testing.Result:
    headers = {**_key(key), **more.pop("headers", {})}
    return stage.http.simulate_post(f"/v1/jobs/{job_id}/retry", headers=headers, **more)


def _recorded_as(stage: Stage, job_id: str, operation: str) -> None:
    """Leave the job as another version of the server, with other operations, recorded it."""
    stage.store.redis.hset(stage.store.keys("job", job_id), "operation", operation)


def _assert_problem(answer: testing.Result, status: int, name: str) -> None:
    assert answer.status_code == status
    assert answer.json["type"].endswith(f"/problems/{name}")


@pytest.mark.parametrize("how", ["succeeded", "failed", "cancelled"])
def test_a_final_job_is_made_again_from_what_was_asked(stage: Stage, how: str) -> None:
    asked = {**ADD, "priority": 8, "labels": {"project": "x"}, "result_ttl_seconds": 7200}
    old_id = _ended(stage, asked, how)

    answer = _retry(stage, old_id)

    job = answer.json
    assert answer.status_code == 202
    assert (job["retry_of"], job["status"], job["attempt"]) == (old_id, "queued", 0)
    assert (job["operation"], job["priority"], job["labels"]) == ("add", 8, {"project": "x"})
    assert answer.headers["Location"] == job["links"]["self"] != f"/v1/jobs/{old_id}"
    assert int(answer.headers["Retry-After"]) >= 1
    submission = stage.publisher.published[-1].submission
    assert (submission.job_id, submission.params) == (job["id"], {"a": 1, "b": 2})
    assert submission.result_ttl.total_seconds() == 7200
    assert stage.get(old_id, headers=_key()).json["status"] == how
    assert stage.get(job["id"], headers=_key()).json == job


def test_a_retry_of_a_scheduled_job_runs_now(stage: Stage) -> None:
    old_id = _ended(stage, {**ADD, "delay_seconds": 3600}, "cancelled")

    assert _retry(stage, old_id).json["status"] == "queued"


@pytest.mark.parametrize("status", ["scheduled", "queued", "running", "cancelling"])
def test_a_job_that_is_not_final_cannot_be_retried(stage: Stage, status: str) -> None:
    later = {"delay_seconds": 60} if status == "scheduled" else {}
    job_id = stage.submit({**ADD, **later}, headers=_key()).json["id"]
    if status in ("running", "cancelling"):
        stage.claim(job_id)
    if status == "cancelling":
        stage.http.simulate_delete(f"/v1/jobs/{job_id}", headers=_key())

    answer = _retry(stage, job_id)

    _assert_problem(answer, 409, "job-active")
    assert answer.json["job"]["status"] == status
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_retry_of_a_unique_job_while_another_runs_is_a_duplicate(stage: Stage) -> None:
    body = {"operation": "single", "params": SAME}
    old_id = _ended(stage, body)
    running = stage.submit(body, headers=_key()).json
    stage.claim(running["id"])

    answer = _retry(stage, old_id)

    _assert_problem(answer, 409, "duplicate-job")
    assert answer.json["existing_job"] == {
        "id": running["id"],
        "status": "running",
        "href": running["links"]["self"],
    }
    assert answer.headers["Location"] == running["links"]["self"]
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_retry_of_a_shared_job_leads_to_the_one_that_is_there(stage: Stage) -> None:
    body = {"operation": "shared", "params": SAME}
    old_id = _ended(stage, body)
    other = stage.submit(body, headers=_key()).json

    answer = _retry(stage, old_id)

    assert (answer.status_code, answer.headers["Location"]) == (303, other["links"]["self"])


def test_a_retry_takes_the_place_of_a_newer_job_that_does_not_run_yet(stage: Stage) -> None:
    body = {"operation": "newest", "params": SAME}
    old_id = _ended(stage, body)
    newer_id = stage.submit({**body, "delay_seconds": 60}, headers=_key()).json["id"]

    answer = _retry(stage, old_id)

    assert (answer.status_code, answer.json["retry_of"]) == (202, old_id)
    assert stage.get(newer_id, headers=_key()).json["status"] == "cancelled"


def test_a_retry_beyond_the_capacity_is_refused(stage: Stage) -> None:
    body: dict[str, Any] = {"operation": "narrow", "params": {}}
    old_id = _ended(stage, body)
    stage.submit(body, headers=_key())

    answer = _retry(stage, old_id)

    assert (answer.status_code, answer.json["code"]) == (503, "CAPACITY_EXCEEDED")


def test_a_job_of_an_operation_that_is_gone_cannot_be_retried(stage: Stage) -> None:
    old_id = _ended(stage)
    _recorded_as(stage, old_id, "vanished")

    _assert_problem(_retry(stage, old_id), 404, "unknown-operation")


def test_parameters_that_the_operation_does_not_take_any_more_are_pointed_at(
    stage: Stage,
) -> None:
    old_id = _ended(stage)
    _recorded_as(stage, old_id, "single")

    answer = _retry(stage, old_id)

    _assert_problem(answer, 422, "invalid-parameters")
    assert {each["pointer"] for each in answer.json["errors"]} == {
        "/params/name",
        "/params/a",
        "/params/b",
    }


def test_a_repeat_with_the_same_key_gives_the_same_retry(stage: Stage) -> None:
    once = {"Idempotency-Key": "once"}
    old_id, other_id = _ended(stage), _ended(stage)

    first = _retry(stage, old_id, headers=once)
    again = _retry(stage, old_id, headers=once)
    other = _retry(stage, other_id, headers=once)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json["id"] == first.json["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    _assert_problem(other, 422, "idempotency-mismatch")


def test_a_repeat_gives_the_same_retry_after_the_job_before_it_was_removed(stage: Stage) -> None:
    old_id, once = _ended(stage), {"Idempotency-Key": "once"}
    first = _retry(stage, old_id, headers=once)
    stage.http.simulate_delete(f"/v1/jobs/{old_id}", params={"purge": "true"}, headers=_key())

    again = _retry(stage, old_id, headers=once)
    other = _retry(stage, old_id, headers={"Idempotency-Key": "another"})

    assert (again.status_code, again.json) == (202, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    _assert_problem(other, 404, "job-not-found")


def test_a_key_of_another_submission_gives_nothing_for_a_job_that_was_removed(
    stage: Stage,
) -> None:
    old_id, once = _ended(stage), {"Idempotency-Key": "once"}
    stage.submit(ADD, headers={**_key(), **once})
    stage.http.simulate_delete(f"/v1/jobs/{old_id}", params={"purge": "true"}, headers=_key())

    _assert_problem(_retry(stage, old_id, headers=once), 404, "job-not-found")


def test_a_retry_waits_for_its_job_if_asked_to(stage: Stage) -> None:
    old_id = _ended(stage)
    answers: list[testing.Result] = []

    def ask() -> None:
        answers.append(_retry(stage, old_id, headers={"Prefer": "wait=10"}))

    thread = threading.Thread(target=ask)
    thread.start()
    eventually(lambda: len(stage.publisher.published) == 2, what="the retry is published")
    new_id = stage.publisher.published[-1].submission.job_id
    finish(stage.store, stage.claim(new_id), encode_result(4, max_bytes=100))
    thread.join()

    assert (answers[0].status_code, answers[0].json["result"]) == (200, 4)
    assert answers[0].headers["Preference-Applied"] == "wait=10"


def test_an_operators_retry_belongs_to_the_tenant_of_the_job(stage: Stage) -> None:
    old_id = _ended(stage)

    new_id = _retry(stage, old_id, key="watch").json["id"]

    assert stage.get(new_id, headers=_key()).json["retry_of"] == old_id
    assert stage.publisher.published[-1].submission.tenant == "acme"


def test_an_operators_key_leaves_those_of_the_jobs_tenant_alone(stage: Stage) -> None:
    old_id, once = _ended(stage), {"Idempotency-Key": "once"}

    first = _retry(stage, old_id, key="watch", headers=once)
    again = _retry(stage, old_id, key="watch", headers=once)
    own = stage.submit(ADD, headers={**_key(), **once})

    assert again.json["id"] == first.json["id"]
    assert own.status_code == 202
    assert "Idempotency-Replayed" not in own.headers


def test_a_job_that_one_may_not_see_is_not_there_to_retry(stage: Stage) -> None:
    job_id = _ended(stage)
    gone = _ended(stage)
    stage.http.simulate_delete(f"/v1/jobs/{gone}", params={"purge": "true"}, headers=_key())

    _assert_problem(_retry(stage, job_id, key="other"), 404, "job-not-found")
    _assert_problem(_retry(stage, gone), 404, "job-not-found")
    _assert_problem(_retry(stage, new_job_id()), 404, "job-not-found")
    _assert_problem(_retry(stage, job_id, key="look"), 403, "forbidden")


@pytest.mark.parametrize("body", [[], {"params": {}}])
def test_a_retry_takes_nothing_from_its_body(stage: Stage, body: Any) -> None:
    job_id = _ended(stage)

    empty = {"Transfer-Encoding": "chunked", "Content-Type": "text/plain"}
    assert _retry(stage, job_id, json={}).status_code == 202
    assert _retry(stage, job_id, body=b"", headers=empty).status_code == 202
    _assert_problem(_retry(stage, job_id, json=body), 422, "invalid-request")
