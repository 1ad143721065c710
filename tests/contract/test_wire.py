"""Third-party linters find valid HTTP on the wire."""

import hashlib
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any, Final

import http_sf
import pytest
from falcon import testing
from hypothesis import given
from hypothesis import strategies as st

from callboard.api.idempotency import MAX_KEY_LENGTH, idempotency_fields
from tests.contract.documents import app_of_contract
from tests.contract.exchanges import Exchange, complaints, exchange
from tests.eventually import eventually
from tests.system.stack import Stack

KNOWN: Final = {
    # A convention (RFC 7240, section 4.1, has an example); the body also states it.
    (200, "WARN: This status code doesn't define any meaning for the Location header."),
    (202, "WARN: This status code doesn't define any meaning for the Location header."),
    (409, "WARN: This status code doesn't define any meaning for the Location header."),
    # In an answer it lists the codings accepted in requests (RFC 9110, section 12.5.1).
    (415, """BAD: "Accept" isn't valid in a response."""),
    # Every 400 has this.
    (400, "WARN: The server didn't understand the request."),
}


class Caller:
    """Sends requests, and stores every answer."""

    def __init__(self, url: str, keys: dict[str, str]) -> None:
        self._url = url
        self._keys = keys
        self.answers: list[Exchange] = []

    def __call__(self, method: str, path: str, *, who: str = "first", **more: Any) -> Exchange:
        key = self._keys.get(who, "")
        self.answers.append(exchange(self._url, method, path, key=key, **more))
        return self.answers[-1]


@pytest.fixture(scope="module")
def answers(served: Stack, keys: dict[str, str]) -> list[Exchange]:
    ask = Caller(served.url, keys)
    for tour in (_submissions, _job, _files, _many, _schedules, _refusals, _server):
        tour(ask)
    return ask.answers


@pytest.fixture
def limited() -> Iterator[list[Exchange]]:
    api_app = app_of_contract(rate_limit="2/10s")
    yield [_of(api_app.http.simulate_get("/v1/operations")) for _ in range(3)]
    api_app.close()


def _of(result: testing.Result) -> Exchange:
    headers = (*result.headers.items(), ("Date", formatdate(usegmt=True)))
    reason = result.status.partition(" ")[2]
    return Exchange(
        "GET",
        "/v1/operations",
        result.status_code,
        reason,
        headers,
        result.content,
        (),
        time.time(),
    )


def _submissions(ask: Caller) -> None:
    later = {"operation": "shared", "params": {"name": "wire"}, "delay_seconds": 3600}
    ask("POST", "/v1/jobs", body=later, Idempotency_Key='"wire"')
    ask("POST", "/v1/jobs", body=later, Idempotency_Key="wire")
    ask("POST", "/v1/jobs", body=later)
    ask("POST", "/v1/operations/at_once", body={}, Prefer="respond-async, wait=1")
    ask("GET", "/v1/jobs?limit=1")


def _job(ask: Caller) -> None:
    job = ask("POST", "/v1/operations/once?delay_seconds=3600", body={"name": "wire"})
    path = f"/v1/jobs/{job.json['id']}"
    ask("POST", "/v1/operations/once", body={"name": "wire"})
    tag = ask("GET", path).header("ETag") or ""
    ask("GET", path, If_None_Match=tag)
    ask("GET", path, Accept="application/msgpack")
    ask("HEAD", path)
    ask("GET", f"{path}/result")
    ask("GET", f"{path}/log")
    ask("POST", f"{path}/retry")
    token = ask("POST", f"{path}/cancel").json["confirmation"]["token"]
    ask("POST", f"{path}/cancel", body={"confirm": token})
    done = ask("GET", f"{path}/events")
    last = [line for line in done.body.decode().splitlines() if line.startswith("id: ")][-1]
    ask("GET", f"{path}/events", Last_Event_ID=last.removeprefix("id: "))
    ask("POST", f"{path}/retry")
    ask("DELETE", f"{path}?purge=true")
    ask("GET", path)


def _files(ask: Caller) -> None:
    typed = {"Content_Type": "text/plain"}
    file = ask("POST", "/v1/files?name=caf%C3%A9.txt", body=b"one, two\n", **typed).json
    path, content = f"/v1/files/{file['id']}", f"/v1/files/{file['id']}/content"
    for each in (path, "/v1/files?limit=1", content):
        ask("GET", each)
    ask("HEAD", content)
    tag = ask("GET", content, Range="bytes=0-2").header("ETag") or ""
    ask("GET", content, If_None_Match=tag)
    ask("GET", content, Range="bytes=99-")
    ask("GET", content, If_Match='"another"')
    copied = ask("POST", "/v1/operations/copy", body={"file": file["id"]}, Prefer="wait=1").json
    ask("DELETE", path)
    _wait_for(ask, copied["id"])
    ask("GET", f"/v1/jobs/{copied['id']}/result")
    ask("POST", "/v1/operations/measure", body={"text": copied["id"]})
    ask("POST", "/v1/files", body=b"", **typed)
    ask("POST", "/v1/files", body=b"\x00", **typed)
    ask("POST", "/v1/files", body=b"x", Content_Type="multipart/form-data; boundary=x")
    gone = ask("POST", "/v1/files", body=b"gone", **typed).json["id"]
    ask("DELETE", f"/v1/files/{gone}")
    ask("GET", f"/v1/files/{gone}/content")


def _many(ask: Caller) -> None:
    item = {
        "operation": "count",
        "params": {"numbers": {f"number {each}": each for each in range(99)}},
        "callback": {"url": "https://hooks.invalid/"},
    }
    body = {"items": [item, {}], "callback": {"url": "https://hooks.invalid/"}}
    batch = ask("POST", "/v1/batches", body=body, Idempotency_Key="wire batch").json
    ask("POST", "/v1/batches", body=body, Idempotency_Key="wire batch")
    _wait_for(ask, batch["items"][0]["job"]["id"])
    path = f"/v1/batches/{batch['id']}"
    ask("GET", path)
    ask("DELETE", path)
    for each in (path, f"/v1/jobs/{batch['items'][0]['job']['id']}"):
        ask("GET", f"{each}/callbacks")
    (delivery,) = ask("GET", f"{path}/callbacks").json["items"]
    ask("POST", delivery["links"]["resend"])
    ask("POST", f"{path}/callbacks/msg_nothing/resend")
    ask("GET", f"/v1/batches/{batch['items'][0]['job']['id']}")
    ask("POST", "/v1/batches", body={"items": []})


def _schedules(ask: Caller) -> None:
    asked = {"cron": "0 0 1 1 *", "operation": "at_once", "params": {}}
    path = "/v1/schedules/wire"
    for body in (asked, asked, {**asked, "cron": "never"}):
        ask("PUT", path, who="operator", body=body)
    for verb in ("pause", "resume"):
        ask("POST", f"{path}/{verb}", who="operator")
    for each in ("/v1/schedules", path):
        ask("GET", each, who="operator")
    for _ in range(2):
        ask("DELETE", path, who="operator")


def _wait_for(ask: Caller, job_id: str) -> None:
    eventually(
        lambda: ask("GET", f"/v1/jobs/{job_id}", Prefer="wait=1").json["finished_at"],
        what="the job is final",
    )


def _refusals(ask: Caller) -> None:
    ask("GET", "/v1/jobs", who="nobody")
    ask("GET", "/v1/workers")
    ask("GET", "/v1/nowhere")
    ask("PUT", "/v1/jobs")
    ask("OPTIONS", "/v1/jobs")
    ask("POST", "/v1/jobs", body=b"{")
    ask("POST", "/v1/jobs", body=b"x", Content_Type="text/plain")
    ask("POST", "/v1/jobs", body={})
    ask("GET", "/v1/jobs?limit=0")


def _server(ask: Caller) -> None:
    for path in ("/v1/workers", "/v1/operations", "/v1/operations/once"):
        ask("GET", path, who="operator")
    for verb in ("pause", "resume"):
        ask("POST", f"/v1/operations/once/{verb}", who="operator")
    for path in ("/healthz", "/readyz", "/docs", "/problems", "/problems/job-gone"):
        ask("GET", path, who="nobody")
    tag = ask("GET", "/openapi.json", who="nobody").header("ETag") or ""
    ask("GET", "/openapi.json", who="nobody", If_None_Match=tag)


def test_no_answer_violates_http(answers: list[Exchange]) -> None:
    found = {
        f"{one.method} {one.target}: {one.status} {complaint}"
        for one in answers
        for complaint in complaints(one)
        if (one.status, complaint) not in KNOWN
    }

    assert not found, "\n".join(sorted(found))
    assert {one.status for one in answers} >= {
        200, 201, 202, 204, 206, 303, 304,
        400, 401, 403, 404, 405, 409, 410, 412, 415, 416, 422,
    }  # fmt: skip


def test_rate_limits_are_structured_fields(answers: list[Exchange]) -> None:
    counted = [one for one in answers if one.header("RateLimit")]

    for one in counted:
        assert _parsed(one.header("RateLimit-Policy")) == [("requests", {"q": 1_000_000, "w": 10})]
        ((policy, left),) = _parsed(one.header("RateLimit"))
        assert policy == "requests"
        assert 0 <= left["r"] <= 1_000_000
        assert left["t"] >= 0
    assert len(counted) > len(answers) / 2


def test_an_exhausted_quota_is_reported_in_valid_http(limited: list[Exchange]) -> None:
    refused = next(one for one in limited if one.status == 429)

    assert not complaints(refused)
    ((_, left),) = _parsed(refused.header("RateLimit"))
    assert left["r"] == 0
    assert int(refused.header("Retry-After") or 0) >= left["t"]


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=60))
def test_a_key_as_a_structured_string_is_equal_to_the_plain_key(key: str) -> None:
    header = http_sf.ser(key)

    digest = idempotency_fields(header, {})["idempotency_digest"]

    assert len(key) <= MAX_KEY_LENGTH
    assert digest == hashlib.sha256(key.encode()).hexdigest()


def _parsed(value: str | None) -> Any:
    assert value is not None
    return http_sf.parse(value.encode(), tltype="list")
