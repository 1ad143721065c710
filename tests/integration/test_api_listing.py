"""Lists of jobs over HTTP: filters, pages, other tenants, and queue positions."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import falcon
import pytest

from callboard.api.paging import read_cursor, write_cursor
from callboard.jobs.listing import Position
from callboard.jobs.purge import purge
from callboard.jobs.workers import heartbeat_worker
from tests.api_app import ADD, ApiApp, keys_of

JOB_ID = "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77"
KEYS = ("lab:client:work", "lab:viewer:look", "clinic:client:other", "lab:operator:run")


@pytest.fixture
def guarded() -> Iterator[ApiApp]:
    built = ApiApp(api_keys=keys_of(*KEYS))
    yield built
    built.close()


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _list(api_app: ApiApp, query: str = "", **more: Any) -> falcon.testing.Result:
    return api_app.http.simulate_get("/v1/jobs", query_string=query, **more)


def _ids(answer: falcon.testing.Result) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json["items"]]


def _pages(api_app: ApiApp, query: str, **more: Any) -> list[list[str]]:
    """Follow `next` to the end."""
    answer = _list(api_app, query, **more)
    pages = [_ids(answer)]
    while answer.json["next"] is not None:
        assert answer.headers["Link"] == f'<{answer.json["next"]}>; rel="next"'
        answer = _list(api_app, answer.json["next"].partition("?")[2], **more)
        pages.append(_ids(answer))
    assert "Link" not in answer.headers
    return pages


def test_jobs_are_listed_newest_first_in_pages(api_app: ApiApp) -> None:
    made = sorted((api_app.submit().json["id"] for _ in range(5)), reverse=True)

    pages = _pages(api_app, "limit=2")

    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(chain.from_iterable(pages), reverse=True) == made
    assert sorted(_ids(_list(api_app)), reverse=True) == made


def test_an_empty_listing_is_a_page(api_app: ApiApp) -> None:
    answer = _list(api_app)

    assert answer.json == {"items": [], "next": None}
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_item_is_the_job_object_without_its_result(api_app: ApiApp) -> None:
    job_id = api_app.submit({**ADD, "labels": {"project": "x"}}).json["id"]
    api_app.succeed(job_id, 3)

    (item,) = _list(api_app).json["items"]

    assert item == {**api_app.get(job_id).json, "result": None}
    assert item["status"] == "succeeded"


def test_every_filter_narrows_the_list(api_app: ApiApp) -> None:
    plain = api_app.submit().json["id"]
    marked = api_app.submit({**ADD, "labels": {"project": "é b&=", "n": "1"}}).json["id"]
    echoed = api_app.submit({"operation": "echo", "params": {"value": 1}}).json["id"]
    api_app.claim(echoed)

    found = {
        query: _ids(_list(api_app, query))
        for query in (
            "status=running",
            "operation=add&status=queued&label.n=1",
            "label.project=%C3%A9%20b%26%3D",
            "label.n=1&label.project=other",
            f"batch={JOB_ID}",
            "created_after=2099-01-01T00:00:00Z",
            "created_before=1999-01-01T00:00:00Z",
        )
    }

    assert list(found.values()) == [[echoed], [marked], [marked], [], [], [], []]
    assert plain in _ids(_list(api_app, "created_before=2099-01-01T00:00:00Z&operation=add"))


def test_the_bounds_of_time_are_exclusive_to_the_millisecond(api_app: ApiApp) -> None:
    job = api_app.submit().json
    at = job["created_at"]

    exact = [_ids(_list(api_app, f"created_{which}={at}")) for which in ("after", "before")]
    around = at.replace("Z", "5Z")  # half a millisecond later
    either = [_ids(_list(api_app, f"created_{which}={around}")) for which in ("after", "before")]

    assert exact == [[], []]
    assert either == [[], [job["id"]]]


def test_the_next_page_has_the_same_filters(api_app: ApiApp) -> None:
    wanted = [
        api_app.submit({**ADD, "labels": {"project": "a b&c"}}).json["id"]
        for _ in range(3)
        if api_app.submit()
    ]

    pages = _pages(api_app, "limit=1&label.project=a%20b%26c")

    assert sorted(chain.from_iterable(pages)) == sorted(wanted)


def test_a_page_continues_after_a_job_that_was_removed(api_app: ApiApp) -> None:
    for _ in range(4):
        api_app.submit()
    whole = _ids(_list(api_app))
    first = _list(api_app, "limit=2").json
    api_app.succeed(whole[1], 1)

    purge(api_app.store, whole[1])
    following = _list(api_app, first["next"].partition("?")[2])

    assert _ids(following) == whole[2:]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("status=done", "status"),
        ("status=queued&status=running", "status"),
        ("operation=No%20Name", "operation"),
        ("batch=1", "batch"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("created_after=yesterday", "created_after"),
        ("cursor=", "cursor"),
        ("cursor=AAAA", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=" + write_cursor(Position(1, JOB_ID)) + "=", "cursor"),
        ("tenant=a%3Astatus", "tenant"),
        ("sort=name", "sort"),
        ("label=x", "label"),
    ],
)
def test_an_invalid_parameter_is_named(api_app: ApiApp, query: str, name: str) -> None:
    answer = _list(api_app, query)

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json["errors"]] == [name]


def test_a_cursor_round_trips() -> None:
    position = Position(1_800_000_000_000, JOB_ID)

    assert read_cursor(write_cursor(position)) == position


def test_a_tenant_lists_only_its_own_jobs(guarded: ApiApp) -> None:
    mine = guarded.submit(headers=_bearer("work")).json["id"]
    theirs = guarded.submit(headers=_bearer("other")).json["id"]

    assert _ids(_list(guarded, headers=_bearer("look"))) == [mine]
    assert _ids(_list(guarded, headers=_bearer("other"))) == [theirs]
    assert _ids(_list(guarded, headers=_bearer("run"))) == [mine]
    assert _list(guarded).status_code == 401


def test_operators_list_the_jobs_of_any_tenant_or_of_all(guarded: ApiApp) -> None:
    made = [
        guarded.submit(headers=_bearer(key)).json["id"]
        for key in ("work", "other", "work", "other", "work")
    ]

    theirs = _list(guarded, "tenant=clinic", headers=_bearer("run"))
    everybody = _pages(guarded, "tenant=*&limit=2", headers=_bearer("run"))

    assert sorted(_ids(theirs)) == sorted(made[1::2])
    assert [len(page) for page in everybody] == [2, 2, 1]
    assert sorted(chain.from_iterable(everybody)) == sorted(made)
    assert _ids(_list(guarded, "tenant=nobody", headers=_bearer("run"))) == []


@pytest.mark.parametrize("tenant", ["clinic", "lab", "*"])
def test_only_operators_choose_the_tenant_of_a_listing(guarded: ApiApp, tenant: str) -> None:
    answer = _list(guarded, f"tenant={tenant}", headers=_bearer("work"))

    assert answer.status_code == 403


def test_head_answers_like_get(api_app: ApiApp) -> None:
    api_app.submit()
    api_app.submit()

    answer = api_app.http.simulate_head("/v1/jobs", query_string="limit=1")

    assert (answer.status_code, answer.content) == (200, b"")
    assert 'rel="next"' in answer.headers["Link"]


def _prepare(api_app: ApiApp, *, threads: int = 1, mean_ms: int = 4000, **stats: int) -> None:
    """Create a worker and past runs."""
    fields = {"threads": str(threads), "queues": "default"}
    heartbeat_worker(api_app.store, "worker-1", fields, operations=["add"])
    stats_of_add = {"mean_ms": mean_ms, **stats}
    api_app.store.redis.hset(api_app.store.keys("stats", "add"), mapping=stats_of_add)


def test_a_queued_job_shows_its_position_and_estimated_start(api_app: ApiApp) -> None:
    _prepare(api_app)
    api_app.claim(api_app.submit().json["id"])
    first, second = api_app.submit(), api_app.submit()

    looked = api_app.get(second.json["id"])

    assert first.json["queue"]["position"] == 1
    assert (second.status_code, second.json["queue"]) == (202, looked.json["queue"])
    assert looked.json["queue"] == {
        "position": 2,
        "blocked_on": None,
        "paused": False,
        "estimated_start_seconds": 8,
        "waiting_for": [],
    }
    assert (second.headers["Retry-After"], looked.headers["Retry-After"]) == ("12", "12")


def test_a_blocked_job_shows_its_position_at_the_slot(api_app: ApiApp) -> None:
    _prepare(api_app, threads=8)
    api_app.store.redis.hset(api_app.store.keys("limits"), "declared:operation:add", 2)
    jobs = [api_app.submit().json["id"] for _ in range(4)]
    for job_id in jobs[:2]:
        api_app.claim(job_id)
    for job_id in jobs[2:]:
        with pytest.raises(AssertionError, match="blocked"):
            api_app.claim(job_id)

    queue = api_app.get(jobs[3]).json["queue"]

    assert queue == {
        "position": 2,
        "blocked_on": "operation:add",
        "paused": False,
        "estimated_start_seconds": 4,
        "waiting_for": [],
    }


def test_jobs_of_a_paused_operation_show_it_and_the_operation_counts_them(api_app: ApiApp) -> None:
    api_app.http.simulate_post("/v1/operations/add/pause")
    job_id = api_app.submit().json["id"]
    with pytest.raises(AssertionError, match="blocked"):
        api_app.claim(job_id)

    looked = api_app.get(job_id).json["queue"]
    listed = api_app.http.simulate_get("/v1/jobs").json["items"][0]["queue"]
    operation = api_app.http.simulate_get("/v1/operations/add").json

    assert (looked["paused"], listed["paused"]) == (True, True)
    assert (operation["paused"], operation["waiting"]) == (True, 1)


def test_without_a_worker_there_is_no_estimated_start(api_app: ApiApp) -> None:
    api_app.store.redis.hset(api_app.store.keys("stats", "add"), "mean_ms", 4000)

    answer = api_app.submit()

    assert answer.json["queue"]["position"] == 1
    assert answer.json["queue"]["estimated_start_seconds"] is None
    assert answer.headers["Retry-After"] == "4"


def test_a_duplicate_gets_the_estimated_end_of_the_active_job(api_app: ApiApp) -> None:
    _prepare(api_app)
    api_app.store.redis.hset(api_app.store.keys("stats", "single"), "mean_ms", 3000)
    api_app.claim(api_app.submit().json["id"])
    body = {"operation": "single", "params": {"name": "x"}}
    api_app.submit(body)

    answer = api_app.submit(body)

    assert answer.status_code == 409
    assert answer.headers["Retry-After"] == "6"


def test_a_job_is_answered_even_if_its_queue_position_is_unknown(api_app: ApiApp) -> None:
    job_id = api_app.submit().json["id"]
    api_app.store.redis.delete(api_app.store.keys("queued", "default"))

    answer = api_app.get(job_id)

    assert answer.status_code == 200
    assert answer.json["queue"]["position"] is None
