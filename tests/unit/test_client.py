"""The client against scripted answers."""

import json
import time
from collections.abc import Callable

import httpx
import pytest

from callboard.client import CannotAsk, Client, JobFailed, Problem, ServerAway
from tests.scripted_server import BUSY, Script, answer, client, job, refusal, sse, stream


def test_a_submission_whose_response_was_lost_is_repeated_with_the_same_key() -> None:
    callboard, script = client(
        httpx.ReadError("cut"), refusal(503, "x", **BUSY), answer(job(), 202)
    )

    assert callboard.submit("add", {"a": 1}, priority=9)["id"] == "j-1"

    keys = {request.headers["Idempotency-Key"] for request in script.asked}
    assert len(script.asked) == 3
    assert len(keys) == 1
    assert json.loads(script.asked[-1].content) == {
        "operation": "add",
        "params": {"a": 1},
        "priority": 9,
    }


@pytest.mark.parametrize(
    ("force", "asked"),
    [(False, [b""] * 3), (True, [b"force=true"] * 3)],
)
def test_a_cancel_whose_response_was_lost_is_repeated_unchanged(
    force: bool, asked: list[bytes]
) -> None:
    callboard, script = client(
        httpx.ReadError("cut"), refusal(503, "x", **BUSY), answer(job("cancelling"), 202)
    )

    callboard.cancel("j-1", force=force)

    assert [request.url.query for request in script.asked] == asked


def test_two_submissions_have_two_keys() -> None:
    callboard, script = client(answer(job(), 202), answer(job(), 202))

    callboard.submit("add")
    callboard.submit("add")

    assert len({request.headers["Idempotency-Key"] for request in script.asked}) == 2


def test_a_duplicate_answered_with_the_active_job_returns_that_job() -> None:
    elsewhere = httpx.Response(303, headers={"Location": "https://outside/base/v1/jobs/j-0"})
    callboard, script = client(elsewhere, answer(job(id="j-0")))

    assert callboard.submit("add")["id"] == "j-0"
    assert str(script.asked[1].url) == "http://server/base/v1/jobs/j-0"


def test_a_refusal_has_its_problem_and_is_not_repeated() -> None:
    callboard, script = client(refusal(409, "duplicate-job"))

    with pytest.raises(Problem, match=r"409 No\. Not now\.") as caught:
        callboard.submit("add")

    assert (caught.value.status, caught.value.kind) == (409, "duplicate-job")
    assert caught.value.document["detail"] == "Not now."
    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_retried_until_the_patience_is_over(status: int) -> None:
    callboard, script = client(*(refusal(status, "busy") for _ in range(20)), patience=0.4)
    began = time.monotonic()

    with pytest.raises(Problem, match=str(status)):
        callboard.job("j-1")

    assert 1 < len(script.asked) < 6
    assert time.monotonic() - began < 5


def test_a_retry_after_beyond_the_patience_fails_at_once() -> None:
    callboard, script = client(refusal(429, "quota-exceeded", **{"Retry-After": "60"}))

    with pytest.raises(Problem) as caught:
        callboard.job("j-1")

    assert caught.value.retry_after == 60
    assert len(script.asked) == 1


def test_a_server_that_never_answers_is_unavailable() -> None:
    callboard, _script = client(*(httpx.ConnectError("no") for _ in range(20)), patience=0.3)

    with pytest.raises(ServerAway, match="http://server/base"):
        callboard.job("j-1")


def test_a_foreign_problem_type_has_the_last_part_of_its_name() -> None:
    registered = "https://iana.org/assignments/http-problem-types#quota-exceeded"

    assert Problem(429, {"type": registered}).kind == "quota-exceeded"
    assert Problem(429, {}).kind == ""


def test_a_proxys_error_page_is_a_problem() -> None:
    callboard, _script = client(httpx.Response(403, text="<html>go away</html>"))

    with pytest.raises(Problem, match="403 The server rejected the request"):
        callboard.job("j-1")


def test_waiting_continues_across_changes_restarts_and_busy_answers() -> None:
    callboard, script = client(
        answer(job("queued")),
        answer(job("running")),
        httpx.RemoteProtocolError("restarted"),
        refusal(503, "x", **BUSY),
        answer(job("succeeded")),
    )

    assert callboard.wait("j-1")["status"] == "succeeded"
    assert {request.headers["Prefer"] for request in script.asked} == {"wait=30"}


def test_a_server_that_does_not_wait_is_polled_by_its_retry_after() -> None:
    callboard, script = client(
        *(answer(job("running"), **{"Retry-After": "1"}) for _ in range(2)),
        answer(job("succeeded")),
    )
    began = time.monotonic()

    callboard.wait("j-1")

    assert len(script.asked) == 3
    assert 1 <= time.monotonic() - began < 8


def test_waiting_ends_at_its_timeout() -> None:
    callboard, _script = client(*(answer(job("running")) for _ in range(9)))
    began = time.monotonic()

    with pytest.raises(TimeoutError, match=r"running after 0\.3 s"):
        callboard.wait("j-1", timeout=0.3)

    assert time.monotonic() - began < 5


def test_the_result_of_a_failed_job_is_its_problem() -> None:
    error = {"type": "http://server/problems/timeout", "detail": "Too long."}
    callboard, _script = client(answer(job("failed", error=error)))

    with pytest.raises(JobFailed, match="failed: Too long") as caught:
        callboard.result("j-1")

    assert caught.value.problem == error
    assert caught.value.job["status"] == "failed"


def test_pages_are_fetched_when_needed() -> None:
    further = "https://outside/base/v1/jobs?cursor=abc&limit=100"
    callboard, script = client(
        answer({"items": [job(id="3"), job(id="2")], "next": further}),
        answer({"items": [job(id="1")], "next": None}),
    )

    jobs = callboard.list(
        status="failed", labels={"a b": "c&d"}, created_after="2026-01-01T00:00:00Z"
    )
    first = [next(jobs)["id"], next(jobs)["id"]]
    asked_by_then = len(script.asked)

    assert first == ["3", "2"]
    assert asked_by_then == 1
    assert [found["id"] for found in jobs] == ["1"]
    assert dict(script.asked[0].url.params) == {
        "status": "failed",
        "label.a b": "c&d",
        "created_after": "2026-01-01T00:00:00Z",
        "limit": "100",
    }
    assert str(script.asked[1].url) == "http://server/base/v1/jobs?cursor=abc&limit=100"


def test_a_log_is_read_page_by_page() -> None:
    callboard, script = client(
        answer(
            {"items": [{"number": 4}], "next": "http://o/v1/jobs/j-1/log?after=4", "dropped": 0}
        ),
        answer({"items": [{"number": 5}], "next": None, "dropped": 0}),
    )

    assert [line["number"] for line in callboard.log("j-1", after=3)] == [4, 5]
    assert script.asked[0].url.params["after"] == "3"


def test_events_resume_after_a_disconnect() -> None:
    callboard, script = client(
        stream(
            b"retry: 10\n\n",
            sse(("1", "status", job("running")), ("2", "log", {"text": "hello"})),
            httpx.ReadError("cut"),
        ),
        refusal(503, "x", **BUSY),
        stream(sse(("3", "progress", {"percent": 50}))),
        stream(sse(("4", "done", job("succeeded")))),
    )

    seen = list(callboard.events("j-1"))

    assert [(event.id, event.kind) for event in seen] == [
        ("1", "status"),
        ("2", "log"),
        ("3", "progress"),
        ("4", "done"),
    ]
    resumed = [request.headers.get("Last-Event-ID") for request in script.asked]
    assert resumed == [None, "2", "2", "3"]


def test_a_stream_whose_events_were_all_seen_ends() -> None:
    callboard, script = client(httpx.Response(204))

    assert list(callboard.events("j-1", after="9")) == []
    assert script.asked[0].headers["Last-Event-ID"] == "9"


def test_events_of_an_unknown_job_are_a_problem() -> None:
    callboard, _script = client(refusal(404, "job-not-found"))

    with pytest.raises(Problem, match="404"):
        list(callboard.events("j-1"))


def test_events_of_an_unavailable_server_end() -> None:
    callboard, _script = client(*(httpx.ConnectError("no") for _ in range(20)), patience=0.3)

    with pytest.raises(ServerAway):
        list(callboard.events("j-1"))


@pytest.mark.parametrize(
    ("call", "method", "target", "body"),
    [
        (lambda c: c.cancel("j-1"), "DELETE", "/base/v1/jobs/j-1", b""),
        (lambda c: c.cancel("j-1", force=True), "DELETE", "/base/v1/jobs/j-1?force=true", b""),
        (lambda c: c.retry("j-1"), "POST", "/base/v1/jobs/j-1/retry", b""),
        (lambda c: c.ask_to_cancel("j-1"), "POST", "/base/v1/jobs/j-1/cancel", b""),
        (
            lambda c: c.confirm_cancel("j-1", "t"),
            "POST",
            "/base/v1/jobs/j-1/cancel",
            b'{"confirm":"t"}',
        ),
        (lambda c: c.job("../x"), "GET", "/base/v1/jobs/..%2Fx", b""),
    ],
)
def test_each_call_sends_the_documented_request(
    call: Callable[[Client], object], method: str, target: str, body: bytes
) -> None:
    callboard, script = client(answer(job()))

    call(callboard)

    (request,) = script.asked
    assert (request.method, request.url.raw_path.decode(), request.content) == (
        method,
        target,
        body,
    )
    assert request.headers["Authorization"] == "Bearer k"


@pytest.mark.alone
def test_closing_ends_a_pending_retry() -> None:
    callboard, _script = client(*(httpx.ConnectError("no") for _ in range(9)), patience=60)
    callboard.close()
    began = time.monotonic()

    with pytest.raises((ServerAway, RuntimeError)):
        callboard.job("j-1")

    assert time.monotonic() - began < 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        httpx.UnsupportedProtocol("Bearer k"),
        httpx.LocalProtocolError("Bearer k"),
        httpx.TooManyRedirects("Bearer k"),
        httpx.InvalidURL("Bearer k"),
    ],
)
@pytest.mark.parametrize("call", [lambda c: c.job("j-1"), lambda c: list(c.events("j-1"))])
def test_an_invalid_request_is_not_repeated(
    call: Callable[[Client], object], wrong: Exception
) -> None:
    callboard, script = client(wrong)

    with pytest.raises(CannotAsk, match=r"^http://server/base/ cannot be used \(\w+\)\.$"):
        call(callboard)

    assert len(script.asked) == 1


@pytest.mark.parametrize(
    "passing",
    [
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.ProxyError,
        httpx.ReadError,
        httpx.ReadTimeout,
        httpx.RemoteProtocolError,
    ],
)
def test_a_temporary_failure_is_retried(passing: type[httpx.TransportError]) -> None:
    callboard, script = client(passing("no"), answer(job()))

    assert callboard.job("j-1")["id"] == "j-1"
    assert len(script.asked) == 2


def test_each_outage_of_the_server_is_reported_once() -> None:
    told: list[str] = []
    silence = [httpx.ConnectError("no") for _ in range(2)]
    script = Script(
        refusal(503, "busy", **BUSY),
        *silence,
        answer(job()),
        answer(job()),
        *silence,
        answer(job()),
    )

    with Client("http://server", transport=script, patience=9, on_away=told.append) as callboard:
        for _ in range(3):
            callboard.job("j-1")

    assert told == ["http://server does not answer; trying again for 9 s"] * 2


def test_an_outage_without_retries_is_reported_only_by_the_error() -> None:
    told: list[str] = []
    script = Script(httpx.ConnectError("no"))

    with (
        Client("http://server", transport=script, patience=0, on_away=told.append) as callboard,
        pytest.raises(ServerAway),
    ):
        callboard.job("j-1")

    assert told == []


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (
            {"title": "There is no job with this id.", "detail": "There is no job 01a2-03."},
            "422 There is no job 01a2-03.",
        ),
        (
            {"title": "The body is too large.", "detail": "The body is too large."},
            "422 The body is too large.",
        ),
        (
            {"title": "This key may not do that.", "detail": "Only operators list all jobs."},
            "422 This key may not do that. Only operators list all jobs.",
        ),
        (
            {
                "title": "The request does not fit.",
                "detail": "/a: Not a number (and 1 more)",
                "errors": [
                    {"pointer": "/a", "detail": "Not a number"},
                    {"pointer": "/b", "detail": "Field required"},
                ],
            },
            "422 The request does not fit. /a: Not a number (and 1 more) /b: Field required",
        ),
        (
            {"title": "Wrong.", "errors": [{"pointer": "/a", "detail": "Field required"}]},
            "422 Wrong. /a: Field required",
        ),
        ({"title": "Wrong."}, "422 Wrong."),
    ],
)
def test_a_problem_repeats_no_text(document: dict[str, object], text: str) -> None:
    assert str(Problem(422, document)) == text
