"""The server part, which the extra `server` brings: a plain installation is the client alone."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

_OF_SERVER: Final = re.compile(r"([\w.-]+).*;.*extra == .server.")
INSTALL: Final = "pip install 'callboard[server]'"


class ServerPartMissing(ImportError):
    """The server part, or some of it, is not installed."""


@contextmanager
def server_part(wanted_by: str) -> Iterator[None]:
    """Import or run the server part; where it is missing, name the command that brings it.

    Args:
        wanted_by: what needs it, as the user calls it.

    Raises:
        ServerPartMissing: a package that the server part needs is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if _is_complete():
            raise
        raise ServerPartMissing(
            f"{wanted_by} needs the server part (there is no {error.name!r} here): {INSTALL}"
        ) from error


def _is_complete() -> bool:
    """Say whether all packages of the server part are here, whatever else could not be imported."""
    found = (_OF_SERVER.match(line) for line in requires("callboard") or ())
    try:
        return all(version(each[1]) for each in found if each)
    except PackageNotFoundError:
        return False
