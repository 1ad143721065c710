"""The rate of an operation's submissions over HTTP, by whichever way they come."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import http_sf
import pytest
from falcon import testing

from callboard import File, operation
from callboard.config import load_settings
from callboard.jobs.errors import OperationError
from callboard.jobs.registry import Registry
from tests.api_app import ADD, ApiApp, add, keys_of
from tests.batch_requests import post, statuses
from tests.forms import FORM, form, part

KEYS = keys_of("acme:client:work", "globex:client:other", "acme:operator:watch")


@operation(submission_rate="2/1h", unique=True)
def seldom(name: str) -> str:
    """Be submitted twice an hour."""
    return name


@operation(submission_rate="1/1h")
def measure(file: File) -> int:
    """Measure a file."""
    return file.size


def _made(tmp_path: Path, **settings: Any) -> ApiApp:
    return ApiApp(
        registry=Registry([add, seldom, measure]),
        routes=("tests.added_routes",),
        storage_url=str(tmp_path / "files"),
        **settings,
    )


@pytest.fixture
def api_app(tmp_path: Path) -> Iterator[ApiApp]:
    built = _made(tmp_path, api_keys=KEYS)
    yield built
    built.close()


def _key(name: str = "work") -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


def _submit(api_app: ApiApp, name: str, key: str = "work", **headers: str) -> testing.Result:
    body = {"operation": "seldom", "params": {"name": name}}
    return api_app.submit(body, headers={**_key(key), **headers})


def _use_up(api_app: ApiApp) -> None:
    assert [_submit(api_app, name).status_code for name in "ab"] == [202, 202]


def _quotas(answer: testing.Result, header: str = "RateLimit") -> dict[str, dict[str, int]]:
    found = http_sf.parse(answer.headers[header].encode(), tltype="list")
    return {policy: dict(parameters) for policy, parameters in found}


def test_beyond_it_a_submission_is_refused_with_when_to_try_again(api_app: ApiApp) -> None:
    _use_up(api_app)

    refused = _submit(api_app, "c")

    assert refused.status_code == 429
    assert refused.json["type"].endswith("#quota-exceeded")
    assert refused.json["violated-policies"] == ["submissions:seldom"]
    assert refused.json["detail"] == "All 2 submissions of seldom per 3600 s are used up."
    assert _quotas(refused, "RateLimit-Policy") == {"submissions:seldom": {"q": 2, "w": 3600}}
    left = _quotas(refused)["submissions:seldom"]
    assert left["r"] == 0
    assert int(refused.headers["Retry-After"]) == left["t"] > 1790
    assert len(api_app.publisher.published) == 2


def test_answers_tell_what_is_left_beside_the_quota_of_requests(tmp_path: Path) -> None:
    api_app = _made(tmp_path, rate_limit="9/1h", api_keys=KEYS)

    accepted, duplicate = _submit(api_app, "a"), _submit(api_app, "a")
    another = api_app.submit(ADD, headers=_key())
    api_app.close()

    assert [each.status_code for each in (accepted, duplicate, another)] == [202, 409, 202]
    assert {name: each["r"] for name, each in _quotas(accepted).items()} == {
        "requests": 8,
        "submissions:seldom": 1,
    }
    assert {name: each["r"] for name, each in _quotas(duplicate).items()} == {
        "requests": 7,
        "submissions:seldom": 1,
    }
    assert list(_quotas(another)) == ["requests"]


def test_other_operations_and_other_tenants_have_their_own(api_app: ApiApp) -> None:
    _use_up(api_app)

    answers = [api_app.submit(ADD, headers=_key()), _submit(api_app, "a", "other")]

    assert [each.status_code for each in answers] == [202, 202]


def test_a_repeat_with_its_idempotency_key_is_answered_beyond_it(api_app: ApiApp) -> None:
    once = {"Idempotency-Key": "once"}
    first = _submit(api_app, "a", **once)
    _submit(api_app, "b")

    again, other = _submit(api_app, "a", **once), _submit(api_app, "c")

    assert (again.status_code, again.json["id"]) == (202, first.json["id"])
    assert other.status_code == 429


def test_it_holds_at_the_operations_own_url_and_for_forms(api_app: ApiApp) -> None:
    body = form(part("file", b"text", filename="a.txt"))

    answers = [
        api_app.http.simulate_post("/v1/operations/measure", body=body, headers={**_key(), **FORM})
        for _ in range(2)
    ]

    assert [each.status_code for each in answers] == [202, 429]
    assert answers[1].json["violated-policies"] == ["submissions:measure"]
    assert len(api_app.http.simulate_get("/v1/files", headers=_key()).json["items"]) == 1


def test_each_item_of_a_batch_uses_it(api_app: ApiApp) -> None:
    items = [{"operation": "seldom", "params": {"name": name}} for name in "aabc"]

    answer = post(api_app, [*items, ADD], headers=_key())

    assert statuses(answer) == ["accepted", "duplicate", "accepted", "limited", "accepted"]
    problem = answer.json["items"][3]["problem"]
    assert (problem["status"], problem["violated-policies"]) == (429, ["submissions:seldom"])
    assert problem["retry_after"] > 1790
    assert _submit(api_app, "d").status_code == 429


def test_added_routes_use_it(api_app: ApiApp) -> None:
    _use_up(api_app)

    refused = api_app.http.simulate_post("/old/start/seldom", json={"name": "c"}, headers=_key())

    assert refused.status_code == 429
    assert refused.json["violated-policies"] == ["submissions:seldom"]


def test_a_clients_retry_uses_it_and_an_operators_does_not(api_app: ApiApp) -> None:
    job_id = _submit(api_app, "a").json["id"]
    api_app.succeed(job_id, "a")
    _submit(api_app, "b")

    clients, operators = (
        api_app.http.simulate_post(f"/v1/jobs/{job_id}/retry", headers=_key(key))
        for key in ("work", "watch")
    )

    assert (clients.status_code, operators.status_code) == (429, 202)


def test_jobs_that_python_code_submits_do_not_use_it(api_app: ApiApp) -> None:
    accepted = [
        api_app.services.submissions.submit("seldom", {"name": name}, tenant="acme")
        for name in "abc"
    ]

    assert len({each.job_id for each in accepted}) == 3


def test_a_setting_overrides_it_and_the_operation_shows_what_holds(tmp_path: Path) -> None:
    rates = load_settings(submission_rates="seldom=1/10s").submission_rates
    api_app = _made(tmp_path, submission_rates=rates)

    answers = [api_app.submit({"operation": "seldom", "params": {"name": name}}) for name in "ab"]
    shown = api_app.http.simulate_get("/v1/operations").json["items"]
    api_app.close()

    assert [each.status_code for each in answers] == [202, 429]
    limits = {each["name"]: each["limits"]["submission_rate"] for each in shown}
    assert limits == {
        "add": None,
        "seldom": {"submissions": 1, "window_seconds": 10},
        "measure": {"submissions": 1, "window_seconds": 3600},
    }


def test_a_setting_that_names_no_operation_is_refused() -> None:
    registry = Registry([add])

    with pytest.raises(OperationError, match="CALLBOARD_SUBMISSION_RATES names 'ad', which is not"):
        registry.check_settings(["add", "ad"], [])
