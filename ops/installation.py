"""What the operators' commands share: access to an installation, or the reason why not."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from callboard.config import ConfigurationError, Settings, load_settings
from callboard.jobs.connection.redis_client import connect_redis
from callboard.jobs.connection.tls_faults import tls_fault
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.store import Store


class Refusal(click.ClickException):
    """Ends an operators' command with one sentence and code 2."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(message)
        context = click.get_current_context(silent=True)
        name = context and context.find_root().info_name
        self._program = (name or "callboardctl").partition(" ")[0]

    def show(self, file: Any = None) -> None:
        """Say why."""
        click.echo(f"{self._program}: {self.format_message()}", err=True, file=file)


@contextmanager
def installation(without_servers: str) -> Iterator[tuple[Settings, Store]]:
    """Return the settings and the store of the installation.

    Args:
        without_servers: the sentence for settings that name no servers.

    Raises:
        Refusal: the settings are wrong or name no servers, or Redis does not answer.
    """
    settings = settings_or_refusal()
    if settings.embedded:
        raise Refusal(without_servers)
    client = connect_redis(settings, role="callboardctl")
    try:
        yield settings, Store(client, settings.namespace)
    except StoreUnavailable as error:
        fault = tls_fault(error)
        raise Refusal(f"Redis is unavailable: {fault}." if fault else str(error)) from error
    finally:
        client.close()


def settings_or_refusal(**chosen: object) -> Settings:
    """Read the settings.

    Args:
        chosen: values that override the environment.

    Raises:
        Refusal: they are wrong.
    """
    try:
        return load_settings(**chosen)
    except ConfigurationError as error:
        raise Refusal(str(error)) from error


def print_table(headings: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows under their headings, each column as wide as it must be."""
    table = [tuple(headings), *(tuple(str(row[each] or "-") for each in headings) for row in rows)]
    widths = [max(len(row[place]) for row in table) for place in range(len(headings))]
    for row in table:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())
