"""One installation for all tests of the contract, with keys of two tenants and an operator."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.api_app import hash_of
from tests.contract import node
from tests.servers import RabbitMQ, RedisServer
from tests.system.stack import Stack, installation

KEYS: Final = {
    "first": "first-key-of-the-contract-tests",
    "second": "second-key-of-the-contract-tests",
    "operator": "operator-key-of-the-contract-tests",
}
_ROLES: Final = {"first": "client", "second": "client", "operator": "operator"}


@pytest.fixture(scope="session")
def keys() -> dict[str, str]:
    """Keys by caller."""
    return KEYS


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ) -> Iterator[Stack]:
    """A running installation with its own Redis, because other tests empty theirs."""
    with _serving(tmp_path_factory.mktemp("contract"), rabbitmq, "contract") as stack:
        yield stack


@pytest.fixture
def fuzzed(tmp_path: Path, rabbitmq: RabbitMQ) -> Iterator[Stack]:
    """An installation for the fuzzer alone, which leaves more jobs than others can wait for."""
    with _serving(tmp_path, rabbitmq, "fuzzed") as stack:
        yield stack


@contextmanager
def _serving(folder: Path, rabbitmq: RabbitMQ, namespace: str) -> Iterator[Stack]:
    data = folder / "redis"
    data.mkdir()
    redis_server = RedisServer(data)
    redis_server.start()
    try:
        with installation(folder, rabbitmq, redis_server, namespace) as stack:
            keys = [f"{name}:{_ROLES[name]}:{hash_of(key)}" for name, key in KEYS.items()]
            stack.settings |= {
                "CALLBOARD_API_KEYS": ",".join(keys),
                "CALLBOARD_OPERATIONS": "tests.contract.operations",
                "CALLBOARD_MAX_WAIT": "1s",
                "CALLBOARD_SIGNING_KEY": "signing-key-of-the-contract-tests",
                "CALLBOARD_RATE_LIMIT": "1000000/10s",
            }
            stack.start(workers=1)
            yield stack
    finally:
        redis_server.close()


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder of the npm programs."""
    return node.programs()
