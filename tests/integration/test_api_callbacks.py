"""Callbacks over HTTP: requesting, reading and resending them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from falcon import testing

from callboard.jobs.callbacks.deliver import (
    WebhookDelivery,
    claim_deliveries,
    record_delivery,
)
from callboard.jobs.callbacks.retry_delay import Attempted
from tests.api_app import ADD, ApiApp, hash_of

KEYS = f"acme:client:{hash_of('work')},globex:client:{hash_of('other')}"
WORK, OTHER = ({"Authorization": f"Bearer {key}"} for key in ("work", "other"))
URL = "https://hooks.example/path-secret?token=query-secret"
ENDS = ["job.succeeded", "job.failed", "job.cancelled"]


@pytest.fixture
def api_app() -> Iterator[ApiApp]:
    built = ApiApp(api_keys=KEYS, signing_key="s" * 32)
    yield built
    built.close()


def submit(api_app: ApiApp, callback: Any = None, **more: Any) -> testing.Result:
    asked = {**ADD, "callback": {"url": URL} if callback is None else callback}
    return api_app.submit(asked, headers={**WORK, **more.pop("headers", {})}, **more)


def ended(api_app: ApiApp, callback: Any = None) -> str:
    job_id: str = submit(api_app, callback).json["id"]
    api_app.succeed(job_id, 3)
    return job_id


def listed(api_app: ApiApp, job_id: str) -> list[dict[str, Any]]:
    answer = api_app.http.simulate_get(f"/v1/jobs/{job_id}/callbacks", headers=WORK)
    assert answer.status_code == 200
    assert answer.json["next"] is None
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def take(api_app: ApiApp) -> WebhookDelivery:
    (delivery,) = claim_deliveries(api_app.store, most=5, per_host=5)
    return delivery


def resend(api_app: ApiApp, address: str, key: dict[str, str] = WORK) -> testing.Result:
    return api_app.http.simulate_post(address[address.index("/v1/") :], headers=key)


def asked_for(api_app: ApiApp) -> Any:
    return api_app.publisher.published[-1].submission.callback


def test_a_callback_is_stored_with_the_address_that_the_client_used(api_app: ApiApp) -> None:
    answer = submit(api_app)

    assert answer.status_code == 202
    base = answer.json["links"]["self"].partition("/v1/")[0]
    assert asked_for(api_app) == {"url": URL, "events": ENDS, "base": base}
    assert answer.json["links"]["callbacks"] == f"{answer.json['links']['self']}/callbacks"
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("callback", "pointer"),
    [
        ({}, "/callback/url"),
        ("https://hooks.example", "/callback"),
        ({"url": 1}, "/callback/url"),
        ({"url": "hooks.example"}, "/callback/url"),
        ({"url": "ftp://hooks.example/"}, "/callback/url"),
        ({"url": "https://user:word@hooks.example/"}, "/callback/url"),
        ({"url": "https://hooks.example/#part"}, "/callback/url"),
        ({"url": "http://hooks.example/"}, "/callback/url"),
        ({"url": "https://127.0.0.1/"}, "/callback/url"),
        ({"url": "https://hooks.example:22/"}, "/callback/url"),
        ({"url": f"https://hooks.example/{'x' * 2000}"}, "/callback/url"),
        ({"url": URL, "events": []}, "/callback/events"),
        ({"url": URL, "events": "job.failed"}, "/callback/events"),
        ({"url": URL, "events": ["job.queued"]}, "/callback/events/0"),
        ({"url": URL, "events": ["batch.completed"]}, "/callback/events/0"),
        ({"url": URL, "events": ["job.failed", "job.failed"]}, "/callback/events"),
        ({"url": URL, "events": ["job.failed"] * 11}, "/callback/events"),
        ({"url": URL, "secret": "x"}, "/callback/secret"),
    ],
)
def test_an_invalid_callback_is_refused_with_a_pointer(
    api_app: ApiApp, callback: Any, pointer: str
) -> None:
    answer = submit(api_app, callback)

    assert answer.status_code == 422
    assert answer.json["type"].endswith("/problems/invalid-request")
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]
    assert api_app.publisher.published == []


def test_without_a_signing_key_callbacks_are_refused() -> None:
    api_app = ApiApp()

    refused = api_app.submit({**ADD, "callback": {"url": URL}})
    taken = api_app.submit({**ADD, "callback": None})
    api_app.close()

    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json["errors"]] == ["/callback"]
    assert "CALLBOARD_SIGNING_KEY" in refused.json["detail"]
    assert taken.status_code == 202


@pytest.mark.parametrize(
    ("query", "events"),
    [
        ({"callback_url": URL}, ENDS),
        (
            {"callback_url": URL, "callback_events": "job.running,job.failed"},
            ["job.running", "job.failed"],
        ),
    ],
)
def test_an_operations_address_accepts_a_callback_in_the_query(
    api_app: ApiApp, query: dict[str, str], events: list[str]
) -> None:
    answer = api_app.http.simulate_post(
        "/v1/operations/add", json=ADD["params"], params=query, headers=WORK, params_csv=False
    )

    assert answer.status_code == 202
    assert asked_for(api_app)["url"] == URL
    assert asked_for(api_app)["events"] == events


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("callback_events=job.failed", "callback_url"),
        ("callback_url=x", "callback_url"),
        ("callback_url=https://127.0.0.1/", "callback_url"),
        ("callback_url=https://hooks.example/&callback_events=", "callback_events"),
        ("callback_url=https://hooks.example/&callback_events=job.failed,x", "callback_events"),
        ("callback_url=https://a.example/&callback_url=https://b.example/", "callback_url"),
    ],
)
def test_a_callback_in_the_query_is_refused_by_its_parameters_name(
    api_app: ApiApp, query: str, pointer: str
) -> None:
    answer = api_app.http.simulate_post(
        "/v1/operations/add", json=ADD["params"], query_string=query, headers=WORK
    )

    assert answer.status_code == 422
    assert {each["pointer"] for each in answer.json["errors"]} == {pointer}


def test_another_callback_is_another_payload_of_an_idempotency_key(api_app: ApiApp) -> None:
    key = {"Idempotency-Key": "k"}
    first = submit(api_app, headers=key)

    same = submit(api_app, headers=key)
    other = submit(api_app, {"url": f"{URL}2"}, headers=key)
    by_query = api_app.http.simulate_post(
        "/v1/operations/add", json=ADD["params"], params={"callback_url": URL}, headers=WORK | key
    )

    assert (same.json["id"], same.headers["Idempotency-Replayed"]) == (first.json["id"], "true")
    assert other.status_code == 422
    assert other.json["type"].endswith("/problems/idempotency-mismatch")
    assert by_query.json["id"] == first.json["id"]


def test_a_retry_by_hand_keeps_the_callback_of_its_job(api_app: ApiApp) -> None:
    job_id = ended(api_app)
    kept = asked_for(api_app)

    answer = api_app.http.simulate_post(f"/v1/jobs/{job_id}/retry", headers=WORK)

    assert asked_for(api_app) == kept
    api_app.succeed(answer.json["id"], 3)
    assert [each["type"] for each in listed(api_app, answer.json["id"])] == ["job.succeeded"]


def test_callbacks_are_shown_from_their_queueing_to_their_end(api_app: ApiApp) -> None:
    job_id: str = submit(api_app).json["id"]
    none = listed(api_app, job_id)
    api_app.succeed(job_id, 3)

    (queued,) = listed(api_app, job_id)
    record_delivery(api_app.store, take(api_app), Attempted(code=200), retries=[])
    (done,) = listed(api_app, job_id)

    assert none == []
    delivery_id = f"msg_{job_id.replace('-', '')}_succeeded"
    assert queued == {
        "id": delivery_id,
        "type": "job.succeeded",
        "host": "hooks.example",
        "status": "pending",
        "attempts": 0,
        "created_at": api_app.get(job_id, headers=WORK).json["finished_at"],
        "next_attempt_at": queued["created_at"],
        "last": None,
        "links": {"resend": queued["links"]["resend"]},
    }
    assert queued["links"]["resend"].endswith(f"/v1/jobs/{job_id}/callbacks/{delivery_id}/resend")
    assert (done["status"], done["attempts"], done["next_attempt_at"]) == ("delivered", 1, None)
    assert (done["last"]["status_code"], done["last"]["detail"]) == (200, None)


def test_the_path_and_query_of_a_callback_are_never_shown(api_app: ApiApp) -> None:
    job_id = ended(api_app)
    delivery = take(api_app)
    record_delivery(api_app.store, delivery, Attempted(problem="no answer in time"), retries=[])

    paths = ("", "/log", "/callbacks", "/events")
    seen = [api_app.http.simulate_get(f"/v1/jobs/{job_id}{path}", headers=WORK) for path in paths]
    again = resend(api_app, listed(api_app, job_id)[0]["links"]["resend"])

    assert all(answer.status_code == 200 for answer in seen)
    assert "hooks.example" in seen[1].text
    assert listed(api_app, job_id)[0]["last"]["detail"] == "no answer in time"
    assert not [answer.text for answer in (*seen, again) if "secret" in answer.text]


def test_an_ended_callback_is_resent_with_its_id(api_app: ApiApp) -> None:
    job_id = ended(api_app)
    first = take(api_app)
    record_delivery(api_app.store, first, Attempted(code=500), retries=[])
    (failed,) = listed(api_app, job_id)

    answer = resend(api_app, failed["links"]["resend"])

    assert failed["status"] == "failed"
    assert answer.status_code == 202
    assert (answer.json["status"], answer.json["attempts"]) == ("pending", 0)
    assert answer.json == listed(api_app, job_id)[0]
    assert (take(api_app).id, first.id) == (answer.json["id"], answer.json["id"])


def test_a_callback_in_progress_is_not_resent(api_app: ApiApp) -> None:
    job_id = ended(api_app)
    (shown,) = listed(api_app, job_id)
    take(api_app)

    answer = resend(api_app, shown["links"]["resend"])

    assert answer.status_code == 409
    assert answer.json["type"].endswith("/problems/delivery-pending")
    assert int(answer.headers["Retry-After"]) > 0
    assert listed(api_app, job_id)[0]["next_attempt_at"] is None


def test_an_unknown_callback_cannot_be_resent(api_app: ApiApp) -> None:
    job_id, other = ended(api_app), ended(api_app)
    (foreign,) = listed(api_app, other)

    for name in ("x", foreign["id"]):
        answer = resend(api_app, f"/v1/jobs/{job_id}/callbacks/{name}/resend")

        assert answer.status_code == 404
        assert answer.json["type"].endswith("/problems/delivery-not-found")


def test_another_tenants_callbacks_are_neither_shown_nor_resent(api_app: ApiApp) -> None:
    job_id = ended(api_app)
    (shown,) = listed(api_app, job_id)
    before = json.dumps(listed(api_app, job_id))

    seen = api_app.http.simulate_get(f"/v1/jobs/{job_id}/callbacks", headers=OTHER)
    sent = resend(api_app, shown["links"]["resend"], OTHER)

    assert (seen.status_code, sent.status_code) == (404, 404)
    assert seen.json["type"].endswith("/problems/job-not-found")
    assert sent.json["type"].endswith("/problems/job-not-found")
    assert json.dumps(listed(api_app, job_id)) == before


def test_callbacks_of_a_purged_job_are_gone(api_app: ApiApp) -> None:
    job_id = ended(api_app)
    api_app.http.simulate_delete(f"/v1/jobs/{job_id}?purge=true", headers=WORK)

    answer = api_app.http.simulate_get(f"/v1/jobs/{job_id}/callbacks", headers=WORK)

    assert answer.status_code == 410
    assert api_app.store.redis.keys("*deliver*") == []


def test_a_batchs_callback_is_shown_and_resent(api_app: ApiApp) -> None:
    asked = {"items": [ADD], "callback": {"url": URL}}
    batch = api_app.http.simulate_post("/v1/batches", json=asked, headers=WORK).json
    api_app.succeed(batch["items"][0]["job"]["id"], 3)
    path = f"/v1/batches/{batch['id']}/callbacks"

    (shown,) = api_app.http.simulate_get(path, headers=WORK).json["items"]
    record_delivery(api_app.store, take(api_app), Attempted(code=500), retries=[])
    answer = resend(api_app, shown["links"]["resend"])
    foreign = api_app.http.simulate_get(path, headers=OTHER)

    assert shown["type"] == "batch.completed"
    assert shown["id"] == f"msg_{batch['id'].replace('-', '')}_completed"
    assert (answer.status_code, answer.json["status"]) == (202, "pending")
    assert foreign.status_code == 404
    assert take(api_app).kind == "batch"
