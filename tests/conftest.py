"""Servers of one's own, a clean Redis and a namespace for every test that asks for them."""

import os
import secrets
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TypeVar

import pytest
from redis import Redis

from config.environment import bare_environment
from tests.servers import RabbitMQ, RedisServer

Server = TypeVar("Server", RabbitMQ, RedisServer)

_RUNNING = pytest.StashKey[list[RabbitMQ | RedisServer]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let somebody look longer for what the state machine has not found yet."""
    parser.addoption("--examples", type=int, help="how many histories the state machine tries")


def pytest_configure(config: pytest.Config) -> None:
    """Forget the settings of whoever runs the tests."""
    config.stash[_RUNNING] = []
    for name in os.environ.keys() - bare_environment().keys():
        del os.environ[name]


@pytest.fixture(scope="session")
def rabbitmq(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RabbitMQ]:
    """A RabbitMQ node of this session (of each worker of it); it answers when a test begins."""
    server = RabbitMQ(tmp_path_factory.mktemp("rabbitmq"))
    yield from _run(server, request.config)


@pytest.fixture(scope="session")
def redis_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisServer]:
    """A redis-server of this session (of each worker of it); it answers when a test begins."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield from _run(server, request.config)


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    """A client of an empty Redis; afterwards no key may be left that would stay for ever."""
    with redis_server.connect() as client:
        client.flushall()
        yield client
        redis_server.mend()
        assert not (kept := _kept_for_ever(client)), f"these keys would never go away: {kept}"


@pytest.fixture
def namespace() -> str:
    """A namespace that no other test uses."""
    return f"test-{secrets.token_hex(6)}"


@pytest.fixture(autouse=True)
def _mend_servers(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    for server in request.config.stash[_RUNNING]:
        server.mend()


def _run(server: Server, config: pytest.Config) -> Iterator[Server]:
    running = config.stash[_RUNNING]
    try:
        server.start()
        running.append(server)
        yield server
    finally:
        if server in running:
            running.remove(server)
        server.close()


def _kept_for_ever(client: Redis) -> list[str]:
    from jobs.keys import PERMANENT  # noqa: PLC0415  # the tests of config/ need no jobs/

    forever = [key.decode() for key in client.scan_iter("*") if client.ttl(key) == -1]
    return sorted(
        key
        for key in forever
        if not any(fnmatchcase(key.partition("}:")[2], pattern) for pattern in PERMANENT)
    )
