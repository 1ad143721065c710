"""The fixture of the transition tests: one world on each Redis that the scripts must suit."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from fakeredis import FakeRedis, FakeServer

from jobs.limit import limit
from tests import invariants
from tests.invariants import look
from tests.world import LIMITS, World

if TYPE_CHECKING:
    from redis import Redis


@pytest.fixture(params=["fakeredis", "redis-server"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world with the declared limits; after the test everything in it agrees."""
    if request.param == "fakeredis":
        client: Redis = FakeRedis(server=FakeServer(version=(7, 2)), protocol=2)
    else:
        client = request.getfixturevalue("redis")
    world = World(client)
    limit(world.store, LIMITS, source="declared")
    yield world
    wrong = list(invariants.complaints(look(world.store)))
    assert not wrong, "\n".join(wrong)
