"""Only callers with the required role can submit an operation, by any route."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from falcon.testing import Result

from callboard import operation
from callboard.config import ApiKey
from callboard.jobs.errors import OperationError
from callboard.jobs.registry import Registry
from tests.api_app import ApiApp, add


@operation(role="operator")
def rebuild() -> str:
    """Rebuild everything."""
    return "done"


@pytest.fixture
def app() -> Iterator[ApiApp]:
    keys = tuple(
        ApiKey(tenant="lab", role=role, sha256=hashlib.sha256(role.encode()).hexdigest())
        for role in ("client", "operator", "admin")
    )
    made = ApiApp(registry=Registry([add, rebuild]), api_keys=keys)
    yield made
    made.close()


def post(app: ApiApp, path: str, who: str, body: Any) -> Result:
    return app.http.simulate_post(path, json=body, headers={"X-API-Key": who})


WAYS: dict[str, tuple[str, Any]] = {
    "jobs": ("/v1/jobs", {"operation": "rebuild", "params": {}}),
    "its own path": ("/v1/operations/rebuild", {}),
    "a batch": (
        "/v1/batches",
        {
            "items": [
                {"operation": "add", "params": {"a": 1}},
                {"operation": "rebuild", "params": {}},
            ]
        },
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_caller_without_the_role_is_refused_and_no_job_is_created(app: ApiApp, way: str) -> None:
    path, body = WAYS[way]

    refused = post(app, path, "client", body)

    assert refused.status_code == 403
    assert "the role 'operator'" in refused.json["detail"]
    assert app.store.redis.zcard(app.store.keys("active")) == 0


@pytest.mark.parametrize("who", ["operator", "admin"])
@pytest.mark.parametrize("way", WAYS)
def test_callers_with_the_role_or_a_higher_one_may_submit(app: ApiApp, way: str, who: str) -> None:
    path, body = WAYS[way]

    assert post(app, path, who, body).status_code == 202


def test_a_retry_needs_the_role_too(app: ApiApp) -> None:
    job_id = post(app, "/v1/jobs", "operator", WAYS["jobs"][1]).json["id"]
    app.http.simulate_delete(f"/v1/jobs/{job_id}", headers={"X-API-Key": "operator"})

    refused = post(app, f"/v1/jobs/{job_id}/retry", "client", {})

    assert refused.status_code == 403


def test_the_operation_shows_the_role_that_it_needs(app: ApiApp) -> None:
    roles = {
        each["name"]: each["role"]
        for each in app.http.simulate_get("/v1/operations", headers={"X-API-Key": "client"}).json[
            "items"
        ]
    }

    assert roles == {"add": "client", "rebuild": "operator"}


def test_an_unknown_role_is_refused_when_it_is_declared() -> None:
    with pytest.raises(OperationError, match="role is 'client', 'operator' or 'admin'"):
        operation(name="x", role="boss")(lambda: None)  # type: ignore[call-overload]
