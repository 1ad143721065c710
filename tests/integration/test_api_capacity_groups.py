"""Capacity groups over HTTP: operations that share a number of active jobs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from callboard import operation
from callboard.config import load_settings
from callboard.jobs.errors import OperationError
from callboard.jobs.registry import Registry
from tests.api_app import ADD, ApiApp, add
from tests.batch_requests import post, statuses


@operation(capacity_groups={"desk": 2})
def draft(name: str = "") -> str:
    """Write a draft."""
    return name


@operation(capacity_groups={"desk": 2, "print": 1})
def proof(name: str = "") -> str:
    """Print a proof."""
    return name


DRAFT = {"operation": "draft", "params": {}}
PROOF = {"operation": "proof", "params": {}}


@pytest.fixture
def api_app() -> Iterator[ApiApp]:
    built = ApiApp(registry=Registry([add, draft, proof]))
    yield built
    built.close()


def test_beyond_it_each_of_its_operations_is_refused_and_others_are_not(api_app: ApiApp) -> None:
    accepted = [api_app.submit(DRAFT), api_app.submit(PROOF)]

    refused = [api_app.submit(DRAFT), api_app.submit(PROOF)]
    another = api_app.submit(ADD)

    assert [each.status_code for each in (*accepted, another)] == [202] * 3
    for answer in refused:
        assert (answer.status_code, answer.json["code"]) == (503, "CAPACITY_EXCEEDED")
        assert answer.json["detail"] == (
            "The capacity group desk has as many active jobs as it allows."
        )
        assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_a_job_has_to_fit_into_all_groups_of_its_operation(api_app: ApiApp) -> None:
    first = api_app.submit(PROOF)

    second = api_app.submit(PROOF)

    assert (first.status_code, second.status_code) == (202, 503)
    assert second.json["detail"].startswith("The capacity group print")


def test_items_of_a_batch_share_it(api_app: ApiApp) -> None:
    answer = post(api_app, [DRAFT, PROOF, DRAFT, ADD])

    assert statuses(answer) == ["accepted", "accepted", "limited", "accepted"]
    assert answer.json["items"][2]["problem"]["detail"].startswith("The capacity group desk")


def test_a_setting_overrides_it_and_the_operation_shows_what_holds(tmp_path: Path) -> None:
    groups = load_settings(capacity_groups="desk=1").capacity_groups
    api_app = ApiApp(
        registry=Registry([draft, proof]), capacity_groups=groups, storage_url=str(tmp_path)
    )

    codes = [api_app.submit(each).status_code for each in (DRAFT, PROOF)]
    shown = api_app.http.simulate_get("/v1/operations").json["items"]
    api_app.close()

    assert codes == [202, 503]
    assert {each["name"]: each["limits"]["capacity_groups"] for each in shown} == {
        "draft": {"desk": 1},
        "proof": {"desk": 1, "print": 1},
    }


def test_a_setting_that_names_no_group_is_refused() -> None:
    registry = Registry([draft])

    with pytest.raises(OperationError, match="CALLBOARD_CAPACITY_GROUPS names 'dask', which no"):
        registry.check_settings([], ["desk", "dask"])


def test_operations_of_a_group_must_declare_the_same_number() -> None:
    @operation(capacity_groups={"desk": 3})
    def copy() -> None:
        """Copy something."""

    with pytest.raises(OperationError, match="copy: capacity group 'desk' has 3 here and 2 in dra"):
        Registry([draft, copy])
