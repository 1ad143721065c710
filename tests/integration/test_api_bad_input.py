"""Invalid input of every kind gets its own problem, costs little, and does not stop the process."""

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any, Final

import msgpack
import pytest
from falcon import testing

from callboard.jobs.ids import new_job_id
from tests.api_app import ADD, ApiApp

JSON: Final = {"Content-Type": "application/json"}
MSGPACK: Final = {"Content-Type": "application/msgpack"}
HUGE: Final = 1024**2
MAX_BYTES_USED: Final = 24 * HUGE
MAX_BYTES_ANSWERED: Final = 64 * 1024

MALFORMED_JSON: Final = {
    "spaces": b"  ",
    "cut off": b'{"operation": "add", "params": {"a"',
    "two values": b"{}{}",
    "a comment": b"/* */ {}",
    "single quotes": b"{'operation': 'add'}",
    "a comma too many": b'{"operation": "add",}',
    "NaN": b'{"operation": "echo", "params": {"value": NaN}}',
    "infinity": b'{"operation": "echo", "params": {"value": -Infinity}}',
    "a member twice": b'{"operation": "add", "operation": "echo", "params": {}}',
    "a member twice, escaped": b'{"operation": "add", "\\u006fperation": "echo", "params": {}}',
    "a member twice, deep": b'{"operation": "echo", "params": {"value": [{"a": 1, "a": 1}]}}',
    "a lone surrogate": b'{"operation": "echo", "params": {"value": "\\ud800"}}',
    "a lone surrogate as a name": b'{"operation": "echo", "params": {"\\udfff": 1}}',
    "Latin-1": '{"operation": "é"}'.encode("latin-1"),
    "UTF-16": '{"operation": "add"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "an overlong NUL": b'{"operation": "\xc0\x80"}',
    "a raw line end in a string": b'{"operation": "a\nb"}',
    "deep lists": b"[" * 33 + b"]" * 33,
    "very deep lists": b"[" * 100_000,
    "very deep objects": b'{"a":' * 100_000,
}

NOT_HELD: Final = {
    "a number that becomes infinite": b'{"operation": "echo", "params": {"value": 1e999}}',
    "more than 64 bits": b'{"operation": "echo", "params": {"value": 18446744073709551616}}',
    "less than 64 bits": b'{"operation": "echo", "params": {"value": -9223372036854775809}}',
    "very many digits": b'{"operation": "echo", "params": {"value": ' + b"9" * 500_000 + b"}}",
    "too many digits": b'{"operation": "echo", "params": {"value": 12345678901234567890.25}}',
    "a label of many digits": b'{"operation": "narrow", "labels": {"a": 0.12345678901234567891}}',
}

MALFORMED_MSGPACK: Final = {
    "a list of 2^32-1": b"\xdd\xff\xff\xff\xff",
    "a map of 2^32-1": b"\xdf\xff\xff\xff\xff",
    "a string of 2^32-1": b"\xdb\xff\xff\xff\xff",
    "binary of 2^32-1": b"\xc6\xff\xff\xff\xff",
    "an extension of 2^32-1": b"\xc9\xff\xff\xff\xff\x01",
    "a list of lists of 2^32-1": b"\xdd\xff\xff\xff\xff" * 1000,
    "a time": msgpack.packb(msgpack.Timestamp(0)),
    "an extension": msgpack.packb({"operation": msgpack.ExtType(5, b"x")}),
    "binary": msgpack.packb({"operation": b"add"}),
    "NaN": msgpack.packb({"operation": "echo", "params": {"value": float("nan")}}),
    "infinity": msgpack.packb({"operation": "echo", "params": {"value": float("inf")}}),
    "a number as a name": msgpack.packb({1: 2}),
    "binary as a name": msgpack.packb({b"operation": "add"}),
    "a member twice": b"\x82\xa1a\x01\xa1a\x01",
    "no UTF-8": b"\x81\xa1\xff\x01",
    "a surrogate": b"\x81\xa1a\xa3\xed\xa0\x80",
    "the code that nothing has": b"\xc1",
    "two values": b"\x80\x80",
    "very deep": b"\x91" * 100_000 + b"\xc0",
    "deep": b"\x91" * 33 + b"\xc0",
    "JSON": json.dumps(ADD).encode(),
}

UNFIT: Final[dict[str, tuple[Any, str]]] = {
    "a list": ([], ""),
    "a text": ("add", ""),
    "null": (None, ""),
    "no operation": ({"params": {}}, "/operation"),
    "an operation that is no text": ({**ADD, "operation": 5}, "/operation"),
    "a very long operation": ({**ADD, "operation": "a" * 500_000}, "/operation"),
    "no parameters": ({"operation": "add"}, "/params"),
    "a list of parameters": ({**ADD, "params": [1, 2]}, "/params"),
    "an unknown member": ({**ADD, "tenant": "globex"}, "/tenant"),
    "an unknown member with a slash": ({**ADD, "a/b~c": 1}, "/a~1b~0c"),
    "an unknown parameter": ({**ADD, "params": {"a": 1, "z": 1}}, "/params/z"),
    "a wrong parameter": ({**ADD, "params": {"a": "1"}}, "/params/a"),
    "a fraction for a whole parameter": ({**ADD, "params": {"a": 1.5}}, "/params/a"),
    "a truth for a whole parameter": ({**ADD, "params": {"a": True}}, "/params/a"),
    "a priority of 64 bits": ({**ADD, "priority": 2**64 - 1}, "/priority"),
    "a lowest priority of 64 bits": ({**ADD, "priority": -(2**63)}, "/priority"),
    "a truth as a priority": ({**ADD, "priority": True}, "/priority"),
    "an endless delay": ({**ADD, "delay_seconds": 1e308}, "/delay_seconds"),
    "10,000 labels": ({**ADD, "labels": {f"l{n}": "" for n in range(10_000)}}, "/labels"),
    "a label that is a list": ({**ADD, "labels": {"a": []}}, "/labels/a"),
    "a label with a NUL": ({**ADD, "labels": {"a": "\0"}}, "/labels/a"),
    "a label that turns text round": ({**ADD, "labels": {"a": "\u202e"}}, "/labels/a"),
    "a label's name with a line end": ({**ADD, "labels": {"a\n": ""}}, "/labels/a\n"),
    "a label's name in German": ({**ADD, "labels": {"ä": ""}}, "/labels/ä"),
    "a very long label": ({**ADD, "labels": {"a": "b" * 100_000}}, "/labels/a"),
}

HEADERS: Final = {
    "no type": ({}, 415, "unsupported-media-type"),
    "an empty type": ({"Content-Type": ""}, 415, "unsupported-media-type"),
    "a form": (
        {"Content-Type": "application/x-www-form-urlencoded"},
        415,
        "unsupported-media-type",
    ),
    "text": ({"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
    "a type like JSON": ({"Content-Type": "application/json5"}, 415, "unsupported-media-type"),
    "a type with rubbish": ({"Content-Type": "\x00;;=,"}, 415, "unsupported-media-type"),
    "a compressed body": ({**JSON, "Content-Encoding": "gzip"}, 415, "unsupported-media-type"),
    "a length of nothing": ({**JSON, "Content-Length": "0"}, 400, "malformed-body"),
    "a huge length": ({**JSON, "Content-Length": "9" * 30}, 413, "body-too-large"),
    "a length beyond the body": ({**JSON, "Content-Length": "5000"}, 400, "malformed-body"),
    "a length within the body": ({**JSON, "Content-Length": "5"}, 400, "malformed-body"),
    "an empty key": ({**JSON, "Idempotency-Key": ""}, 400, "invalid-header"),
    "a key that injects": ({**JSON, "Idempotency-Key": "a\r\nX-Evil: 1"}, 400, "invalid-header"),
    "a key beyond ASCII": ({**JSON, "Idempotency-Key": "\u00e9"}, 400, "invalid-header"),
    "a key with an open quote": ({**JSON, "Idempotency-Key": '"a'}, 400, "invalid-header"),
    "a very long key": ({**JSON, "Idempotency-Key": "k" * 256}, 400, "invalid-header"),
}

IGNORED: Final = {
    "an id that injects": {"X-Request-ID": "a\r\nX-Evil: 1"},
    "a very long id": {"X-Request-ID": "a" * 5000},
    "a preference that injects": {"Prefer": "wait=0\r\nX-Evil: 1"},
    "a preference of 64 bits": {"Prefer": "wait=18446744073709551616, respond-async"},
    "preferences without end": {"Prefer": "wait=0;" * 1000 + "respond-async"},
    "a trace that injects": {"traceparent": "00-\r\nX-Evil: 1"},
    "a long trace": {"traceparent": "00-" + "a" * 5000},
    # JSON is UTF-8 whatever a charset says (RFC 8259, section 11).
    "a charset": {"Content-Type": "application/json; charset=utf-16"},
    "a coding that is none": {"Content-Encoding": "Identity"},
    "a type that nobody accepts": {"Accept": ";;;,,,=\x00"},
    "tags that are none": {"If-None-Match": '"' * 1000},
}

IDS: Final = (
    "1",
    "%00",
    "%2e%2e",
    "%ff%fe",
    "%zz",
    "%ED%A0%80",
    "%F0%9F%92%A9",
    "a%0d%0aX-Evil:%201",
    "0193B5B2-7D2E-7C41-A3C5-2F6D0C1B9E77",
    "00000000-0000-0000-0000-000000000000",
    "a" * 8000,
)


@pytest.fixture(scope="module")
def api_app() -> Iterator[ApiApp]:
    built = ApiApp()
    yield built
    built.close()


@pytest.fixture(autouse=True)
def _goes_on(api_app: ApiApp) -> Iterator[None]:
    """After any request, the next valid one is served normally."""
    published = len(api_app.publisher.published)
    yield
    answer = api_app.submit()
    assert answer.status_code == 202
    assert len(api_app.publisher.published) > published


def _sender(api_app: ApiApp, body: bytes, headers: dict[str, str]) -> testing.Result:
    return api_app.http.simulate_post("/v1/jobs", body=body, headers=headers)


def _assert_problem(answer: testing.Result, status: int, name: str) -> None:
    assert (answer.status_code, answer.json["type"].rpartition("/")[2]) == (status, name)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert len(answer.content) < MAX_BYTES_ANSWERED
    assert "x-evil" not in answer.headers
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("body", MALFORMED_JSON.values(), ids=MALFORMED_JSON)
def test_invalid_json_is_a_malformed_body(api_app: ApiApp, body: bytes) -> None:
    _assert_problem(_sender(api_app, body, JSON), 400, "malformed-body")


@pytest.mark.parametrize("body", NOT_HELD.values(), ids=NOT_HELD)
def test_a_number_that_would_lose_digits_is_refused(api_app: ApiApp, body: bytes) -> None:
    _assert_problem(_sender(api_app, body, JSON), 422, "invalid-request")


@pytest.mark.parametrize("body", MALFORMED_MSGPACK.values(), ids=MALFORMED_MSGPACK)
def test_invalid_msgpack_is_a_malformed_body_and_takes_no_memory(
    api_app: ApiApp, body: bytes
) -> None:
    tracemalloc.start()
    try:
        answer = _sender(api_app, body, MSGPACK)
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    _assert_problem(answer, 400, "malformed-body")
    assert most < MAX_BYTES_USED


@pytest.mark.parametrize(("body", "pointer"), UNFIT.values(), ids=UNFIT)
@pytest.mark.parametrize("packed", [False, True], ids=["json", "msgpack"])
def test_an_invalid_value_is_named_by_its_pointer(
    api_app: ApiApp, body: Any, pointer: str, packed: bool
) -> None:
    raw = msgpack.packb(body) if packed else json.dumps(body).encode()

    answer = _sender(api_app, raw, MSGPACK if packed else JSON)

    name = "invalid-parameters" if pointer.startswith("/params/") else "invalid-request"
    _assert_problem(answer, 422, name)
    assert pointer in {each["pointer"] for each in answer.json["errors"]}


@pytest.mark.parametrize(("headers", "status", "name"), HEADERS.values(), ids=HEADERS)
def test_an_invalid_relevant_header_is_a_problem(
    api_app: ApiApp, headers: dict[str, str], status: int, name: str
) -> None:
    _assert_problem(_sender(api_app, json.dumps(ADD).encode(), headers), status, name)


@pytest.mark.parametrize("headers", IGNORED.values(), ids=IGNORED)
def test_an_invalid_optional_header_is_ignored_and_discarded(
    api_app: ApiApp, headers: dict[str, str]
) -> None:
    answer = _sender(api_app, json.dumps(ADD).encode(), {**JSON, **headers})

    assert answer.status_code == 202
    assert len(answer.content) < MAX_BYTES_ANSWERED
    for each in (answer.text, *answer.headers.values()):
        assert "evil" not in each.lower()
        assert "<script>" not in each
        assert "a" * 100 not in each


def test_a_body_of_the_maximum_size_is_read_and_one_byte_more_is_not(api_app: ApiApp) -> None:
    fits = {"operation": "echo", "params": {"value": ""}}
    room = HUGE - len(json.dumps(fits))
    fits["params"] = {"value": "x" * room}
    body = json.dumps(fits).encode()

    assert _sender(api_app, body, JSON).status_code == 202
    _assert_problem(_sender(api_app, body + b" ", JSON), 413, "body-too-large")


def test_a_body_of_unknown_length_is_bounded(api_app: ApiApp) -> None:
    headers = {**JSON, "Transfer-Encoding": "chunked"}
    environ = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}

    def chunked(body: bytes) -> testing.Result:
        return api_app.http.simulate_post("/v1/jobs", body=body, headers=headers, extras=environ)

    assert chunked(json.dumps(ADD).encode()).status_code == 202
    _assert_problem(chunked(b" " * (HUGE + 1)), 413, "body-too-large")
    _assert_problem(chunked(b""), 400, "malformed-body")


def test_a_body_without_length_or_chunks_is_refused(api_app: ApiApp) -> None:
    answer = api_app.http.simulate_post(
        "/v1/jobs", body=b"{}", headers=JSON, extras={"CONTENT_LENGTH": ""}
    )

    _assert_problem(answer, 411, "length-required")


def test_a_thousand_errors_are_answered_with_the_first_hundred(api_app: ApiApp) -> None:
    wrong = {f"unknown{number}": 1 for number in range(1000)}

    answer = _sender(api_app, json.dumps({**ADD, "params": {"a": 1, **wrong}}).encode(), JSON)

    _assert_problem(answer, 422, "invalid-parameters")
    assert len(answer.json["errors"]) == 100
    assert "999 more" in answer.json["detail"]


def test_a_hundred_thousand_errors_are_answered_with_some_of_them(api_app: ApiApp) -> None:
    wrong = {f"unknown{number}": 1 for number in range(50_000)}
    bodies = {
        "invalid-parameters": {**ADD, "params": {"a": 1, **wrong}},
        "invalid-request": {**ADD, **wrong},
    }

    for kind, body in bodies.items():
        answer = _sender(api_app, json.dumps(body).encode(), JSON)
        _assert_problem(answer, 422, kind)
        assert 1 <= len(answer.json["errors"]) <= 100


@pytest.mark.parametrize("job_id", IDS)
@pytest.mark.parametrize("rest", ["", "/result", "/log", "/events"])
def test_an_invalid_id_is_not_found(api_app: ApiApp, job_id: str, rest: str) -> None:
    answer = api_app.http.simulate_get(f"/v1/jobs/{job_id}{rest}")

    _assert_problem(answer, 404, "job-not-found")


@pytest.mark.parametrize("name", ["%00", "a" * 8000, "%F0%9F%92%A9", "..%5c", "add%20", "Add"])
def test_an_invalid_operation_name_is_not_found(api_app: ApiApp, name: str) -> None:
    _assert_problem(api_app.http.simulate_get(f"/v1/operations/{name}"), 404, "unknown-operation")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("cursor=x", "cursor"),
        ("cursor=" + "A" * 5000, "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=", "cursor"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=1e1", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=1&limit=1", "limit"),
        ("status=done", "status"),
        ("created_after=yesterday", "created_after"),
        ("label.%0a=x", "label.\n"),
        ("unknown=1", "unknown"),
        ("%ff=1", "\ufffd"),
        ("a" * 5000, "a" * 5000),
    ],
)
def test_an_invalid_query_parameter_is_named(api_app: ApiApp, query: str, pointer: str) -> None:
    answer = api_app.http.simulate_get("/v1/jobs", query_string=query)

    _assert_problem(answer, 422, "invalid-request")
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]


def test_a_query_of_thousands_of_parameters_is_refused(api_app: ApiApp) -> None:
    query = "&".join(f"p{number}=1" for number in range(20_000))

    answer = api_app.http.simulate_get("/v1/jobs", query_string=query)

    _assert_problem(answer, 422, "invalid-request")


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "PROPFIND", "TRACE", "CONNECT"])
@pytest.mark.parametrize("path", ["/v1/jobs", "/healthz", "/problems", "/v1/operations/add/pause"])
def test_an_unsupported_method_is_refused_with_the_supported_ones(
    api_app: ApiApp, method: str, path: str
) -> None:
    answer = api_app.http.simulate_request(method, path)

    _assert_problem(answer, 405, "method-not-allowed")
    assert method not in answer.headers["Allow"]
    assert answer.headers["Allow"] in answer.json["detail"]


def test_head_answers_like_get_without_the_body(api_app: ApiApp) -> None:
    for path in ("/v1/operations", "/healthz", "/problems", f"/v1/jobs/{new_job_id()}"):
        head, get = (api_app.http.simulate_request(each, path) for each in ("HEAD", "GET"))

        assert head.status_code == get.status_code
        assert not head.content
