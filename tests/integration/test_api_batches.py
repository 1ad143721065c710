"""Batches over HTTP: outcomes of items, progress, and repeats."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgpack
import pytest
from falcon import testing

from callboard.api.batches.resource import waiting
from callboard.jobs.batches.batch import Batch
from callboard.jobs.batches.submit import STEP
from callboard.jobs.ids import new_job_id
from callboard.jobs.statuses import STATUSES
from tests.api_app import ADD, JSON, ApiApp, keys_of
from tests.batch_requests import URL, adds, post, statuses

KEYS = keys_of("acme:client:acme-client", "acme:viewer:acme-viewer", "globex:client:globex-client")


def test_a_batch_is_accepted_with_every_job_and_its_location(api_app: ApiApp) -> None:
    answer = post(api_app, adds(STEP + 1))

    batch = answer.json
    assert answer.status_code == 202
    assert answer.headers["Location"] == batch["links"]["self"]
    assert answer.headers["Location"].endswith(f"{URL}/{batch['id']}")
    assert int(answer.headers["Retry-After"]) >= 1
    assert [each["index"] for each in batch["items"]] == list(range(STEP + 1))
    assert set(statuses(answer)) == {"accepted"}
    assert (batch["status"], batch["total"]) == ("active", STEP + 1)
    assert batch["counts"]["queued"] == STEP + 1
    published = [each.submission for each in api_app.publisher.published]
    assert [each.job_id for each in published] == [each["job"]["id"] for each in batch["items"]]
    assert {each.batch_id for each in published} == {batch["id"]}
    job = api_app.get(batch["items"][7]["job"]["id"]).json
    assert (job["batch_id"], job["links"]["self"]) == (
        batch["id"],
        batch["items"][7]["job"]["href"],
    )
    assert job["request_id"] == answer.headers["X-Request-ID"]


def test_items_have_all_members_of_a_submission(api_app: ApiApp) -> None:
    run_at = datetime.now(UTC) + timedelta(hours=2)
    items = [
        {**ADD, "delay_seconds": 60, "priority": 9, "labels": {"own": "1", "both": "item"}},
        {**ADD, "run_at": run_at.isoformat(), "result_ttl_seconds": 7200},
    ]

    answer = post(api_app, items, labels={"both": "batch", "all": "2"})

    first, second = (api_app.get(each["job"]["id"]).json for each in answer.json["items"])
    assert [each["job"]["status"] for each in answer.json["items"]] == ["scheduled", "scheduled"]
    assert first["labels"] == {"own": "1", "both": "item", "all": "2"}
    assert first["priority"] == 9
    created, due = (datetime.fromisoformat(first[each]) for each in ("created_at", "scheduled_for"))
    assert timedelta(seconds=59) < due - created <= timedelta(seconds=60)
    assert abs(datetime.fromisoformat(second["scheduled_for"]) - run_at) < timedelta(seconds=1)
    assert second["labels"] == {"both": "batch", "all": "2"}
    kept = [each.submission.result_ttl for each in api_app.publisher.published]
    assert kept == []
    record = api_app.store.redis.hgetall(api_app.store.keys("job", second["id"]))
    assert record[b"result_ttl_ms"] == b"7200000"


def test_errors_of_an_item_have_pointers_into_the_body(api_app: ApiApp) -> None:
    items: list[Any] = [
        {"operation": "add", "params": {"a": "one"}},
        {"operation": "nowhere", "params": {}},
        {**ADD, "priority": 11, "colour": "red"},
        17,
        {**ADD, "labels": {f"l{number}": "" for number in range(16)}},
        {**ADD, "callback": {"url": "https://hooks.example/"}},
        ADD,
    ]

    answer = post(api_app, items, labels={"one": "more"})

    told = [each["problem"] for each in answer.json["items"]]
    assert statuses(answer) == ["invalid"] * 6 + ["accepted"]
    assert [each and each["type"].rpartition("/")[2] for each in told] == [
        *("invalid-parameters", "unknown-operation", "invalid-request", "invalid-request"),
        *("invalid-request", "invalid-request", None),
    ]
    pointers = [[e["pointer"] for e in each.get("errors", ())] for each in told if each]
    assert pointers == [
        ["/items/0/params/a"],
        [],
        ["/items/2/priority", "/items/2/colour"],
        ["/items/3"],
        ["/items/4/labels"],
        ["/items/5/callback"],
    ]
    assert answer.json["counts"]["refused"] == 6
    assert answer.status_code == 202


def test_a_duplicate_item_names_the_active_job(api_app: ApiApp) -> None:
    items = [
        {"operation": name, "params": {"name": "same"}}
        for name in ("single", "single", "shared", "shared", "newest", "newest")
    ]

    answer = post(api_app, items)

    one, two, three, four, five, six = answer.json["items"]
    assert statuses(answer) == [
        *("accepted", "duplicate", "accepted", "duplicate", "accepted", "accepted"),
    ]
    assert two["job"] == two["problem"]["existing_job"] == one["job"]
    assert two["problem"]["status"] == 409
    assert (four["job"], four["problem"]) == (three["job"], None)
    assert api_app.get(five["job"]["id"]).json["status"] == "cancelled"
    assert api_app.get(six["job"]["id"]).json["status"] == "queued"


def test_an_item_beyond_the_capacity_gets_a_retry_after(api_app: ApiApp) -> None:
    answer = post(api_app, [{"operation": "narrow", "params": {}}] * 2)

    problem = answer.json["items"][1]["problem"]
    assert statuses(answer) == ["accepted", "limited"]
    assert (problem["status"], problem["code"]) == (503, "CAPACITY_EXCEEDED")
    assert problem["retry_after"] == 1


def test_each_item_costs_one_request_of_the_quota_and_a_repeat_none() -> None:
    api_app = ApiApp(rate_limit="3/1h")

    answer = post(api_app, adds(5), key="k")
    again = post(api_app, adds(5), key="k")

    problem = answer.json["items"][4]["problem"]
    assert statuses(answer) == ["accepted"] * 3 + ["limited"] * 2
    assert (problem["status"], problem["violated-policies"]) == (429, ["requests"])
    assert 1100 < problem["retry_after"] <= 1200
    assert answer.headers["RateLimit"].startswith('"requests";r=0;')
    assert again.headers["Idempotency-Replayed"] == "true"
    assert statuses(again) == statuses(answer)
    api_app.close()


def test_invalid_items_use_the_quota_too() -> None:
    api_app = ApiApp(rate_limit="3/1h")

    answer = post(api_app, [17, {"operation": "nowhere"}, {"operation": "add"}, 17, *adds(1)])

    assert statuses(answer) == ["invalid"] * 3 + ["limited"] * 2
    assert answer.headers["RateLimit"].startswith('"requests";r=0;')
    api_app.close()


def test_without_quota_no_batch_is_created_and_a_repeat_is_answered() -> None:
    api_app = ApiApp(rate_limit="3/1h")
    made = post(api_app, adds(3), key="k")

    refused = post(api_app, adds(3), key="l")
    again = post(api_app, adds(3), key="k")

    assert (refused.status_code, refused.json["violated-policies"]) == (429, ["requests"])
    assert 1100 < int(refused.headers["Retry-After"]) <= 1200
    assert refused.headers["RateLimit"].startswith('"requests";r=0;')
    assert again.json["id"] == made.json["id"]
    (kept,) = api_app.store.redis.keys("*batch:*:items")
    assert made.json["id"] in kept.decode()
    api_app.close()


def test_a_batch_with_too_many_items_is_too_large_and_an_empty_one_is_invalid(
    api_app: ApiApp,
) -> None:
    many, none = post(api_app, adds(1001)), post(api_app, [])

    assert (many.status_code, none.status_code) == (413, 422)
    assert many.json["detail"] == "A batch has at most 1000 items."
    assert none.json["errors"][0]["pointer"] == "/items"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [([], ""), ({}, "/items"), ({"items": {}}, "/items"), ({"items": [ADD], "x": 1}, "/x")],
)
def test_a_body_that_is_not_a_batch_is_invalid(api_app: ApiApp, body: Any, pointer: str) -> None:
    answer = api_app.http.simulate_post(URL, json=body)

    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == pointer
    assert not api_app.store.redis.keys("*batch*")


def test_the_body_of_a_batch_has_its_own_bounds() -> None:
    api_app = ApiApp(max_body_bytes=1024, max_batch_bytes=4096, max_json_depth=3)
    deep, deeper = ({"operation": "echo", "params": {"value": each}} for each in ([1], [[1]]))
    large = {"operation": "echo", "params": {"value": "x" * 3000}}

    answers = [post(api_app, [each]).status_code for each in (deep, deeper)]
    too_large = post(api_app, [large, large])

    assert answers == [202, 400]
    assert (too_large.status_code, too_large.json["detail"]) == (
        413,
        "The body may have at most 4096 bytes.",
    )
    api_app.close()


def test_an_item_may_be_as_large_as_a_single_submission() -> None:
    api_app = ApiApp(max_body_bytes=1024, max_batch_bytes=4096)
    fits, large = ({"operation": "echo", "params": {"value": "x" * n}} for n in (900, 1024))

    answer = post(api_app, [fits, large])

    told = answer.json["items"][1]["problem"]
    assert statuses(answer) == ["accepted", "invalid"]
    assert told["errors"] == [{"pointer": "/items/1", "detail": "is larger than 1024 bytes"}]
    api_app.close()


def test_a_batch_is_sent_and_answered_as_msgpack(api_app: ApiApp) -> None:
    body = msgpack.packb({"items": adds(2)})
    headers = dict.fromkeys(("Content-Type", "Accept"), "application/msgpack")

    answer = api_app.http.simulate_post(URL, body=body, headers=headers)

    assert msgpack.unpackb(answer.content)["counts"]["queued"] == 2


def test_a_batch_shows_its_progress_and_lists_its_jobs(api_app: ApiApp) -> None:
    made = post(api_app, [*adds(4), {"operation": "nowhere", "params": {}}]).json
    jobs = [each["job"]["id"] for each in made["items"] if each["job"]]
    api_app.succeed(jobs[0], 1)
    api_app.fail(jobs[1], {"type": "failure", "detail": "no"})
    api_app.claim(jobs[2])

    answer = api_app.http.simulate_get(f"{URL}/{made['id']}")
    listed = api_app.http.simulate_get(
        made["links"]["jobs"].removeprefix("http://falconframework.org")
    )

    batch = answer.json
    told = {name: count for name, count in batch["counts"].items() if count}
    assert told == {"succeeded": 1, "failed": 1, "running": 1, "queued": 1, "refused": 1}
    assert (batch["status"], batch["progress"]) == ("active", {"percent": 50.0})
    assert "items" not in batch
    assert int(answer.headers["Retry-After"]) >= 1
    assert {each["id"] for each in listed.json["items"]} == set(jobs)
    api_app.succeed(jobs[3], 1)
    api_app.http.simulate_delete(f"/v1/jobs/{jobs[2]}")


def test_a_completed_batch_shows_its_end_and_its_expiry(api_app: ApiApp) -> None:
    made = post(api_app, adds(1)).json
    api_app.succeed(made["items"][0]["job"]["id"], 1)

    answer = api_app.http.simulate_get(f"{URL}/{made['id']}")

    batch = answer.json
    ended, expires = (datetime.fromisoformat(batch[each]) for each in ("ended_at", "expires_at"))
    assert (batch["status"], batch["progress"]["percent"]) == ("completed", 100)
    assert expires - ended == timedelta(hours=24)
    assert "Retry-After" not in answer.headers


def test_reading_a_batch_waits_as_long_as_the_client_prefers(api_app: ApiApp) -> None:
    made = post(api_app, adds(1)).json
    ending = threading.Timer(0.3, api_app.succeed, [made["items"][0]["job"]["id"], 1])
    began = time.monotonic()
    ending.start()

    answer = api_app.http.simulate_get(f"{URL}/{made['id']}", headers={"Prefer": "wait=20"})

    assert answer.json["status"] == "completed"
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert time.monotonic() - began < 10
    ending.join()


def test_a_wait_that_times_out_answers_with_the_batches_current_state(api_app: ApiApp) -> None:
    answer = api_app.http.simulate_post(URL, json={"items": adds(1)}, headers={"Prefer": "wait=1"})

    assert (answer.status_code, answer.json["status"]) == (202, "active")
    assert answer.headers["Preference-Applied"] == "wait=1"


@pytest.mark.parametrize(
    ("age_s", "ended", "seconds"), [(2, 0, 1), (4, 1, 2), (20, 9, 3), (3600, 1, 30)]
)
def test_the_retry_after_of_a_batch_follows_its_progress(
    age_s: int, ended: int, seconds: int
) -> None:
    now = datetime.now(UTC)
    counts = {**dict.fromkeys(STATUSES, 0), "refused": 0, "removed": 0, "succeeded": ended}
    batch = Batch(
        id="1",
        tenant="default",
        total=10,
        counts=counts,
        sealed=True,
        created_at=now - timedelta(seconds=age_s),
        ended_at=None,
        expires_at=None,
    )

    assert waiting(batch, now) == {"Retry-After": str(seconds)}


def test_a_delete_cancels_the_remaining_jobs_and_can_be_repeated(api_app: ApiApp) -> None:
    made = post(api_app, adds(3)).json
    jobs = [each["job"]["id"] for each in made["items"]]
    fence = api_app.claim(jobs[0])
    del fence

    first = api_app.http.simulate_delete(f"{URL}/{made['id']}")
    again = api_app.http.simulate_delete(f"{URL}/{made['id']}")

    assert (first.status_code, again.status_code) == (202, 202)
    assert int(first.headers["Retry-After"]) >= 1
    told = {name: count for name, count in again.json["counts"].items() if count}
    assert told == {"cancelling": 1, "cancelled": 2}


def test_a_delete_of_a_batch_that_no_worker_runs_ends_it_at_once(api_app: ApiApp) -> None:
    made = post(api_app, adds(2)).json

    answers = [api_app.http.simulate_delete(f"{URL}/{made['id']}") for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].json == answers[1].json
    assert answers[0].json["counts"]["cancelled"] == 2


@pytest.fixture
def keyed() -> Iterator[ApiApp]:
    built = ApiApp(api_keys=KEYS)
    yield built
    built.close()


def test_other_tenants_do_not_find_a_batch_and_viewers_only_read_it(keyed: ApiApp) -> None:
    def ask(method: str, path: str, key: str) -> testing.Result:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": JSON}
        body = json.dumps({"items": [ADD]}) if method == "POST" else None
        return keyed.http.simulate_request(method, path, headers=headers, body=body)

    made = ask("POST", URL, "acme-client").json
    path = f"{URL}/{made['id']}"

    strange = [ask(method, path, "globex-client") for method in ("GET", "DELETE")]
    unknown = ask("GET", f"{URL}/{new_job_id()}", "acme-client")
    odd = ask("GET", f"{URL}/nothing", "acme-client")

    assert [each.status_code for each in (*strange, unknown, odd)] == [404] * 4
    assert strange[0].json["type"] == unknown.json["type"]
    assert ask("GET", path, "acme-viewer").status_code == 200
    assert ask("HEAD", path, "acme-viewer").status_code == 200
    assert ask("DELETE", path, "acme-viewer").status_code == 403
    assert ask("POST", URL, "acme-viewer").status_code == 403
    assert keyed.get(made["items"][0]["job"]["id"], headers={"X-API-Key": "acme-client"}).json[
        "status"
    ] == ("queued")


def test_the_stored_errors_of_an_item_are_bounded(api_app: ApiApp) -> None:
    odd = {"operation": "add", "params": {f"{'p' * 2000}{number}": 1 for number in range(50)}}

    answer = post(api_app, [odd])

    errors = answer.json["items"][0]["problem"]["errors"]
    assert len(errors) == 10
    kept = api_app.store.redis.lrange(api_app.store.keys("batch_items", answer.json["id"]), 0, -1)
    assert sum(map(len, kept)) < 3000
