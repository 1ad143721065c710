"""The document describes every answer: status, headers and body."""

from collections.abc import Iterator
from typing import Any

import pytest
from falcon import testing

from callboard.jobs.callbacks.deliver import (
    claim_deliveries,
    record_delivery,
)
from callboard.jobs.callbacks.retry_delay import Attempted
from callboard.jobs.progress import ProgressReport
from callboard.jobs.schedules.records import put_schedule
from callboard.jobs.schedules.schedule import Schedule
from tests.api_app import ApiApp, hash_of
from tests.contract.documents import app_of_contract, complaints
from tests.ticks import take_now

pytestmark = pytest.mark.check

ENCLOSE = {"operation": "enclose", "params": {"points": [{"x": 1}, {"x": 2.5, "y": -1}]}}
BOX = {"lowest": {"x": 1.0, "y": -1.0}, "highest": {"x": 2.5, "y": 0.0}, "label": None}
ONCE = {"operation": "once", "params": {"name": "a"}}


class Asking:
    """Sends requests to a web process, and compares each answer with its document."""

    def __init__(self, api_app: ApiApp) -> None:
        self.api_app = api_app
        self._document = api_app.http.simulate_get("/openapi.json").json

    def __call__(self, method: str, path: str, *, key: str = "", **more: Any) -> testing.Result:
        headers = more.pop("headers", {})
        if key:
            headers = {**headers, "X-API-Key": key}
        answer = self.api_app.http.simulate_request(method, path, headers=headers, **more)
        wrong = complaints(self._document, method, path.partition("?")[0], answer)
        assert not wrong, f"{method} {path}: {wrong}"
        return answer

    def submit(self, body: Any = None, **more: Any) -> str:
        answer = self("POST", "/v1/jobs", json=ENCLOSE if body is None else body, **more)
        assert answer.status_code == 202
        job_id: str = answer.json["id"]
        return job_id


@pytest.fixture
def ask() -> Iterator[Asking]:
    api_app = app_of_contract()
    yield Asking(api_app)
    api_app.close()


@pytest.mark.parametrize("media", ["application/json", "application/msgpack"])
def test_a_job_is_described_in_each_status(ask: Asking, media: str) -> None:
    headers = {"Accept": media}
    scheduled = ask.submit({**ENCLOSE, "delay_seconds": 60, "labels": {"a": "b"}})
    queued, ended, failed = ask.submit(), ask.submit(), ask.submit()
    running = ask.submit()
    fence = ask.api_app.claim(running)
    ask.api_app.report(
        fence, ProgressReport(current=1, total=3, percent=33.3, step="x", lines=["1.0 a"])
    )
    ask.api_app.succeed(ended, BOX)
    ask.api_app.fail(failed, {"type": "failure", "detail": "no", "traceback": "t"})

    for job_id in (scheduled, queued, running, ended, failed):
        for path in ("", "/result", "/log"):
            ask("GET", f"/v1/jobs/{job_id}{path}", headers=headers)

    ask("GET", "/v1/jobs?limit=2", headers=headers)
    assert ask("GET", f"/v1/jobs/{ended}").json["result"] == BOX


def test_a_typed_path_answers_with_a_typed_job(ask: Asking) -> None:
    path = "/v1/operations/enclose"
    key = {"Idempotency-Key": "typed"}

    job_id = ask("POST", path, json=ENCLOSE["params"], headers=key).json["id"]
    ask.api_app.succeed(job_id, BOX)
    again = ask("POST", path, json=ENCLOSE["params"], headers=key)

    assert (again.status_code, again.json["result"]) == (200, BOX)
    assert ask("GET", path).json["name"] == "enclose"
    assert ask("POST", path, json={}).status_code == 422


def test_a_cancel_is_described_in_both_steps_and_so_is_a_retry(ask: Asking) -> None:
    job_id = ask.submit()
    path = f"/v1/jobs/{job_id}"
    ask("POST", f"{path}/retry")
    token = ask("POST", f"{path}/cancel").json["confirmation"]["token"]

    done = ask("POST", f"{path}/cancel", json={"confirm": token})
    final = ask("POST", f"{path}/cancel")
    stale = ask("POST", f"/v1/jobs/{ask.submit()}/cancel", json={"confirm": "x"})
    events = ask("GET", f"{path}/events")
    retried = ask("POST", f"{path}/retry")

    assert (done.status_code, final.status_code, stale.status_code) == (200, 409, 409)
    assert events.text.count("event: done") == 1
    assert retried.json["retry_of"] == job_id


def test_a_job_that_is_deleted_is_described_to_the_end(ask: Asking) -> None:
    job_id = ask.submit()
    path = f"/v1/jobs/{job_id}"
    ask.api_app.claim(ask.submit())

    statuses = [
        ask("DELETE", f"{path}?purge=true").status_code,
        ask("DELETE", path).status_code,
        ask("DELETE", path).status_code,
        ask("DELETE", f"{path}?purge=true").status_code,
        ask("GET", path).status_code,
    ]

    assert statuses == [409, 200, 200, 204, 410]


def test_duplicates_and_repeats_are_described(ask: Asking) -> None:
    key = {"Idempotency-Key": '"k"'}
    ask.submit(ONCE, headers=key)

    statuses = [
        ask("POST", "/v1/jobs", json=ONCE, headers=key).status_code,
        ask("POST", "/v1/jobs", json={**ONCE, "priority": 1}, headers=key).status_code,
        ask("POST", "/v1/jobs", json=ONCE).status_code,
        ask("POST", "/v1/operations/once", json=ONCE["params"]).status_code,
        ask("POST", "/v1/operations/shared", json={"name": "a"}).status_code,
        ask("POST", "/v1/operations/shared", json={"name": "a"}).status_code,
    ]

    assert statuses == [202, 422, 409, 409, 202, 303]


def test_a_schedule_is_described_from_its_first_tick_to_its_end(ask: Asking) -> None:
    path, store = "/v1/schedules/nightly", ask.api_app.store
    daily = {"cron": "0 2 * * *", **ENCLOSE}
    put_schedule(store, "kept", Schedule.model_validate(daily), source="file")

    statuses = [
        ask("PUT", path, json={**daily, "labels": {"a": "b"}}).status_code,
        ask("PUT", path, json=daily).status_code,
        ask("PUT", path, json={**daily, "cron": "x"}).status_code,
        ask("PUT", "/v1/schedules/kept", json=daily).status_code,
        ask("POST", f"{path}/pause").status_code,
        ask("GET", path).status_code,
        ask("POST", f"{path}/resume").status_code,
    ]
    take_now(store, ask.api_app.services.submissions, "nightly")
    statuses += [
        ask("GET", path).status_code,
        ask("GET", "/v1/schedules").status_code,
        ask("DELETE", path).status_code,
        ask("DELETE", path).status_code,
        ask("DELETE", "/v1/schedules/kept").status_code,
    ]

    assert statuses == [201, 200, 422, 409, 200, 200, 200, 200, 200, 204, 404, 409]


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/v1/jobs/x", {}, 404),
        ("GET", "/v1/jobs?limit=0&x=1", {}, 422),
        ("GET", "/v1/jobs?tenant=*", {}, 200),
        ("POST", "/v1/jobs", {"body": "{", "headers": {"Content-Type": "application/json"}}, 400),
        ("POST", "/v1/jobs", {"body": "{", "headers": {"Content-Type": "text/plain"}}, 415),
        ("POST", "/v1/jobs", {"json": "x" * 2**20}, 413),
        ("POST", "/v1/jobs", {"json": {"operation": "nothing", "params": {}}}, 404),
        ("POST", "/v1/jobs", {"json": ONCE, "headers": {"Idempotency-Key": ""}}, 400),
        ("GET", "/v1/operations", {}, 200),
        ("POST", "/v1/operations/once/pause", {}, 200),
        ("POST", "/v1/operations/once/resume", {}, 200),
        ("POST", "/v1/operations/nothing/pause", {}, 404),
        ("GET", "/v1/workers", {}, 200),
        ("GET", "/healthz", {}, 200),
        ("GET", "/readyz", {}, 200),
        ("GET", "/docs", {}, 200),
        ("GET", "/openapi.json", {}, 200),
        ("GET", "/problems", {"headers": {"Accept": "application/json"}}, 200),
        ("GET", "/problems/failure", {"headers": {"Accept": "application/json"}}, 200),
        ("GET", "/problems/failure", {"headers": {"Accept": "text/html"}}, 200),
        ("GET", "/problems/nothing", {}, 404),
    ],
)
def test_all_other_answers_are_described(
    ask: Asking, method: str, path: str, sent: dict[str, Any], status: int
) -> None:
    assert ask(method, path, **sent).status_code == status


def test_forbidden_and_rate_limited_answers_are_described() -> None:
    api_app = app_of_contract(api_keys=f"t:viewer:{hash_of('k')}", rate_limit="2/10s")
    ask = Asking(api_app)

    statuses = [
        ask("GET", "/v1/jobs").status_code,
        ask("POST", "/v1/jobs", key="k", json=ONCE).status_code,
        ask("GET", "/v1/jobs", key="k").status_code,
        ask("GET", "/v1/jobs", key="k").status_code,
        ask("GET", "/v1/jobs", key="k").status_code,
    ]
    api_app.close()

    assert statuses[:3] == [401, 403, 200]
    assert statuses[-1] == 429


def test_callbacks_are_described_from_their_queueing_to_their_resending() -> None:
    api_app = app_of_contract(signing_key="s" * 32)
    ask = Asking(api_app)
    job_id = ask.submit({**ENCLOSE, "callback": {"url": "https://hooks.example/"}})
    path = f"/v1/jobs/{job_id}/callbacks"
    ask("GET", path)
    api_app.succeed(job_id, BOX)
    (shown,) = ask("GET", path).json["items"]
    resend = f"{path}/{shown['id']}/resend"
    (delivery,) = claim_deliveries(api_app.store, most=1, per_host=1)

    statuses = [ask("POST", resend).status_code]
    record_delivery(api_app.store, delivery, Attempted(code=503, problem="busy"), retries=[])
    statuses += [
        ask("GET", path).status_code,
        ask("POST", resend).status_code,
        ask("POST", f"{path}/msg_{'0' * 32}_failed/resend").status_code,
        ask("POST", "/v1/operations/enclose?callback_url=x", json=ENCLOSE["params"]).status_code,
        ask("GET", f"/v1/batches/{job_id}/callbacks").status_code,
    ]
    api_app.close()

    assert statuses == [409, 200, 202, 404, 422, 404]
