"""The older API of the literature example answers its clients as before, with the same jobs."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from callboard.jobs.progress import ProgressReport
from callboard.jobs.registry import discover
from tests.api_app import ApiApp
from tests.eventually import eventually

INDEX = {"tool": "rag.index", "params": {"corpus": "mine"}}
FIELDS = {
    "job_id",
    "tool",
    "status",
    "progress",
    "result",
    "error",
    "created_at",
    "started_at",
    "completed_at",
    "duration_ms",
}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[ApiApp]:
    made = ApiApp(
        registry=discover(["examples.literature"]),
        routes=("examples.literature.routes",),
        storage_url=str(tmp_path / "files"),
    )
    yield made
    made.close()


def post(app: ApiApp, body: Any) -> Any:
    return app.http.simulate_post("/literature/v1/jobs", json=body)


def see(app: ApiApp, job_id: str) -> Any:
    return app.http.simulate_get(f"/literature/v1/jobs/{job_id}")


def test_a_slow_tool_is_accepted_and_is_a_job(app: ApiApp) -> None:
    answer = post(app, {**INDEX, "ttl_hours": 168, "priority": 7})
    job = app.get(answer.json["job_id"]).json

    assert answer.status_code == 202
    assert answer.headers["Location"].endswith(f"/literature/v1/jobs/{job['id']}")
    assert (answer.json["status"], answer.json["position_in_queue"]) == ("pending", 1)
    assert "estimated_duration" in answer.json
    assert (job["operation"], job["priority"]) == ("corpus_index", 7)
    assert job["labels"]["tool"] == "rag.index"


def test_each_status_has_its_old_name(app: ApiApp) -> None:
    ids = [
        post(app, {"tool": "corpus_index", "params": {"corpus": f"c{number}"}}).json["job_id"]
        for number in range(5)
    ]
    app.report(app.claim(ids[1]), ProgressReport(percent=25.0))
    app.succeed(ids[2], {"papers": 3})
    app.fail(ids[3], {"type": "failed", "detail": "This is no XML.", "retryable": False})
    app.http.simulate_delete(f"/literature/v1/jobs/{ids[4]}")

    seen = [see(app, job_id).json for job_id in ids]

    assert all(set(each) == FIELDS for each in seen)
    states = [(each["status"], each["progress"]) for each in seen]
    assert states[:3] == [("pending", 0.0), ("running", 0.25), ("completed", 1.0)]
    assert [each["status"] for each in seen[3:]] == ["failed", "cancelled"]
    assert [each["result"] for each in seen[1:4]] == [None, {"papers": 3}, None]
    assert seen[3]["error"] == "This is no XML."
    assert seen[2]["duration_ms"] >= 0
    assert seen[0]["duration_ms"] is None


def test_a_fast_tool_answers_with_its_result(app: ApiApp) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post, app, {"tool": "ping"})
        eventually(lambda: app.events.waiting == 1, what="the request waits")
        app.succeed(app.publisher.published[0].submission.job_id, "pong")
        got = answer.result(10)

    assert got.status_code == 200
    assert (got.json["status"], got.json["result"], got.json["tool"]) == (
        "completed",
        "pong",
        "ping",
    )


BAD: dict[str, tuple[Any, str]] = {
    "no tool": ({"params": {}}, "/tool: Field required"),
    "an unknown tool": ({"tool": "rag.dance"}, "/tool: Input should be"),
    "a short life": ({**INDEX, "ttl_hours": 0}, "/ttl_hours"),
    "a long life": ({**INDEX, "ttl_hours": 169}, "/ttl_hours"),
    "a priority": ({**INDEX, "priority": 11}, "/priority"),
    "params": ({**INDEX, "params": []}, "/params"),
    "a parameter": ({**INDEX, "params": {"sample": "many"}}, "/params/sample"),
    "a name": ({**INDEX, "params": {"corpus": "../x"}}, "/params/corpus"),
    "no object": ([1], "Input should be"),
}


@pytest.mark.parametrize("case", BAD)
def test_errors_of_a_submission_are_400(app: ApiApp, case: str) -> None:
    body, told = BAD[case]

    answer = post(app, body)

    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert told in answer.json["detail"]


def test_an_equal_submission_gets_the_active_job(app: ApiApp) -> None:
    first, second = (post(app, INDEX) for _ in range(2))

    assert second.status_code == 202
    assert first.json["job_id"] == second.json["job_id"]


def test_unknown_jobs_are_404(app: ApiApp) -> None:
    unknown = "/literature/v1/jobs/01a22dde-e04b-72dd-b793-001d37af4e97"

    for answer in (app.http.simulate_get(unknown), app.http.simulate_delete(unknown)):
        assert (answer.status_code, answer.json) == (404, {"error": "JOB_NOT_FOUND"})


def test_the_list_is_paged_and_has_a_total_and_only_its_own_jobs(app: ApiApp) -> None:
    app.submit({"operation": "corpus_index", "params": {"corpus": "other"}})
    ids = [
        post(app, {"tool": "rag.index", "params": {"corpus": f"c{number}"}}).json["job_id"]
        for number in range(4)
    ]
    app.succeed(ids[0], {"papers": 3})

    def listed(query: str) -> Any:
        return app.http.simulate_get("/literature/v1/jobs", query_string=query).json

    page = listed("status=pending&limit=2&offset=1")
    assert [job["job_id"] for job in page["jobs"]] == [ids[2], ids[1]]
    assert (page["total"], page["limit"], page["offset"]) == (3, 2, 1)
    assert [job["job_id"] for job in listed("status=completed")["jobs"]] == ids[:1]
    everything = listed("limit=500")
    assert (everything["total"], everything["limit"], everything["offset"]) == (4, 100, 0)


@pytest.mark.parametrize("query", ["status=done", "limit=0", "limit=x", "offset=-1"])
def test_a_bad_query_is_400(app: ApiApp, query: str) -> None:
    answer = app.http.simulate_get("/literature/v1/jobs", query_string=query)

    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("tool", "params", "operation", "sent"),
    [
        ("rag.get", {"pmid": 7}, "corpus_search", {"query": "pmid:7", "limit": 1}),
        ("rag.get", {"doc_id": "pmid:7"}, "corpus_search", {"query": "pmid:7", "limit": 1}),
        ("pubmed.search", {"term": "owl"}, "corpus_search", {"query": "owl"}),
        (
            "pubmed.sync",
            {"query": "owl", "base_url": "http://127.0.0.1:9"},
            "corpus_sync",
            {"query": "owl", "server": "http://127.0.0.1:9"},
        ),
        ("corpus.checkpoint.get", {}, "corpus_checkpoint", {"action": "get"}),
        (
            "corpus.checkpoint.delete",
            {"query": "owl"},
            "corpus_checkpoint",
            {"action": "delete", "query": "owl"},
        ),
    ],
)
def test_old_names_of_tools_and_parameters_still_work(
    app: ApiApp, tool: str, params: dict[str, Any], operation: str, sent: dict[str, Any]
) -> None:
    body = {"tool": tool, "params": params}
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post, app, body)
        eventually(lambda: app.publisher.published, what="the job is submitted")
        job_id = app.publisher.published[0].submission.job_id
        submission = app.publisher.published[0].submission
        app.http.simulate_delete(f"/literature/v1/jobs/{job_id}")
        status = answer.result(10).json["job_id"]

    assert status == job_id
    assert submission.operation == operation
    assert dict(submission.params) == sent
