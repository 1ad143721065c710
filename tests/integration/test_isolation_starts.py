"""How children start: forked, but with their own random numbers, or spawned."""

import secrets
from collections.abc import Iterator

import pytest

from tests.integration.test_isolation import Apart
from tests.integration.test_worker_files import Desk


@pytest.fixture(scope="module")
def apart() -> Iterator[Desk]:
    made = Apart(f"test-{secrets.token_hex(6)}", operations="tests.start_operations")
    made.start()
    yield made
    made.stop()


def test_children_draw_different_numbers_from_a_modules_generators(apart: Desk) -> None:
    jobs = [apart.submit("draw") for _ in range(3)]

    drawn = [apart.ended(job).result for job in jobs]

    for numbers in zip(*drawn, strict=True):
        assert len(set(numbers)) == 3


def test_a_spawned_child_imports_the_module_with_its_threads(apart: Desk) -> None:
    assert apart.run("look_spawned").result == {"imported here": True, "answered": True}
    assert apart.run("look_forked").result is False
