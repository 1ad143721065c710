"""A world for the transitions, on each Redis that the scripts must suit; a stage for HTTP."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from fakeredis import FakeRedis, FakeServer

from callboard.jobs.limit import limit
from tests import invariants
from tests.api_stage import Stage
from tests.eventually import eventually
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


@pytest.fixture
def stage() -> Iterator[Stage]:
    """The HTTP layer with default settings, which anybody may use."""
    built = Stage()
    yield built
    built.close()
    eventually(lambda: built.events.streams.taken == 0, what="every stream gave its place back")
