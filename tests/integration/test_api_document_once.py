"""Requests for the OpenAPI document do not build it again."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any, TypeVar

from falcon import testing

from callboard.api.app import create_app
from callboard.jobs.operation import Operation
from callboard.jobs.registry import Registry
from tests.api_app import ApiApp, add

T = TypeVar("T")
NAMES = ("a.test", "b.test", "c.test:8000")


class CountingRegistry(Registry):
    """Counts how often the operations are listed, which each build does."""

    listings = 0

    def listed(self) -> Sequence[Operation]:
        """Return all operations."""
        self.listings += 1
        return super().listed()


def test_the_document_is_built_once_for_any_host_name_and_number_of_requests() -> None:
    registry = CountingRegistry([add])
    api_app = ApiApp(registry=registry, hosts=("a.test", "b.test", "c.test"))
    before = registry.listings

    def ask(number: int) -> testing.Result:
        name = NAMES[number % len(NAMES)]
        return api_app.http.simulate_get("/openapi.json", headers={"Host": name})

    with closing(api_app), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(24)))

    assert registry.listings - before == 1
    for number, answer in enumerate(answers):
        base = f"http://{NAMES[number % len(NAMES)]}"
        assert answer.json["servers"][0]["url"] == base
        assert answer.json["info"]["contact"]["url"] == f"{base}/problems"
        assert ".invalid" not in answer.text


def test_the_document_is_built_without_blocking_requests() -> None:
    made: list[Any] = []

    def beside(call: Callable[[], T], /) -> T:
        made.append(call())
        found: T = made[-1]
        return found

    with closing(ApiApp()) as api_app:
        http = testing.TestClient(create_app(replace(api_app.services, compute=beside)))
        answer = http.simulate_get("/openapi.json")

    assert answer.status_code == 200
    assert [each[:1] for each in made] == [b"{"]
