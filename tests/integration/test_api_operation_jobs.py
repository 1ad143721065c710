"""Submissions to an operation's own address: the body is its parameters, the query the rest."""

from typing import Any

import msgpack
import pytest
from falcon import testing

from tests.api_app import JSON, ApiApp, hash_of


def _sender(api_app: ApiApp, query: str = "", body: Any = None, **more: Any) -> testing.Result:
    params = {"a": 1, "b": 2} if body is None else body
    return api_app.http.simulate_post("/v1/operations/add", query_string=query, json=params, **more)


def test_the_body_is_the_parameters_and_the_answer_is_that_of_any_submission(
    api_app: ApiApp,
) -> None:
    answer = _sender(api_app)

    submission = api_app.publisher.published[0].submission
    assert answer.status_code == 202
    assert answer.headers["Location"].endswith(f"/v1/jobs/{answer.json['id']}")
    assert (submission.operation, submission.params) == ("add", {"a": 1, "b": 2})


def test_options_are_in_the_query(api_app: ApiApp) -> None:
    query = (
        "priority=7&result_ttl_seconds=7200&label.project=gl%C3%BCck&label.x=&delay_seconds=90.5"
    )

    job = _sender(api_app, query).json

    assert (job["priority"], job["status"]) == (7, "scheduled")
    assert job["labels"] == {"project": "glück", "x": ""}


def test_a_past_time_in_the_query_means_now(api_app: ApiApp) -> None:
    job = _sender(api_app, "run_at=2020-01-01T00:00:00%2B02:00").json

    assert job["status"] == "queued"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("priority=11", "priority"),
        ("priority=-1", "priority"),
        ("priority=1.5", "priority"),
        ("priority=", "priority"),
        ("priority=0x5", "priority"),
        ("priority=%D9%A3", "priority"),
        ("priority=99999999999999999999", "priority"),
        ("priority=1&priority=2", "priority"),
        ("delay_seconds=NaN", "delay_seconds"),
        ("delay_seconds=1e999", "delay_seconds"),
        ("run_at=2020-01-01T00:00:00+02:00", "run_at"),  # + is a space in a query
        ("result_ttl_seconds=1", "result_ttl_seconds"),
        ("label.a%20b=c", "label.a b"),
        ("label.=c", "label."),
        ("label.a=%00", "label.a"),
        ("label.a=1&label.a=2", "label.a"),
        ("operation=echo", "operation"),
        ("params={}", "params"),
        ("labels=a", "labels"),
        ("%00=1", "\x00"),
    ],
)
def test_an_invalid_option_is_named(api_app: ApiApp, query: str, pointer: str) -> None:
    answer = _sender(api_app, query)

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]
    assert not api_app.publisher.published


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"a": "x"}, ["/a"]),
        ({"a": 1, "c": 2}, ["/c"]),
        ({}, ["/a"]),
        ([], [""]),
        ("text", [""]),
        (7, [""]),
    ],
)
def test_parameter_errors_point_into_the_body(
    api_app: ApiApp, body: Any, pointers: list[str]
) -> None:
    answer = _sender(api_app, body=body)

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json["errors"]] == pointers


def test_an_unknown_operation_is_not_found_before_its_body_is_read(api_app: ApiApp) -> None:
    answer = api_app.http.simulate_post("/v1/operations/nothing", body="{", content_type=JSON)

    assert answer.status_code == 404
    assert answer.json["type"].endswith("/problems/unknown-operation")


def test_a_repeat_is_recognised_in_any_media_type(api_app: ApiApp) -> None:
    key = {"Idempotency-Key": "once"}
    first = _sender(api_app, "priority=7", headers=key)

    packed = api_app.http.simulate_post(
        "/v1/operations/add",
        query_string="priority=7",
        body=msgpack.packb({"b": 2, "a": 1}),
        headers={**key, "Content-Type": "application/msgpack"},
    )
    body = {"operation": "add", "params": {"a": 1, "b": 2}, "priority": 7}
    elsewhere = api_app.submit(body, headers=key)

    for again in (packed, elsewhere):
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.json["id"] == first.json["id"]
    assert len(api_app.publisher.published) == 1


@pytest.mark.parametrize("query", ["", "priority=8", "priority=7&label.a=b"])
def test_a_repeat_with_other_options_is_a_mismatch(api_app: ApiApp, query: str) -> None:
    key = {"Idempotency-Key": "once"}
    _sender(api_app, "priority=7", headers=key)

    answer = _sender(api_app, query, headers=key)

    assert answer.status_code == 422
    assert answer.json["type"].endswith("/problems/idempotency-mismatch")


def test_a_viewer_cannot_submit() -> None:
    api_app = ApiApp(api_keys=f"acme:viewer:{hash_of('look')}")

    answer = _sender(api_app, headers={"X-API-Key": "look"})

    assert answer.status_code == 403
