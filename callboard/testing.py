"""Fixtures of pytest for end-to-end tests of your own operations.

Put `pytest_plugins = ["callboard.testing"]` into `conftest.py`, and name the modules in the
settings of pytest: `callboard_operations = ["my.operations"]`. Then `callboard` is a client of a
server that has them.
"""

from collections.abc import Iterator

import pytest

from callboard.client.client import Client
from callboard.client.local_server import ServerDidNotStart, serving

__all__ = ["ServerDidNotStart", "callboard", "callboard_server", "callboard_settings", "serving"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting that names the modules."""
    parser.addini(
        "callboard_operations", "modules with operations, or their files", type="args", default=[]
    )


@pytest.fixture(scope="session")
def callboard_settings() -> dict[str, str]:
    """Give the settings of the server, as environment variables; override it to choose some."""
    return {}


@pytest.fixture(scope="session")
def callboard_server(
    pytestconfig: pytest.Config, callboard_settings: dict[str, str]
) -> Iterator[str]:
    """Run a one-process server with your operations for the session, and give its address."""
    operations = pytestconfig.getini("callboard_operations")
    with serving(*operations, settings=callboard_settings, folder=pytestconfig.rootpath) as url:
        yield url


@pytest.fixture
def callboard(callboard_server: str) -> Iterator[Client]:
    """Give a client of that server."""
    with Client(callboard_server) as client:
        yield client
