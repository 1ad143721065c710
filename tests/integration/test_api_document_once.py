"""Who asks for the OpenAPI document does not have it made again."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from falcon import testing

from callboard.jobs.operation import Operation
from callboard.jobs.registry import Registry
from tests.api_app import ApiApp, add

NAMES = ("a.test", "b.test", "c.test:8000")


class CountingRegistry(Registry):
    """Counts how often the operations are listed, as each document does."""

    listings = 0

    def listed(self) -> Sequence[Operation]:
        """Give all operations."""
        self.listings += 1
        return super().listed()


def test_the_document_is_made_once_by_whatever_names_and_however_many_ask() -> None:
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
