"""Private servers, a clean Redis and a namespace for every test that requests them."""

import io
import logging
import os
import secrets
import sys
from collections.abc import Generator, Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from redis import Redis

from callboard.config.environment import bare_environment
from callboard.telemetry.logger import PLACE, PROCESSORS
from tests.alone import room
from tests.servers import RabbitMQ, RedisServer

Server = TypeVar("Server", RabbitMQ, RedisServer)

CONTRACT = "tests/contract/"
LONG_SECONDS = 180
_PROCESSORS = tuple(PROCESSORS)

_RUNNING = pytest.StashKey[list[RabbitMQ | RedisServer]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for a deeper search with the state machine."""
    parser.addoption("--examples", type=int, help="how many histories the state machine tries")
    parser.addoption("--fuzz-seconds", type=int, default=30, help="how long requests are fuzzed")


def pytest_configure(config: pytest.Config) -> None:
    """Remove the settings of the user who runs the tests."""
    config.stash[_RUNNING] = []
    for name in os.environ.keys() - bare_environment().keys():
        del os.environ[name]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run slow tests first and those that run alone last, so that no process waits for others."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if item.get_closest_marker("alone") is not None:
        return 2
    longest = item.get_closest_marker("timeout")
    return 0 if longest is not None and not 0 < longest.args[0] < LONG_SECONDS else 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Distribute single tests, but keep those together that share expensive fixtures."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415  # where tests are spread

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            if path.startswith(CONTRACT):
                return CONTRACT
            return path if _shares(config.rootpath / path) else nodeid

    return Scheduling(config, log)


@cache
def _shares(path: Path) -> bool:
    """Whether tests of this file share fixtures, which each process would set up again."""
    return 'scope="module"' in path.read_text(encoding="utf-8")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Run tests that measure time alone; acquired before any timeout starts."""
    worker: dict[str, str] | None = getattr(item.config, "workerinput", None)
    if worker is None:
        return (yield)
    with room(f"tests-{worker['testrunuid']}", alone=item.get_closest_marker("alone") is not None):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Let a test process report a test's output, even half a character."""
    return _readable((yield))


@pytest.fixture(scope="session")
def rabbitmq(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RabbitMQ]:
    """A RabbitMQ node of this session (of each worker of it); it answers when a test starts."""
    server = RabbitMQ(tmp_path_factory.mktemp("rabbitmq"))
    yield from _run(server, request.config)


@pytest.fixture(scope="session")
def redis_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisServer]:
    """A redis-server of this session (of each worker of it); it answers when a test starts."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield from _run(server, request.config)


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    """A client of an empty Redis; after the test, no unexpected permanent key may remain."""
    with redis_server.connect() as client:
        client.flushall()
        yield client
        redis_server.restore()
        assert not (kept := _kept_for_ever(client)), f"these keys would never go away: {kept}"


@pytest.fixture
def namespace() -> str:
    """A namespace that no other test uses."""
    return f"test-{secrets.token_hex(6)}"


@pytest.fixture(autouse=True)
def _own_lines() -> None:
    """Our log lines belong to the running test, whatever an earlier one configured."""
    PLACE.use(_Captured())
    PLACE.level = logging.INFO
    PROCESSORS[:] = _PROCESSORS


class _Captured(io.TextIOBase):
    """The standard error as pytest has it at that moment."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)


@pytest.fixture(autouse=True)
def _restore_servers(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    for server in request.config.stash[_RUNNING]:
        server.restore()


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
    from callboard.jobs.keys import PERMANENT  # noqa: PLC0415  # the tests of config/ need no jobs/

    forever = [key.decode() for key in client.scan_iter("*") if client.ttl(key) == -1]
    return sorted(
        key
        for key in forever
        if not any(fnmatchcase(key.partition("}:")[2], pattern) for pattern in PERMANENT)
    )


def _readable(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case list() | tuple():
            return type(value)(_readable(each) for each in value)
        case dict():
            return {key: _readable(each) for key, each in value.items()}
    return value
