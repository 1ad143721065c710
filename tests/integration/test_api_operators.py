"""What operators can read and control over HTTP: pauses, limits and workers."""

from datetime import datetime, timedelta

import pytest

from callboard.jobs.claim import claim
from callboard.jobs.limit import Limit, limit, limits_in_effect, operation_slot
from callboard.jobs.workers import heartbeat_worker
from tests.api_app import ApiApp

SLOT = operation_slot("add")
LEASE = timedelta(seconds=20)


def _claim(api_app: ApiApp, job_id: str) -> str:
    found = claim(api_app.store, job_id, token="token", worker="worker-1", lease=LEASE, limits={})
    return found.word


def test_a_paused_operation_accepts_jobs_and_starts_none_until_it_is_resumed(
    api_app: ApiApp,
) -> None:
    paused = api_app.http.simulate_post("/v1/operations/add/pause")
    job_id = api_app.submit().json["id"]

    assert (paused.status_code, paused.json["name"], paused.json["paused"]) == (200, "add", True)
    assert paused.json["limits"]["max_running_now"] == 0
    assert _claim(api_app, job_id) == "blocked"

    resumed = api_app.http.simulate_post("/v1/operations/add/resume")

    assert (resumed.status_code, resumed.json["paused"]) == (200, False)
    assert _claim(api_app, job_id) == "claimed"


def test_a_pause_can_be_repeated_and_keeps_operator_limits(api_app: ApiApp) -> None:
    limit(api_app.store, {SLOT: 3}, source="operator")

    for _ in range(2):
        api_app.http.simulate_post("/v1/operations/add/pause", json={})
    for _ in range(2):
        answer = api_app.http.simulate_post("/v1/operations/add/resume")

    assert answer.json["limits"]["max_running_now"] == 3
    assert answer.json["limits"]["max_running"] is None


def test_the_listing_shows_the_effective_limit_of_each_operation(api_app: ApiApp) -> None:
    limit(api_app.store, {operation_slot("echo"): 2}, source="declared")
    api_app.http.simulate_post("/v1/operations/add/pause")

    items = api_app.http.simulate_get("/v1/operations").json["items"]

    shown = {each["name"]: (each["paused"], each["limits"]["max_running_now"]) for each in items}
    assert shown["add"] == (True, 0)
    assert shown["echo"] == (False, 2)
    assert shown["quick"] == (False, None)


@pytest.mark.parametrize("path", ["pause", "resume"])
def test_only_a_known_operation_can_be_paused_and_only_without_a_body(
    api_app: ApiApp, path: str
) -> None:
    unknown = api_app.http.simulate_post(f"/v1/operations/nothing/{path}")
    spoken = api_app.http.simulate_post(f"/v1/operations/add/{path}", json={"for": "ever"})

    assert (unknown.status_code, spoken.status_code) == (404, 422)
    assert spoken.json["errors"][0]["pointer"] == "/for"
    assert not api_app.http.simulate_get("/v1/operations/add").json["paused"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, Limit(5, paused=False)),
        ({"declared": 2}, Limit(2, paused=False)),
        ({"declared": None}, Limit(None, paused=False)),
        ({"declared": 2, "operator": 7}, Limit(7, paused=False)),
        ({"declared": 2, "operator": 7, "pause": 0}, Limit(0, paused=True)),
        ({"declared": 2, "pause": 0}, Limit(0, paused=True)),
        ({"operator": 0}, Limit(0, paused=False)),
    ],
)
def test_a_pause_overrides_an_operators_limit_which_overrides_the_declared_one(
    api_app: ApiApp, said: dict[str, int | None], expected: Limit
) -> None:
    for source, places in said.items():
        limit(api_app.store, {SLOT: places}, source=source)  # type: ignore[arg-type]

    assert limits_in_effect(api_app.store, {SLOT: 5}) == [expected]


def test_without_operations_redis_is_not_asked(api_app: ApiApp) -> None:
    assert limits_in_effect(api_app.store, {}) == []


def test_the_worker_list_shows_each_worker_and_its_runs(api_app: ApiApp) -> None:
    said = {
        "host": "b",
        "pid": "17",
        "version": "0.1.0",
        "queues": "default,slow",
        "operations": "add,echo",
        "threads": "4",
        "stuck_threads": "2",
        "dead_threads": "1",
        "running": "job-1,job-2",
    }
    heartbeat_worker(api_app.store, "b-1", said, operations=["add", "echo"])
    heartbeat_worker(api_app.store, "a-1", {"host": "a", "running": ""}, operations=[])

    answer = api_app.http.simulate_get("/v1/workers")

    first, second = answer.json["items"]
    assert answer.json["next"] is None
    assert (first["id"], first["running"], first["version"]) == ("a-1", [], None)
    assert (first["stuck_threads"], first["dead_threads"]) == (0, 0)
    times = [datetime.fromisoformat(second.pop(each)) for each in ("since", "last_hello_at")]
    assert second == {
        "id": "b-1",
        "host": "b",
        "pid": 17,
        "version": "0.1.0",
        "queues": ["default", "slow"],
        "operations": ["add", "echo"],
        "threads": 4,
        "stuck_threads": 2,
        "dead_threads": 1,
        "running": ["job-1", "job-2"],
    }
    assert times == sorted(times)


def test_a_worker_is_listed_from_its_first_heartbeat(api_app: ApiApp) -> None:
    heartbeat_worker(api_app.store, "worker-1", {"host": "here"}, operations=[])
    since = api_app.store.redis.hget(api_app.store.keys("worker", "worker-1"), "since_ms")
    api_app.store.redis.hset(api_app.store.keys("worker", "worker-1"), "since_ms", 1_000)

    heartbeat_worker(api_app.store, "worker-1", {"host": "here"}, operations=[])

    (worker,) = api_app.http.simulate_get("/v1/workers").json["items"]
    assert since is not None
    assert worker["since"] == "1970-01-01T00:00:01.000Z"


def test_a_silent_worker_leaves_the_worker_list(api_app: ApiApp) -> None:
    heartbeat_worker(api_app.store, "worker-1", {"host": "here"}, operations=[])
    api_app.store.redis.delete(api_app.store.keys("worker", "worker-1"))

    assert api_app.http.simulate_get("/v1/workers").json["items"] == []
