"""A memory limit counts all memory in use, and no memory that is only reserved."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.integration.test_embedded_worker import kind_of
from tests.integration.test_isolation import Apart
from tests.integration.test_worker_files import Desk

OPERATIONS = "tests.memory_operations"


@pytest.fixture(scope="module")
def apart() -> Iterator[Desk]:
    made = Apart(f"test-{secrets.token_hex(6)}", operations=OPERATIONS)
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("how", ["threads", "zeros", "shared zeros", "forks", "file"])
def test_shared_or_unused_memory_does_not_count(apart: Desk, how: str) -> None:
    ended = apart.run("reserve", how=how)

    assert ended.status == "succeeded", ended.error


@pytest.mark.parametrize(
    "how", ["bytes", "memfd", "mapped memfd", "shared memory", "shared zeros", "forks", "pipes"]
)
def test_memory_allocated_in_any_way_ends_the_function(apart: Desk, how: str) -> None:
    ended = apart.run("take", how=how)

    assert ended.error is not None, how
    assert (ended.status, kind_of(ended)) == ("failed", "out-of-memory")
    assert "256MiB" in ended.error["detail"]
    eventually(
        lambda: not list(Path("/dev/shm").glob("callboard-taken-*")), what="none of it is left"
    )


def test_memory_that_is_taken_while_a_result_is_read_ends_the_function(apart: Desk) -> None:
    ended = apart.run("take_lazily")

    assert (ended.status, kind_of(ended)) == ("failed", "out-of-memory")


def test_address_space_is_limited_if_the_operation_says_so(apart: Desk) -> None:
    assert apart.run("reserve_address_space").result == "refused"
