"""Submitting jobs over HTTP."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import msgpack
import pytest
from falcon import testing

from callboard.jobs.ids import is_job_id, new_job_id
from tests.api_app import ADD, JSON, ApiApp

MSGPACK = "application/msgpack"


def test_a_submission_is_accepted_with_the_job_and_its_location(api_app: ApiApp) -> None:
    answer = api_app.submit({**ADD, "priority": 7, "labels": {"project": "x"}})

    job = answer.json
    assert answer.status_code == 202
    assert is_job_id(job["id"])
    assert answer.headers["Location"] == f"http://falconframework.org/v1/jobs/{job['id']}"
    assert answer.headers["Location"] == job["links"]["self"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Preference-Applied" not in answer.headers
    assert (job["status"], job["priority"], job["labels"]) == ("queued", 7, {"project": "x"})
    assert job["request_id"] == answer.headers["X-Request-ID"]


def test_the_answer_to_a_submission_equals_a_read_of_the_job(api_app: ApiApp) -> None:
    submitted = api_app.submit({**ADD, "delay_seconds": 60, "labels": {"a": "b"}}).json

    assert api_app.get(submitted["id"]).json == submitted


def test_one_message_is_published_for_each_job(api_app: ApiApp) -> None:
    job = api_app.submit().json

    (wakeup,) = api_app.publisher.published
    assert wakeup.submission.job_id == job["id"]
    assert wakeup.submission.params == {"a": 1, "b": 2}


def test_a_job_is_accepted_without_the_broker(api_app: ApiApp) -> None:
    api_app.publisher.up = False

    answer = api_app.submit()

    assert answer.status_code == 202
    assert api_app.get(answer.json["id"]).json["status"] == "queued"


def test_a_job_is_submitted_and_answered_as_msgpack(api_app: ApiApp) -> None:
    answer = api_app.http.simulate_post(
        "/v1/jobs", body=msgpack.packb(ADD), headers={"Content-Type": MSGPACK, "Accept": MSGPACK}
    )

    assert answer.status_code == 202
    assert answer.headers["Content-Type"] == MSGPACK
    assert msgpack.unpackb(answer.content)["status"] == "queued"


def test_a_delayed_job_is_scheduled(api_app: ApiApp) -> None:
    before = datetime.now(UTC)

    job = api_app.submit({**ADD, "delay_seconds": 3600}).json

    assert job["status"] == "scheduled"
    due = datetime.fromisoformat(job["scheduled_for"])
    assert timedelta(minutes=59) < due - before < timedelta(minutes=61)
    assert api_app.publisher.published == []


@pytest.mark.parametrize("offset", ["Z", "+02:00"])
def test_a_job_may_state_its_start_time(api_app: ApiApp, offset: str) -> None:
    day = datetime.now(UTC) + timedelta(days=30)

    job = api_app.submit({**ADD, "run_at": f"{day:%Y-%m-%dT%H:%M:%S}.500{offset}"}).json

    assert job["status"] == "scheduled"
    assert job["scheduled_for"].endswith(".500Z")


def test_a_past_start_time_means_now(api_app: ApiApp) -> None:
    assert api_app.submit({**ADD, "run_at": "2020-01-01T00:00:00Z"}).json["status"] == "queued"


def test_the_later_of_start_time_and_delay_applies(api_app: ApiApp) -> None:
    day = datetime.now(UTC) + timedelta(days=30)
    at = f"{day:%Y-%m-%dT%H:%M:%S.000Z}"

    sooner = api_app.submit({**ADD, "run_at": at, "delay_seconds": 60}).json
    later = api_app.submit({**ADD, "run_at": at, "delay_seconds": 60 * 86400}).json

    assert sooner["scheduled_for"] == at
    assert later["scheduled_for"] > at


def test_a_job_is_kept_for_the_requested_time(api_app: ApiApp) -> None:
    job_id = api_app.submit({**ADD, "result_ttl_seconds": 7200}).json["id"]

    api_app.succeed(job_id, 3)

    job = api_app.get(job_id).json
    kept = datetime.fromisoformat(job["expires_at"]) - datetime.fromisoformat(job["finished_at"])
    assert kept == timedelta(hours=2)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ("add", ""),
        ({"params": {}}, "/operation"),
        ({"operation": "add"}, "/params"),
        ({"operation": "add", "params": [1]}, "/params"),
        ({"operation": 1, "params": {}}, "/operation"),
        ({**ADD, "colour": "red"}, "/colour"),
        ({**ADD, "callback": {}}, "/callback/url"),
        ({**ADD, "priority": 11}, "/priority"),
        ({**ADD, "priority": "5"}, "/priority"),
        ({**ADD, "priority": True}, "/priority"),
        ({**ADD, "priority": 5.5}, "/priority"),
        ({**ADD, "delay_seconds": -1}, "/delay_seconds"),
        ({**ADD, "delay_seconds": 1e12}, "/delay_seconds"),
        ({**ADD, "run_at": "tomorrow"}, "/run_at"),
        ({**ADD, "run_at": "2030-01-01T00:00:00"}, "/run_at"),
        ({**ADD, "run_at": "2030-13-01T00:00:00Z"}, "/run_at"),
        ({**ADD, "run_at": 1893456000}, "/run_at"),
        ({**ADD, "run_at": "9999-01-01T00:00:00Z"}, ""),
        ({**ADD, "result_ttl_seconds": 3599}, "/result_ttl_seconds"),
        ({**ADD, "result_ttl_seconds": 604801}, "/result_ttl_seconds"),
        ({**ADD, "labels": {"a": 1}}, "/labels/a"),
        ({**ADD, "labels": {"a b": "c"}}, "/labels/a b"),
        ({**ADD, "labels": {"a": "b\n"}}, "/labels/a"),
        ({**ADD, "labels": {"a": "b" * 257}}, "/labels/a"),
        ({**ADD, "labels": {f"l{number}": "" for number in range(17)}}, "/labels"),
        ({"operation": "add", "params": {}}, "/params/a"),
        ({"operation": "add", "params": {"a": "1"}}, "/params/a"),
        ({"operation": "add", "params": {"a": 1, "x/y~": 2}}, "/params/x~1y~0"),
    ],
)
def test_an_invalid_value_is_refused_with_its_pointer(
    api_app: ApiApp, body: Any, pointer: str
) -> None:
    answer = api_app.http.simulate_post("/v1/jobs", json=body)

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]
    assert answer.json["errors"][0]["detail"]
    assert api_app.publisher.published == []


def test_an_unknown_operation_is_not_found(api_app: ApiApp) -> None:
    answer = api_app.submit({"operation": "nothing", "params": {}})

    assert answer.status_code == 404
    assert answer.json["type"].endswith("/problems/unknown-operation")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": JSON}, b"{", 400),
        ({"Content-Type": JSON, "Content-Length": "0"}, b"", 400),
        ({"Content-Type": JSON}, b"", 411),
        ({"Content-Type": JSON}, b'{"operation": "add", "params": {"a": NaN}}', 400),
        ({"Content-Type": JSON}, b"[" * 40 + b"]" * 40, 400),
        ({"Content-Type": JSON}, b"[" * 100_000, 400),
        ({"Content-Type": JSON}, b'"' + b"x" * 2048 + b'"', 413),
        ({"Content-Type": MSGPACK}, b"\xc1", 400),
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Type": ""}, b"{}", 415),
        ({"Content-Type": JSON, "Content-Encoding": "gzip"}, b"{}", 415),
    ],
)
def test_an_unreadable_body_is_refused(headers: dict[str, str], body: bytes, status: int) -> None:
    api_app = ApiApp(max_body_bytes=2048 if len(body) < 50_000 else 1024**2)

    answer = api_app.http.simulate_post("/v1/jobs", body=body, headers=headers)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"


class _Broken(io.BytesIO):
    """Fails, as when a chunk is malformed or the client disconnects."""

    def read(self, _size: int | None = -1, /) -> bytes:
        raise ValueError("no such chunk")


@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        (io.BytesIO(b'{"operation": "add", "params": {"a": 1}}'), 202),
        (io.BytesIO(b'"' + b"x" * 3000), 413),
        (_Broken(), 400),
    ],
)
def test_a_chunked_body_is_read_up_to_the_bound(chunks: io.BytesIO, status: int) -> None:
    api_app = ApiApp(max_body_bytes=2048)
    environ = testing.create_environ("/v1/jobs", method="POST", headers={"Content-Type": JSON})
    environ |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": chunks}
    answered: list[str] = []

    api_app.app(environ, lambda line, _headers: answered.append(line))

    assert answered[0].startswith(str(status))


def test_a_body_with_a_charset_parameter_is_json(api_app: ApiApp) -> None:
    answer = api_app.http.simulate_post(
        "/v1/jobs",
        body=b'{"operation": "add", "params": {"a": 1}}',
        headers={"Content-Type": "Application/JSON; charset=utf-8"},
    )

    assert answer.status_code == 202


def test_numbers_of_64_bits_are_exact(api_app: ApiApp) -> None:
    body = {"operation": "echo", "params": {"value": [2**64 - 1, -(2**63)]}}

    assert api_app.submit(body).status_code == 202


def test_a_duplicate_is_refused_with_the_active_job(api_app: ApiApp) -> None:
    body = {"operation": "single", "params": {"name": "a"}}
    first = api_app.submit(body).json

    answer = api_app.submit(body)

    assert answer.status_code == 409
    assert answer.json["type"].endswith("/problems/duplicate-job")
    assert answer.json["existing_job"] == {
        "id": first["id"],
        "status": "queued",
        "href": first["links"]["self"],
    }
    assert answer.headers["Location"] == first["links"]["self"]
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_duplicate_of_a_shared_job_returns_it(api_app: ApiApp) -> None:
    body = {"operation": "shared", "params": {"name": "a"}}
    first = api_app.submit(body).json

    answer = api_app.submit(body)

    assert answer.status_code == 303
    assert answer.headers["Location"] == first["links"]["self"]


def test_a_newer_job_replaces_one_that_is_not_running(api_app: ApiApp) -> None:
    body = {"operation": "newest", "params": {"name": "a"}}
    first = api_app.submit(body).json

    second = api_app.submit(body)

    old = api_app.get(first["id"]).json
    assert second.status_code == 202
    assert old["status"] == "cancelled"
    assert second.json["id"] in old["error"]["detail"]


def test_a_running_job_is_not_replaced(api_app: ApiApp) -> None:
    body = {"operation": "newest", "params": {"name": "a"}}
    api_app.claim(api_app.submit(body).json["id"])

    assert api_app.submit(body).status_code == 409


def test_beyond_its_capacity_the_server_refuses_jobs(api_app: ApiApp) -> None:
    body = {"operation": "narrow", "params": {}}
    api_app.submit(body)

    answer = api_app.submit(body)

    assert answer.status_code == 503
    assert answer.json["type"] == (
        "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
    )
    assert answer.json["code"] == "CAPACITY_EXCEEDED"
    assert answer.headers["Retry-After"] == "1"  # only the fact that it is new is known


def test_a_repeat_with_the_same_key_returns_the_same_job(api_app: ApiApp) -> None:
    headers = {"Idempotency-Key": "once"}
    first = api_app.submit(headers=headers)

    again = api_app.submit({"params": {"b": 2, "a": 1}, "operation": "add"}, headers=headers)
    quoted = api_app.submit(headers={"Idempotency-Key": '"once"'})

    assert "Idempotency-Replayed" not in first.headers
    for answer in (again, quoted):
        assert answer.status_code == 202
        assert answer.json["id"] == first.json["id"]
        assert answer.headers["Idempotency-Replayed"] == "true"
        assert answer.headers["Location"] == first.headers["Location"]
    assert len(api_app.publisher.published) == 1


def test_a_repeat_returns_the_jobs_current_state(api_app: ApiApp) -> None:
    headers = {"Idempotency-Key": "once"}
    job_id = api_app.submit(headers=headers).json["id"]
    api_app.succeed(job_id, 3)

    answer = api_app.submit(headers=headers)

    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["result"]) == ("succeeded", 3)


def test_a_repeat_of_a_purged_job_is_gone(api_app: ApiApp) -> None:
    headers = {"Idempotency-Key": "once"}
    job_id = api_app.submit(headers=headers).json["id"]
    api_app.succeed(job_id, 3)
    api_app.http.simulate_delete(f"/v1/jobs/{job_id}", params={"purge": "true"})

    assert api_app.submit(headers=headers).status_code == 410


def test_a_key_with_another_payload_is_refused(api_app: ApiApp) -> None:
    headers = {"Idempotency-Key": "once"}
    api_app.submit(headers=headers)

    answer = api_app.submit({**ADD, "priority": 6}, headers=headers)

    assert answer.status_code == 422
    assert answer.json["type"].endswith("/problems/idempotency-mismatch")


def test_a_refused_submission_does_not_use_up_its_key(api_app: ApiApp) -> None:
    headers = {"Idempotency-Key": "once"}
    api_app.submit({"operation": "add", "params": {}}, headers=headers)

    assert api_app.submit(headers=headers).status_code == 202


@pytest.mark.parametrize("key", ["", '""', '"open', "x" * 256, '"a" b"', "caf\u00e9"])
def test_a_malformed_key_is_refused(api_app: ApiApp, key: str) -> None:
    answer = api_app.submit(headers={"Idempotency-Key": key})

    assert answer.status_code == 400
    assert answer.json["type"].endswith("/problems/invalid-header")


def test_a_key_of_255_characters_is_accepted(api_app: ApiApp) -> None:
    assert api_app.submit(headers={"Idempotency-Key": "x" * 255}).status_code == 202


def test_the_trace_of_the_request_is_stored(api_app: ApiApp) -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"

    api_app.submit(headers={"traceparent": trace, "X-Request-ID": "r-1"})
    api_app.submit(headers={"traceparent": "nonsense"})

    traced, untraced = (each.submission for each in api_app.publisher.published)
    assert (traced.traceparent, traced.request_id) == (trace, "r-1")
    assert untraced.traceparent is None


def test_an_impossible_id_is_not_found(api_app: ApiApp) -> None:
    assert api_app.get("1").status_code == 404
    assert api_app.get(new_job_id().upper()).status_code == 404
    assert api_app.get(new_job_id()).status_code == 404
