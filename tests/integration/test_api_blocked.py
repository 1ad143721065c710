"""The response to a submission shows what the job waits for, as the job itself does."""

from collections.abc import Iterator

import pytest

from callboard import operation
from callboard.jobs.registry import Registry
from tests.api_app import ADD, ApiApp, add


@operation(max_running_per={"name": 1})
def own(name: str) -> str:
    """Run once at a time for each name."""
    return name


OWN = {"operation": "own", "params": {"name": "a"}}


@pytest.fixture
def api_app() -> Iterator[ApiApp]:
    built = ApiApp(registry=Registry([add, own]))
    yield built
    built.close()


def test_a_job_that_is_blocked_at_once_is_shown_with_its_slot_and_its_position(
    api_app: ApiApp,
) -> None:
    answers = [api_app.submit(OWN) for _ in range(3)]

    shown = [api_app.get(answer.json["id"]).json["queue"] for answer in answers]

    queues = [answer.json["queue"] for answer in answers]
    assert [each["blocked_on"] for each in queues] == [None, "per:own:name", "per:own:name"]
    assert [each["position"] for each in queues] == [1, 1, 2]
    assert queues == shown


def test_so_is_one_whose_dependencies_have_ended_already(api_app: ApiApp) -> None:
    first = api_app.submit(ADD).json["id"]
    api_app.succeed(first, 3)
    api_app.submit(OWN)

    answer = api_app.submit({**OWN, "after": [first]})

    assert answer.json["queue"]["blocked_on"] == "per:own:name"
    assert answer.json["queue"] == api_app.get(answer.json["id"]).json["queue"]
