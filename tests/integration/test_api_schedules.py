"""Schedules over HTTP: created, replaced, paused, removed and read by operators."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from falcon import testing

from callboard.jobs.purge import purge
from callboard.jobs.schedules.records import put_schedule
from callboard.jobs.schedules.schedule import Schedule
from tests.api_app import ApiApp, hash_of
from tests.ticks import take_now

PATH = "/v1/schedules/nightly"
DAILY = {"cron": "30 2 * * *", "operation": "add", "params": {"a": 1}}


def _put(api_app: ApiApp, body: Any = None, path: str = PATH) -> testing.Result:
    return api_app.http.simulate_put(path, json=DAILY if body is None else body)


def test_a_schedule_is_created_and_read(api_app: ApiApp) -> None:
    put = _put(api_app, {**DAILY, "timezone": "Europe/Berlin", "labels": {"team": "a"}})
    one = api_app.http.simulate_get(PATH)

    shown = {**put.json}
    next_at = datetime.fromisoformat(shown.pop("next_at"))
    assert put.status_code == 201
    assert put.headers["Location"] == put.json["links"]["self"]
    assert shown == {
        "name": "nightly",
        "cron": "30 2 * * *",
        "timezone": "Europe/Berlin",
        "operation": "add",
        "params": {"a": 1},
        "priority": 5,
        "labels": {"team": "a"},
        "tenant": "default",
        "missed": "once",
        "paused": False,
        "source": "api",
        "last": None,
        "links": {"self": "http://falconframework.org/v1/schedules/nightly"},
    }
    assert next_at - datetime.now(UTC) < timedelta(hours=25)
    assert (next_at.hour, next_at.minute) in ((0, 30), (1, 30))
    assert one.json == put.json


def test_a_repeat_changes_nothing_and_the_list_is_sorted_by_name(api_app: ApiApp) -> None:
    first = _put(api_app)
    again = _put(api_app, {**DAILY, "priority": 5.0})
    _put(api_app, path="/v1/schedules/hourly")

    answer = api_app.http.simulate_get("/v1/schedules")

    assert (first.status_code, again.status_code) == (201, 200)
    assert "Location" not in again.headers
    assert again.json == first.json
    assert [each["name"] for each in answer.json["items"]] == ["hourly", "nightly"]
    assert answer.json["next"] is None


def test_a_tick_shows_its_outcome(api_app: ApiApp) -> None:
    _put(api_app)
    take_now(api_app.store, api_app.services.submissions, "nightly")

    last = api_app.http.simulate_get(PATH).json["last"]
    job = api_app.get(last["job"]["id"]).json
    purge_me = last["job"]["id"]
    api_app.succeed(purge_me, 1)
    purge(api_app.store, purge_me)

    assert (last["outcome"], last["detail"]) == ("submitted", None)
    assert last["job"] == {"id": job["id"], "status": "queued", "href": job["links"]["self"]}
    assert job["labels"] == {"schedule": "nightly"}
    assert api_app.http.simulate_get(PATH).json["last"] == {**last, "job": None}


def test_a_refused_tick_shows_the_reason(api_app: ApiApp) -> None:
    _put(api_app, {**DAILY, "operation": "single", "params": {"name": "a"}})
    conflicting = api_app.submit({"operation": "single", "params": {"name": "a"}}).json["id"]
    take_now(api_app.store, api_app.services.submissions, "nightly")

    last = api_app.http.simulate_get(PATH).json["last"]

    assert (last["outcome"], last["job"]["id"]) == ("duplicate", conflicting)
    assert "already active" in last["detail"]


def test_a_pause_and_a_resume_can_be_repeated(api_app: ApiApp) -> None:
    _put(api_app)

    paused = [api_app.http.simulate_post(f"{PATH}/pause") for _ in range(2)]
    resumed = [api_app.http.simulate_post(f"{PATH}/resume", json={}) for _ in range(2)]

    assert [(each.status_code, each.json["paused"]) for each in paused] == [(200, True)] * 2
    assert paused[0].json["next_at"] is None
    assert [(each.status_code, each.json["paused"]) for each in resumed] == [(200, False)] * 2
    assert resumed[0].json["next_at"] == resumed[1].json["next_at"] is not None


def test_a_removed_schedule_is_gone(api_app: ApiApp) -> None:
    _put(api_app)

    removed = api_app.http.simulate_delete(PATH)
    later = [
        api_app.http.simulate_request(method, path).status_code
        for method, path in (
            ("GET", PATH),
            ("DELETE", PATH),
            ("POST", f"{PATH}/pause"),
            ("GET", "/v1/schedules/No Name"),
        )
    ]

    assert (removed.status_code, removed.content) == (204, b"")
    assert later == [404] * 4


def test_a_files_schedule_can_be_paused_but_not_changed(api_app: ApiApp) -> None:
    put_schedule(api_app.store, "nightly", Schedule.model_validate(DAILY), source="file")

    changed, removed = _put(api_app), api_app.http.simulate_delete(PATH)
    paused = api_app.http.simulate_post(f"{PATH}/pause")

    for answer in (changed, removed):
        assert answer.status_code == 409
        assert answer.json["type"].endswith("/problems/schedule-from-file")
    assert (paused.json["paused"], paused.json["source"]) == (True, "file")


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"cron": "61 * * * *"}, "/cron"),
        ({"cron": "* * * * * *"}, "/cron"),
        ({"cron": 5}, "/cron"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"operation": "nothing"}, "/operation"),
        ({"params": {"a": "x"}}, "/params/a"),
        ({"params": {}}, "/params/a"),
        ({"params": None}, "/params"),
        ({"priority": 11}, "/priority"),
        ({"labels": {"schedule": "mine"}}, "/labels/schedule"),
        ({"labels": {str(n): "" for n in range(16)}}, "/labels"),
        ({"tenant": "a b"}, "/tenant"),
        ({"missed": "all"}, "/missed"),
        ({"paused": "no"}, "/paused"),
        ({"source": "file"}, "/source"),
    ],
)
def test_errors_are_named_and_nothing_is_stored(
    api_app: ApiApp, said: dict[str, Any], pointer: str
) -> None:
    answer = _put(api_app, {**DAILY, **said})

    assert answer.status_code == 422
    assert pointer in [each["pointer"] for each in answer.json["errors"]]
    assert api_app.http.simulate_get("/v1/schedules").json["items"] == []


@pytest.mark.parametrize("name", ["Nightly", "-a", "a" * 65, "a.b", "a%0a"])
def test_schedule_names_are_short_and_plain(api_app: ApiApp, name: str) -> None:
    answer = _put(api_app, path=f"/v1/schedules/{name}")

    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "schedule"


def test_a_schedules_jobs_belong_to_its_creator_unless_it_names_a_tenant() -> None:
    api_app = ApiApp(api_keys=f"ops:operator:{hash_of('k')}")
    headers = {"Authorization": "Bearer k"}

    own = api_app.http.simulate_put(PATH, json=DAILY, headers=headers)
    others = api_app.http.simulate_put(PATH, json={**DAILY, "tenant": "lab"}, headers=headers)
    take_now(api_app.store, api_app.services.submissions, "nightly")
    last = api_app.http.simulate_get(PATH, headers=headers).json["last"]
    made = api_app.store.redis.hget(api_app.store.keys("job", last["job"]["id"]), "tenant")
    api_app.close()

    assert (own.json["tenant"], others.json["tenant"]) == ("ops", "lab")
    assert made == b"lab"
