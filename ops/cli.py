"""The `callboardctl` command, for operators."""

import re
import socket
import sys
from contextlib import closing
from typing import Final, Literal, NoReturn

import click

from callboard.client.terminal import PipedGroup, tolerate_encodings
from callboard.config import ConfigurationError, Settings, load_settings
from callboard.jobs.errors import CallboardError
from callboard.jobs.limit import is_declared, limit, limits_in_effect
from callboard.ops.doctor.command import doctor
from callboard.ops.keys import keys
from callboard.ops.processes import web, worker
from callboard.ops.secrets import secrets

SLOT: Final = re.compile(r"(operation|resource):[a-z][a-z0-9_]{0,63}|per:[a-z][a-z0-9_]{0,63}:\w+")


@click.group(cls=PipedGroup, name="callboardctl")
@click.version_option(package_name="callboard")
def main() -> None:
    """Run and control a Callboard installation."""
    tolerate_encodings()


main.add_command(doctor)
main.add_command(keys)
main.add_command(secrets)
main.add_command(web)
main.add_command(worker)


@main.command(name="limit")
@click.argument("slot")
@click.argument("places", type=click.IntRange(min=0))
def set_limit(slot: str, places: int) -> None:
    """Set the number of PLACES of a slot.

    SLOT is `operation:<name>`, `resource:<name>` or, for each tenant or value,
    `per:<operation>:<name>`. The number overrides the declared limit at once, for all workers,
    until `unlimit`.
    """
    _limit(slot, places)


@main.command()
@click.argument("slot")
def unlimit(slot: str) -> None:
    """Remove the limit set by `limit`, so that the declared one applies again."""
    _limit(slot, None)


@main.command()
@click.argument("operation")
def pause(operation: str) -> None:
    """Start no more jobs of OPERATION; running jobs continue."""
    _limit(f"operation:{operation}", 0, source="pause")


@main.command()
@click.argument("operation")
def resume(operation: str) -> None:
    """Undo `pause`; limits set by `limit` stay."""
    _limit(f"operation:{operation}", None, source="pause")


@main.command()
def alive() -> None:
    """Exit with 0 if a worker on this host is alive, and with 1 if none is.

    A worker is alive if its last heartbeat is less than 30 s old. The exit code is 2 if Redis
    does not answer.
    """
    from callboard.jobs.workers import worker_fields  # noqa: PLC0415 — as below
    from callboard.ops.connection import connect  # noqa: PLC0415 — as below

    try:
        with closing(connect(_settings({}))) as container:
            hosts = {worker.get("host") for worker in worker_fields(container.store).values()}
    except CallboardError as error:
        _stop(str(error))
    if socket.gethostname() not in hosts:
        click.echo("callboardctl: no worker on this host is alive", err=True)
        sys.exit(1)


def _limit(
    slot: str, places: int | None, *, source: Literal["operator", "pause"] = "operator"
) -> None:
    if SLOT.fullmatch(slot) is None:
        _stop(
            f"{slot!r} is not a slot: write `operation:<name>`, `resource:<name>` or "
            "`per:<operation>:<name>`"
        )
    from callboard.ops.connection import connect  # noqa: PLC0415 — only these commands need everything

    settings = _settings({})
    if settings.embedded:
        _stop("limits are stored in Redis: set CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL")
    try:
        # Closing publishes for the jobs that a raised limit has woken.
        with closing(connect(settings)) as container:
            known = slot in container.registry.limits(settings.resources)
            if not known and not is_declared(container.store, slot):
                _stop(f"unknown slot {slot!r}: no operation here and no worker has declared it")
            limit(container.store, {slot: places}, source=source)
            (now,) = limits_in_effect(container.store, {slot: None})
    except CallboardError as error:
        _stop(str(error))
    places_now = "unlimited" if now.places is None else now.places
    click.echo(f"{slot}: {'paused' if now.paused else f'{places_now} at a time'}")


def _settings(chosen: dict[str, object]) -> Settings:
    try:
        return load_settings(**chosen)
    except ConfigurationError as error:
        _stop(str(error))


def _stop(reason: str) -> NoReturn:
    click.echo(f"callboardctl: {reason}", err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
