"""Over HTTP, a job waits for its dependencies, and lists them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callboard.jobs.dependents import settle_dependents
from callboard.jobs.ids import new_job_id
from callboard.jobs.submission import MAX_AFTER
from tests.api_app import ADD, ApiApp, keys_of
from tests.batch_requests import post, statuses

KEYS = keys_of("acme:client:acme-client", "globex:client:globex-client")
ACME = {"Authorization": "Bearer acme-client"}
GLOBEX = {"Authorization": "Bearer globex-client"}
FAILURE = {"type": "failure", "detail": "no"}


def submitted(api_app: ApiApp, **more: Any) -> str:
    return str(api_app.submit({**ADD, **more}).json["id"])


@pytest.fixture
def with_keys() -> Iterator[ApiApp]:
    built = ApiApp(api_keys=KEYS)
    yield built
    built.close()


def test_a_job_shows_its_dependencies_until_they_have_succeeded(api_app: ApiApp) -> None:
    first, second = submitted(api_app), submitted(api_app)

    answer = api_app.submit({**ADD, "after": [first, second]})
    job_id = answer.json["id"]
    before = api_app.get(job_id)
    api_app.succeed(first, 3)
    between = api_app.get(job_id)
    api_app.succeed(second, 3)
    over = api_app.get(job_id).json

    assert (answer.status_code, answer.json["status"]) == (202, "scheduled")
    assert answer.json["queue"] == {
        "position": None,
        "blocked_on": None,
        "paused": None,
        "estimated_start_seconds": None,
        "waiting_for": [first, second],
    }
    assert int(answer.headers["Retry-After"]) >= 1
    assert between.json["queue"]["waiting_for"] == [second]
    assert between.headers["ETag"] != before.headers["ETag"]
    assert (over["status"], over["queue"]["waiting_for"]) == ("queued", [])
    assert (over["after"], over["after_policy"]) == ([first, second], "succeeded")


def test_the_answer_to_a_submission_equals_the_next_read(api_app: ApiApp) -> None:
    done, active = submitted(api_app), submitted(api_app)
    api_app.succeed(done, 3)

    for after in ([done], [active], [done, active]):
        answer = api_app.submit({**ADD, "after": after})
        read = api_app.get(answer.json["id"])

        assert {**read.json, "queue": None} == {**answer.json, "queue": None}


def test_a_job_whose_dependency_failed_ends_and_names_it(api_app: ApiApp) -> None:
    first = submitted(api_app)
    waiting = submitted(api_app, after=[first])

    api_app.fail(first, FAILURE)
    ended = api_app.get(waiting).json
    late = api_app.submit({**ADD, "after": [first]})
    anyway = api_app.submit({**ADD, "after": [first], "after_policy": "finished"}).json

    assert ended["status"] == late.json["status"] == "cancelled"
    assert late.status_code == 200
    assert ended["error"]["type"].endswith("/problems/dependency-failed")
    assert ended["error"]["detail"] == f"Job {first}, for which this job waited, failed."
    assert late.json["error"]["detail"] == ended["error"]["detail"]
    assert (anyway["status"], anyway["after_policy"]) == ("queued", "finished")


def test_unknown_purged_and_foreign_jobs_are_refused_alike(with_keys: ApiApp) -> None:
    foreign = with_keys.submit(headers=GLOBEX).json["id"]
    gone = with_keys.submit(headers=ACME).json["id"]
    known = with_keys.submit(headers=ACME).json["id"]
    with_keys.succeed(gone, 3)
    with_keys.http.simulate_delete(f"/v1/jobs/{gone}?purge=true", headers=ACME)
    unknown = new_job_id()

    answers = [
        with_keys.submit({**ADD, "after": [known, each]}, headers=ACME)
        for each in (unknown, gone, foreign)
    ]

    for answer, named in zip(answers, (unknown, gone, foreign), strict=True):
        assert answer.status_code == 422
        assert answer.json["type"].endswith("/problems/dependency-missing")
        assert answer.json["errors"] == [
            {"detail": f"No job has the id {named}.", "pointer": "/after/1"}
        ]


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"after": ["#0"]}, "/after/0"),
        ({"after": "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77"}, "/after"),
        ({"after": [new_job_id(), 7]}, "/after/1"),
        ({"after": [new_job_id()] * (MAX_AFTER + 1)}, "/after"),
        ({"after": [], "after_policy": "failed"}, "/after_policy"),
    ],
)
def test_an_invalid_list_of_jobs_is_refused(
    api_app: ApiApp, more: dict[str, Any], pointer: str
) -> None:
    answer = api_app.submit({**ADD, **more})

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]


def test_a_job_with_many_dependencies_shows_the_first_ones(api_app: ApiApp) -> None:
    batch = post(api_app, [ADD] * 60).json["items"]
    others = [each["job"]["id"] for each in batch]

    job = api_app.submit({**ADD, "after": others}).json

    assert job["queue"]["waiting_for"] == others[:20]
    assert job["after"] == others


def test_a_delayed_job_with_dependencies_is_not_polled_every_second(api_app: ApiApp) -> None:
    first = submitted(api_app)
    due = datetime.now(UTC) + timedelta(milliseconds=300)
    job_id = submitted(api_app, after=[first], run_at=due.isoformat())
    hour_ms = 60 * 60 * 1000
    now_ms = api_app.store.now_ms()
    api_app.store.redis.hset(
        api_app.store.keys("job", job_id),
        mapping={"created_ms": now_ms - hour_ms, "scheduled_ms": now_ms - hour_ms // 2},
    )

    answer = api_app.get(job_id)

    assert answer.json["status"] == "scheduled"
    assert answer.headers["Retry-After"] == "30"


def test_a_retry_runs_without_waiting(api_app: ApiApp) -> None:
    first = submitted(api_app)
    waiting = submitted(api_app, after=[first])
    api_app.http.simulate_delete(f"/v1/jobs/{waiting}")

    job = api_app.http.simulate_post(f"/v1/jobs/{waiting}/retry").json

    assert (job["status"], job["after"], job["after_policy"]) == ("queued", [], "succeeded")


def test_a_repeat_with_its_key_is_answered_even_if_the_dependency_is_purged(
    api_app: ApiApp,
) -> None:
    first = submitted(api_app)
    headers = {"Idempotency-Key": "once"}
    made = api_app.submit({**ADD, "after": [first]}, headers=headers).json
    api_app.succeed(first, 3)
    api_app.http.simulate_delete(f"/v1/jobs/{first}?purge=true")

    again = api_app.submit({**ADD, "after": [first]}, headers=headers)

    assert (again.json["id"], again.json["status"]) == (made["id"], "queued")
    assert again.headers["Idempotency-Replayed"] == "true"


def test_an_operations_own_address_accepts_dependencies_in_its_query(api_app: ApiApp) -> None:
    ids = [submitted(api_app), submitted(api_app)]
    gone = new_job_id()
    url = "/v1/operations/add"

    job = api_app.http.simulate_post(
        f"{url}?after={ids[0]},{ids[1]}&after_policy=finished", json={"a": 1}
    ).json
    unknown = api_app.http.simulate_post(f"{url}?after={ids[0]},{gone}", json={"a": 1})
    malformed = api_app.http.simulate_post(f"{url}?after=x", json={"a": 1})

    assert (job["after"], job["after_policy"], job["status"]) == (ids, "finished", "scheduled")
    assert unknown.json["errors"] == [{"detail": f"No job has the id {gone}.", "pointer": "after"}]
    assert malformed.json["errors"] == [{"detail": "must be the id of a job", "pointer": "after"}]


def test_batch_items_refer_to_earlier_items(api_app: ApiApp) -> None:
    before = submitted(api_app)
    items = [ADD, ADD, {**ADD, "after": ["#0", "#1", before]}]

    answer = post(api_app, items)
    first, second, last = (each["job"]["id"] for each in answer.json["items"])
    job = api_app.get(last).json
    for each in (first, before, second):
        api_app.succeed(each, 3)

    assert [each["job"]["status"] for each in answer.json["items"]] == [
        *("queued", "queued", "scheduled")
    ]
    assert job["after"] == [first, second, before]
    assert api_app.get(last).json["status"] == "queued"


def test_an_item_that_names_no_earlier_job_is_refused_alone(api_app: ApiApp) -> None:
    gone = new_job_id()
    items = [
        {"operation": "nowhere", "params": {}},
        {**ADD, "after": ["#0"]},
        {**ADD, "after": ["#2"]},
        {**ADD, "after": ["#07"]},
        {**ADD, "after": [gone]},
        ADD,
    ]

    answer = post(api_app, items)

    shown = answer.json["items"]
    assert statuses(answer) == [*["invalid"] * 5, "accepted"]
    assert [each["problem"]["status"] for each in shown[1:5]] == [422] * 4
    assert [each["problem"]["errors"][0] for each in shown[1:5]] == [
        {"detail": "names item 0, which created no job", "pointer": "/items/1/after/0"},
        {"detail": "must name an earlier item", "pointer": "/items/2/after/0"},
        {"detail": "must be the id of a job", "pointer": "/items/3/after/0"},
        {"detail": f"No job has the id {gone}.", "pointer": "/items/4/after/0"},
    ]


def test_a_batch_of_many_steps_fans_in_to_one_job(api_app: ApiApp) -> None:
    items = [*[ADD] * 130, {**ADD, "after": [f"#{index}" for index in range(130)]}]

    shown = post(api_app, items).json["items"]
    for each in shown[:-1]:
        api_app.succeed(each["job"]["id"], 3)

    assert api_app.get(shown[-1]["job"]["id"]).json["status"] == "queued"


def test_one_job_fans_out_to_the_rest_of_its_batch(api_app: ApiApp) -> None:
    items = [ADD, *[{**ADD, "after": ["#0"]}] * 130]

    answer = post(api_app, items)
    api_app.succeed(answer.json["items"][0]["job"]["id"], 3)
    settle_dependents(api_app.store)

    counts = api_app.http.simulate_get(f"/v1/batches/{answer.json['id']}").json["counts"]
    assert (counts["queued"], counts["scheduled"]) == (130, 0)


@pytest.mark.parametrize(("count", "status"), [(10, 202), (11, 413)])
def test_the_items_of_a_batch_name_at_most_ten_thousand_jobs_in_all(
    api_app: ApiApp, count: int, status: int
) -> None:
    waiting = [{**ADD, "after": ["#0"] * 1000} for _ in range(count)]

    answer = post(api_app, [ADD, *waiting])

    assert answer.status_code == status
    made = api_app.store.redis.zcard(api_app.store.keys("active"))
    assert made == (1 + count if status == 202 else 0)
