"""The job core on each supported Redis, and the HTTP application."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from fakeredis import FakeRedis, FakeServer

from callboard.jobs.limit import limit
from tests import invariants
from tests.api_app import ApiApp
from tests.eventually import eventually
from tests.invariants import look
from tests.job_system import LIMITS, JobSystem

if TYPE_CHECKING:
    from redis import Redis


@pytest.fixture(params=["fakeredis", "redis-server"])
def job_system(request: pytest.FixtureRequest) -> Iterator[JobSystem]:
    """A job system with the declared limits, verified to be consistent after the test."""
    if request.param == "fakeredis":
        client: Redis = FakeRedis(server=FakeServer(version=(7, 2)), protocol=2)
    else:
        client = request.getfixturevalue("redis")
    job_system = JobSystem(client)
    limit(job_system.store, LIMITS, source="declared")
    yield job_system
    wrong = list(invariants.complaints(look(job_system.store)))
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def api_app() -> Iterator[ApiApp]:
    """The HTTP layer with default settings, without keys."""
    built = ApiApp()
    yield built
    built.close()
    eventually(lambda: built.events.streams.taken == 0, what="every stream gave its place back")
