"""Reading jobs, fetching results, cancelling and removing over HTTP."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import fakeredis
import msgpack
import pytest

from callboard.jobs.progress import ProgressReport
from callboard.jobs.renew import renew
from tests.api_app import ApiApp


@pytest.fixture
def job_id(api_app: ApiApp) -> str:
    job_id: str = api_app.submit().json["id"]
    return job_id


def test_a_job_shows_its_progress(api_app: ApiApp, job_id: str) -> None:
    api_app.report(
        api_app.claim(job_id), ProgressReport(percent=42.0, current=420, total=1000, step="Adding")
    )

    answer = api_app.get(job_id)

    assert answer.status_code == 200
    assert answer.json["status"] == "running"
    assert answer.json["attempt"] == 1
    assert answer.json["progress"].items() >= {"percent": 42.0, "step": "Adding"}.items()
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_finished_job_has_its_small_result_and_no_retry_after(
    api_app: ApiApp, job_id: str
) -> None:
    api_app.succeed(job_id, {"sum": 3})

    answer = api_app.get(job_id)

    assert answer.json["status"] == "succeeded"
    assert answer.json["result"] == {"sum": 3}
    assert answer.json["progress"]["percent"] == 100
    assert "Retry-After" not in answer.headers


def test_a_large_result_is_only_at_its_own_address() -> None:
    api_app = ApiApp(inline_result_bytes="100B")
    job_id = api_app.submit().json["id"]
    api_app.succeed(job_id, "x" * 1000)

    assert api_app.get(job_id).json["result"] is None
    assert api_app.get(f"{job_id}/result").json == "x" * 1000


def test_a_client_that_has_the_latest_version_gets_304(api_app: ApiApp, job_id: str) -> None:
    tag = api_app.get(job_id).headers["ETag"]

    same = api_app.get(job_id, headers={"If-None-Match": tag})
    api_app.claim(job_id)
    changed = api_app.get(job_id, headers={"If-None-Match": tag})

    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["ETag"] == tag
    assert same.headers["Cache-Control"] == "no-store"
    assert int(same.headers["Retry-After"]) >= 1
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


def test_a_queued_jobs_tag_changes_with_its_queue_position(api_app: ApiApp, job_id: str) -> None:
    second_id = api_app.submit().json["id"]
    behind = api_app.get(second_id)

    api_app.claim(job_id)
    moved = api_app.get(second_id, headers={"If-None-Match": behind.headers["ETag"]})
    again = api_app.get(second_id, headers={"If-None-Match": moved.headers["ETag"]})

    assert behind.json["queue"]["position"] == 2
    assert (moved.status_code, moved.json["queue"]["position"]) == (200, 1)
    assert again.status_code == 304


def test_a_304_has_the_same_vary_header_as_a_200(
    api_app: ApiApp,
) -> None:
    job_id = api_app.submit().json["id"]
    whole = api_app.get(job_id)

    known = api_app.get(job_id, headers={"If-None-Match": whole.headers["ETag"]})

    assert (known.status_code, known.headers["Vary"]) == (304, whole.headers["Vary"])


@pytest.mark.parametrize("value", [3, None, [], {"a": [1.5, "é"]}, ""])
def test_a_result_comes_in_the_format_that_is_preferred(
    api_app: ApiApp, job_id: str, value: object
) -> None:
    api_app.succeed(job_id, value)

    as_json = api_app.get(f"{job_id}/result")
    as_msgpack = api_app.get(f"{job_id}/result", headers={"Accept": "application/msgpack"})

    assert as_json.headers["Content-Type"] == "application/json"
    assert as_json.json == value
    assert as_msgpack.headers["Content-Type"] == "application/msgpack"
    assert msgpack.unpackb(as_msgpack.content) == value


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("text/html, */*;q=0.8", "application/json"),
        ("image/png", "application/json"),
        ("application/msgpack;q=0.5, application/json", "application/json"),
        ("application/msgpack, application/json;q=0.5", "application/msgpack"),
        ("Application/MsgPack", "application/msgpack"),
        ("///", "application/json"),
    ],
)
def test_json_is_the_format_unless_msgpack_is_preferred(
    api_app: ApiApp, job_id: str, accept: str, media_type: str
) -> None:
    answer = api_app.get(job_id, headers={"Accept": accept})

    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Vary"] == "Accept"


def test_nan_is_null_in_json(api_app: ApiApp, job_id: str) -> None:
    api_app.succeed(job_id, [float("nan"), float("inf")])

    assert api_app.get(f"{job_id}/result").text == "[null,null]"


def test_the_result_of_a_job_that_is_not_finished_is_a_conflict(
    api_app: ApiApp, job_id: str
) -> None:
    answer = api_app.get(f"{job_id}/result")

    assert answer.status_code == 409
    assert answer.json["type"].endswith("/problems/job-not-finished")
    assert answer.json["job"]["status"] == "queued"
    assert int(answer.headers["Retry-After"]) >= 1


def test_the_result_of_a_failed_job_is_a_conflict_that_says_why(
    api_app: ApiApp, job_id: str
) -> None:
    api_app.fail(job_id, {"type": "failure", "detail": "No genes.", "retryable": False})

    answer = api_app.get(f"{job_id}/result")

    assert answer.status_code == 409
    assert answer.json["type"].endswith("/problems/no-result")
    assert answer.json["error"]["detail"] == "No genes."
    assert answer.json["error"]["type"].endswith("/problems/failure")
    assert "Retry-After" not in answer.headers


def test_a_failed_job_shows_its_error(api_app: ApiApp, job_id: str) -> None:
    api_app.fail(job_id, {"type": "failure", "detail": "No genes.", "retryable": False})

    job = api_app.get(job_id).json

    assert job["status"] == "failed"
    assert job["result"] is None
    assert job["error"] == {
        "type": "http://falconframework.org/problems/failure",
        "title": "The operation reported a failure.",
        "detail": "No genes.",
        "attempt": 1,
        "retryable": False,
    }


def test_a_job_that_is_not_running_is_cancelled_at_once(api_app: ApiApp, job_id: str) -> None:
    first = api_app.http.simulate_delete(f"/v1/jobs/{job_id}")
    again = api_app.http.simulate_delete(f"/v1/jobs/{job_id}")

    assert (first.status_code, first.json["status"]) == (200, "cancelled")
    assert "Retry-After" not in first.headers
    assert (again.status_code, again.json) == (200, first.json)


def test_a_running_job_is_asked_to_stop(api_app: ApiApp, job_id: str) -> None:
    api_app.claim(job_id)

    first = api_app.http.simulate_delete(f"/v1/jobs/{job_id}")
    again = api_app.http.simulate_delete(f"/v1/jobs/{job_id}")

    assert (first.status_code, first.json["status"]) == (202, "cancelling")
    assert first.headers["Retry-After"] == "1"
    assert again.status_code == 202


@pytest.mark.parametrize(
    ("queries", "word"),
    [
        ([{}], "cancel"),
        ([{"force": "true"}], "force"),
        ([{}, {}], "cancel"),
        ([{}, {}, {}], "cancel"),
        ([{"force": "false"}], "cancel"),
        ([{}, {"force": "false"}], "cancel"),
        ([{"force": "true"}, {"force": "false"}], "force"),
    ],
)
def test_a_cancel_is_forced_only_on_request_and_never_by_a_repeat(
    api_app: ApiApp, job_id: str, queries: list[dict[str, str]], word: str
) -> None:
    fence = api_app.claim(job_id)

    for query in queries:
        api_app.http.simulate_delete(f"/v1/jobs/{job_id}", params=query)

    lease = timedelta(seconds=20)
    assert renew(api_app.store, [fence], lease=lease) == {job_id: word}


def test_a_final_job_is_left_as_it_is(api_app: ApiApp, job_id: str) -> None:
    api_app.succeed(job_id, 3)

    answer = api_app.http.simulate_delete(f"/v1/jobs/{job_id}")

    assert (answer.status_code, answer.json["status"]) == (200, "succeeded")
    assert api_app.get(job_id).status_code == 200


def test_a_final_job_is_removed_on_request(api_app: ApiApp, job_id: str) -> None:
    api_app.succeed(job_id, 3)

    removed = api_app.http.simulate_delete(f"/v1/jobs/{job_id}", params={"purge": "true"})
    again = api_app.http.simulate_delete(f"/v1/jobs/{job_id}", params={"purge": "true"})

    assert (removed.status_code, removed.content) == (204, b"")
    assert again.status_code == 204
    assert api_app.get(job_id).status_code == 410
    assert api_app.get(job_id).json["type"].endswith("/problems/job-gone")
    assert api_app.get(f"{job_id}/result").status_code == 410
    assert api_app.http.simulate_delete(f"/v1/jobs/{job_id}").status_code == 404


def test_an_active_job_is_not_removed(api_app: ApiApp, job_id: str) -> None:
    answer = api_app.http.simulate_delete(f"/v1/jobs/{job_id}", params={"purge": "true"})

    assert answer.status_code == 409
    assert answer.json["type"].endswith("/problems/job-active")
    assert api_app.get(job_id).json["status"] == "queued"


@pytest.mark.parametrize("query", ["purge=yes", "force=1", "purge=", "purge=true,false"])
def test_an_invalid_flag_changes_nothing(api_app: ApiApp, job_id: str, query: str) -> None:
    answer = api_app.http.simulate_delete(f"/v1/jobs/{job_id}", query_string=query)

    assert answer.status_code == 422
    assert api_app.get(job_id).json["status"] == "queued"


def test_retry_after_follows_past_runs(api_app: ApiApp) -> None:
    api_app.store.redis.hset(api_app.store.keys("stats", "add"), "mean_ms", 12_000)

    answer = api_app.submit()

    assert answer.headers["Retry-After"] == "12"
    assert api_app.get(answer.json["id"]).headers["Retry-After"] == "12"


class _Counting(fakeredis.FakeRedis):
    """Counts round trips."""

    trips = 0

    def pipeline(self, *args: Any, **kwargs: Any) -> Any:
        self.trips += 1
        return super().pipeline(*args, **kwargs)

    def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        self.trips += 1
        return super().execute_command(*args, **kwargs)


def test_a_poll_and_a_submission_are_one_round_trip_a_cancel_and_a_position_two() -> None:
    client = _Counting(server=fakeredis.FakeServer(version=(7, 2)), protocol=2)
    api_app = ApiApp(client)
    job_id = api_app.submit().json["id"]
    api_app.get(job_id)
    api_app.http.simulate_delete(
        f"/v1/jobs/{api_app.submit().json['id']}"
    )  # sends the script itself
    api_app.claim(running := api_app.submit().json["id"])
    api_app.claim(offered := api_app.submit().json["id"])
    offer = api_app.http.simulate_post(f"/v1/jobs/{offered}/cancel").json
    confirm = {"confirm": offer["confirmation"]["token"]}
    trips = [client.trips]

    asks = (
        lambda: api_app.get(running),
        lambda: api_app.get(job_id),
        api_app.submit,
        lambda: api_app.http.simulate_delete(f"/v1/jobs/{running}"),
        lambda: api_app.http.simulate_post(f"/v1/jobs/{offered}/cancel", json=confirm),
    )
    for ask in asks:
        ask()
        trips.append(client.trips)

    assert [after - before for before, after in pairwise(trips)] == [1, 2, 1, 2, 2]


def test_operations_are_listed_with_their_schemas(api_app: ApiApp) -> None:
    api_app.store.redis.hset(api_app.store.keys("stats", "add"), "mean_ms", 1500)

    listed = api_app.http.simulate_get("/v1/operations").json
    one = api_app.http.simulate_get("/v1/operations/add").json

    assert [each["name"] for each in listed["items"]] == sorted(
        each.name for each in api_app.registry
    )
    assert listed["next"] is None
    assert one in listed["items"]
    assert one["description"] == "Add two numbers."
    assert one["parameters"]["required"] == ["a"]
    assert one["parameters"]["additionalProperties"] is False
    assert one["result"] == {"type": "integer"}
    assert one["limits"]["time_limit_seconds"] == 600
    assert one["typical_duration_seconds"] == 1.5
    assert one["links"]["self"].endswith("/v1/operations/add")


def test_an_undeclared_operation_is_not_found(api_app: ApiApp) -> None:
    answer = api_app.http.simulate_get("/v1/operations/nothing")

    assert answer.status_code == 404
    assert answer.json["type"].endswith("/problems/unknown-operation")


def test_head_answers_like_get_without_a_body(api_app: ApiApp, job_id: str) -> None:
    answer = api_app.http.simulate_head(f"/v1/jobs/{job_id}")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["ETag"] == api_app.get(job_id).headers["ETag"]
