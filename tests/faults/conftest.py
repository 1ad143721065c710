"""Installations for the fault tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.site import Site
from tests.servers import RabbitMQ, RedisServer
from tests.system.stack import Stack, installation


@pytest.fixture
def stack(
    tmp_path: Path, rabbitmq: RabbitMQ, redis_server: RedisServer, namespace: str
) -> Iterator[Stack]:
    """An installation in which nothing runs yet."""
    redis_server.connect().flushall()
    with installation(tmp_path, rabbitmq, redis_server, namespace) as made:
        yield made


@pytest.fixture
def site(installed: Site) -> Iterator[Site]:
    """The installation of a file's tests, without faults; afterwards all jobs end."""
    yield installed
    installed.settle()
