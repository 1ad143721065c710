"""The client against the server's HTTP layer, so that both agree on every route."""

from collections.abc import Iterator

import httpx
import pytest

from callboard.client import Client, JobFailed, Problem
from callboard.jobs.progress import ProgressReport
from tests.api_app import ApiApp


@pytest.fixture
def client(api_app: ApiApp) -> Iterator[Client]:
    transport = httpx.WSGITransport(app=api_app.app)
    with Client("http://localhost", patience=1, transport=transport) as client:
        yield client


def test_the_client_submits_a_job_waits_and_reads_its_result(
    api_app: ApiApp, client: Client
) -> None:
    job = client.submit("add", {"a": 1, "b": 2}, labels={"x": "y"}, priority=9)
    api_app.succeed(job["id"], 3)

    assert (job["status"], job["priority"], job["labels"]) == ("queued", 9, {"x": "y"})
    assert client.wait(job["id"], timeout=5)["status"] == "succeeded"
    assert client.result(job["id"], timeout=5) == 3


def test_the_same_key_returns_the_same_job(client: Client) -> None:
    first = client.submit("add", {"a": 1}, idempotency_key="k")

    assert client.submit("add", {"a": 1}, idempotency_key="k")["id"] == first["id"]


def test_a_duplicate_is_a_problem_or_the_other_job_as_the_operation_says(client: Client) -> None:
    first = client.submit("single", {"name": "a"})
    shared = client.submit("shared", {"name": "a"})

    with pytest.raises(Problem) as refused:
        client.submit("single", {"name": "a"})

    assert refused.value.kind == "duplicate-job"
    assert refused.value.document["existing_job"]["id"] == first["id"]
    assert client.submit("shared", {"name": "a"})["id"] == shared["id"]


def test_invalid_parameters_are_named_by_pointer(client: Client) -> None:
    with pytest.raises(Problem, match="/params/a") as refused:
        client.submit("add", {"a": "one"})

    assert refused.value.status == 422
    assert str(refused.value).count("/params/a") == 1


def test_an_unknown_job_is_reported_once(client: Client) -> None:
    with pytest.raises(Problem) as refused:
        client.job("01a201d6-6bb7-710b-ac9e-d05f7cec6712")

    assert str(refused.value) == f"404 {refused.value.document['detail']}"


def test_a_list_reads_all_pages_and_accepts_every_filter(client: Client) -> None:
    made = [client.submit("add", {"a": n}, labels={"odd": str(n % 2)})["id"] for n in range(130)]
    client.submit("echo", {"value": 1})

    assert [job["id"] for job in client.list(operation="add")] == made[::-1]
    odd = client.list(operation="add", status="queued", labels={"odd": "1"})
    assert [job["id"] for job in odd] == made[::-1][::2]
    assert list(client.list(created_before="2026-01-01T00:00:00+01:00")) == []
    assert list(client.list(status="failed")) == []


def test_a_log_reads_all_pages(api_app: ApiApp, client: Client) -> None:
    job_id = client.submit("add", {"a": 1})["id"]
    fence = api_app.claim(job_id)
    for page in range(6):
        api_app.report(fence, ProgressReport(lines=[f"1.0 line {page}.{n}" for n in range(200)]))

    numbers = [line["number"] for line in client.log(job_id, after=150)]

    # A job keeps this many lines and drops the oldest.
    assert numbers == list(range(201, 1201))


def test_a_cancel_takes_one_step_or_two(client: Client) -> None:
    one, two = (client.submit("add", {"a": n})["id"] for n in range(2))

    asked = client.ask_to_cancel(two)

    assert client.job(two)["status"] == "queued"
    assert client.confirm_cancel(two, asked["confirmation"]["token"])["status"] == "cancelled"
    assert client.cancel(one)["status"] == "cancelled"
    assert client.cancel(one)["status"] == "cancelled"
    with pytest.raises(Problem) as refused:
        client.ask_to_cancel(one)
    assert refused.value.kind == "job-final"


def test_a_final_job_is_retried_and_an_active_one_is_refused(
    api_app: ApiApp, client: Client
) -> None:
    job_id = client.submit("add", {"a": 1})["id"]
    with pytest.raises(Problem) as refused:
        client.retry(job_id)
    api_app.fail(job_id, {"type": "failure", "detail": "No.", "retryable": False})

    again = client.retry(job_id)

    assert refused.value.kind == "job-active"
    assert (again["retry_of"], again["status"]) == (job_id, "queued")
    with pytest.raises(JobFailed, match="No"):
        client.result(job_id, timeout=5)


def test_the_first_event_is_the_job_and_a_purged_job_has_none(
    api_app: ApiApp, client: Client
) -> None:
    job_id = client.submit("add", {"a": 1})["id"]
    api_app.report(api_app.claim(job_id), ProgressReport(percent=50, lines=["1.0 half"]))
    client.cancel(job_id)
    events = client.events(job_id)
    first = next(events)
    events.close()  # type: ignore[attr-defined]  # a generator

    api_app.store.redis.flushall()

    with pytest.raises(Problem) as gone:
        list(client.events(job_id, after=first.id))
    assert (first.kind, gone.value.status) == ("status", 404)


def test_events_of_a_final_job_are_its_log_and_its_end(api_app: ApiApp, client: Client) -> None:
    job_id = client.submit("add", {"a": 1})["id"]
    api_app.succeed(job_id, 3)

    events = list(client.events(job_id))

    assert events[-1].kind == "done"
    assert events[-1].data["status"] == "succeeded"
    assert list(client.events(job_id, after=events[-1].id)) == []
