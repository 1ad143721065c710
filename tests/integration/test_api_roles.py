"""Permissions: every method of every route, for every role, and for other tenants."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Final, get_args

import pytest
from falcon import testing

from callboard.config import Role
from callboard.jobs.ids import new_job_id
from tests.api_app import ADD, ApiApp, keys_of

ROLES: Final = (None, *get_args(Role))

NEEDED: Final[dict[str, dict[str, Role | None]]] = {
    "/v1/jobs": {"GET": "viewer", "POST": "client"},
    "/v1/jobs/{job_id}": {"GET": "viewer", "DELETE": "client"},
    "/v1/jobs/{job_id}/result": {"GET": "viewer"},
    "/v1/jobs/{job_id}/archive": {"GET": "viewer"},
    "/v1/jobs/{job_id}/events": {"GET": "viewer"},
    "/v1/jobs/{job_id}/log": {"GET": "viewer"},
    "/v1/jobs/{job_id}/cancel": {"POST": "client"},
    "/v1/jobs/{job_id}/retry": {"POST": "client"},
    "/v1/jobs/{job_id}/callbacks": {"GET": "viewer"},
    "/v1/jobs/{job_id}/callbacks/{delivery}/resend": {"POST": "client"},
    "/v1/batches": {"POST": "client"},
    "/v1/batches/{batch_id}": {"GET": "viewer", "DELETE": "client"},
    "/v1/batches/{batch_id}/callbacks": {"GET": "viewer"},
    "/v1/batches/{batch_id}/callbacks/{delivery}/resend": {"POST": "client"},
    "/v1/operations": {"GET": "viewer"},
    "/v1/operations/{name}": {"GET": "viewer", "POST": "client"},
    "/v1/operations/{name}/pause": {"POST": "operator"},
    "/v1/operations/{name}/resume": {"POST": "operator"},
    "/v1/files": {"GET": "viewer", "POST": "client"},
    "/v1/files/{file_id}": {"GET": "viewer", "DELETE": "client"},
    "/v1/files/{file_id}/content": {"GET": "viewer"},
    "/v1/schedules": {"GET": "operator"},
    "/v1/schedules/{schedule}": {"GET": "operator", "PUT": "operator", "DELETE": "operator"},
    "/v1/schedules/{schedule}/pause": {"POST": "operator"},
    "/v1/schedules/{schedule}/resume": {"POST": "operator"},
    "/v1/workers": {"GET": "operator"},
    "/": {"GET": None},
    "/healthz": {"GET": None},
    "/readyz": {"GET": None},
    "/openapi.json": {"GET": None},
    "/docs": {"GET": None},
    "/docs/assets/{digest}/{file}": {"GET": None},
    "/problems": {"GET": None},
    "/problems/{slug}": {"GET": None},
}
"""The lowest role that each method needs, deliberately stated a second time."""

OF_A_JOB: Final = [
    (template, method)
    for template, methods in NEEDED.items()
    if "{job_id}" in template
    for method in methods
]


def _key(tenant: str, role: Role | None) -> dict[str, str]:
    return {} if role is None else {"Authorization": f"Bearer {tenant}-{role}"}


@pytest.fixture(scope="module")
def api_app() -> Iterator[ApiApp]:
    keys = [
        f"{tenant}:{role}:{tenant}-{role}"
        for tenant, role in product(("acme", "globex"), get_args(Role))
    ]
    built = ApiApp(api_keys=keys_of(*keys), signing_key="s" * 32)
    yield built
    built.close()


def _ask(
    api_app: ApiApp, template: str, method: str, job_id: str, headers: dict[str, str]
) -> testing.Result:
    path = template.format(
        job_id=job_id,
        file_id=job_id,
        name="echo",
        schedule="nightly",
        slug="not-found",
        digest="0",
        file="none.css",
        batch_id=job_id,
        delivery=f"msg_{job_id.replace('-', '')}_succeeded",
    )
    body = {"body": "{}"} if method == "POST" else {}
    typed = {"Content-Type": "application/json"} if body else {}
    return api_app.http.simulate_request(method, path, headers={**headers, **typed}, **body)


def test_the_table_of_routes_equals_the_expected_one(api_app: ApiApp) -> None:
    table = {route.template: dict(route.roles) for route in api_app.routes()}

    assert table == NEEDED


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("template", "method", "needed"),
    [(template, *each) for template, methods in NEEDED.items() for each in methods.items()],
)
def test_a_role_has_exactly_its_own_permissions_and_those_of_lower_roles(
    api_app: ApiApp, template: str, method: str, needed: Role | None, role: Role | None
) -> None:
    answer = _ask(api_app, template, method, new_job_id(), _key("acme", role))

    if needed is None or ROLES.index(role) >= ROLES.index(needed):
        assert answer.status_code not in (401, 403, 405)
    else:
        assert answer.status_code == (401 if role is None else 403)
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("template", "method"), OF_A_JOB)
def test_another_tenants_job_is_not_found_by_any_request(
    api_app: ApiApp, template: str, method: str
) -> None:
    job_id = api_app.submit(headers=_key("acme", "client")).json["id"]
    before = api_app.get(job_id, headers=_key("acme", "viewer")).json

    nobodys = new_job_id()
    answer = _ask(api_app, template, method, job_id, _key("globex", "client"))
    absent = _ask(api_app, template, method, nobodys, _key("globex", "client"))

    assert answer.status_code == absent.status_code == 404
    assert answer.json["type"].endswith("/problems/job-not-found")
    assert answer.json["detail"] == absent.json["detail"].replace(nobodys, job_id)
    assert api_app.get(job_id, headers=_key("acme", "viewer")).json == before


@pytest.mark.parametrize("role", ["operator", "admin"])
@pytest.mark.parametrize(("template", "method"), OF_A_JOB)
def test_operators_of_another_tenant_can_read_and_control_a_job(
    api_app: ApiApp, template: str, method: str, role: Role
) -> None:
    asked = {**ADD, "callback": {"url": "https://hooks.example/"}}
    job_id = api_app.submit(asked, headers=_key("acme", "client")).json["id"]
    api_app.succeed(job_id, 3)

    answer = _ask(api_app, template, method, job_id, _key("globex", role))

    has_no_files = template.endswith("/archive") and answer.json["type"].endswith("/file-not-found")
    assert has_no_files or answer.status_code not in (401, 403, 404, 410)


def test_the_contract_page_names_every_route() -> None:
    table = Path("docs/reference/http.md").read_text("utf-8").partition("| route | does |")[2]
    named = re.findall(r"`(GET|POST|PUT|DELETE) ([^`]+)`", table.partition("\n\n")[0])

    written = {
        (method, re.sub(r"\{(?:job|file|batch)_id\}", "{id}", template).replace("{slug}", "{type}"))
        for template, methods in NEEDED.items()
        for method in methods
    }

    assert set(named) == written - {("GET", "/docs/assets/{digest}/{file}")}
