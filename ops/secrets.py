"""The `callboardctl secrets` commands: show, rotate and list what callbacks are signed with."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

import click

from callboard.config.duration import format_duration, parse_duration
from callboard.jobs.api_keys import TENANT
from callboard.jobs.callbacks.secrets import Rotation, derive, list_rotations, read_rotation, rotate
from callboard.ops.installation import Refusal, installation, print_table, settings_or_refusal

MAX_OVERLAP: Final = timedelta(days=30)
_HEADINGS: Final = ("tenant", "generation", "rotated_at", "earlier_until")
_INSIDE: Final = (
    "rotations are stored in Redis: set CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL; "
    "the one-process server always uses the first secrets"
)


def _tenant(_context: click.Context, _parameter: click.Parameter, said: str) -> str:
    if not TENANT.fullmatch(said):
        raise click.BadParameter("a tenant is 1 to 64 letters, digits, _ and -")
    return said


def _overlap(_context: click.Context, _parameter: click.Parameter, said: str) -> timedelta:
    try:
        overlap = parse_duration(said)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if overlap > MAX_OVERLAP:
        raise click.BadParameter(f"it must be at most {format_duration(MAX_OVERLAP)}")
    return overlap


@click.group()
def secrets() -> None:
    """Show, rotate and list the secrets that callbacks are signed with.

    They are derived from CALLBOARD_SIGNING_KEY and stored nowhere.
    """


@secrets.command()
@click.argument("tenant", callback=_tenant)
def show(tenant: str) -> None:
    """Print the secret of TENANT, for those who verify its callbacks."""
    settings = settings_or_refusal()
    if settings.signing_key is None:
        raise Refusal("secrets need CALLBOARD_SIGNING_KEY; set it to the value that web uses")
    rotation = Rotation()
    if not settings.embedded:
        with installation(_INSIDE) as (_settings, store):
            rotation = read_rotation(store, tenant)
    for generation, ends_at in rotation.earlier:
        click.echo(f"Generation {generation} also signs until {_written(ends_at)}.", err=True)
    # The secret alone on standard output, so that `secret=$(callboardctl secrets show …)` works.
    click.echo(derive(settings.signing_key, tenant, rotation.generation).get_secret_value())


@secrets.command(name="rotate")
@click.argument("tenant", callback=_tenant)
@click.option(
    "--overlap",
    callback=_overlap,
    default="24h",
    show_default=True,
    help="How long the previous secret also signs, such as 24h or 7d.",
)
def rotate_secret(tenant: str, overlap: timedelta) -> None:
    """Sign the callbacks of TENANT with a new secret from now on.

    During the overlap, callbacks carry both signatures, so that receivers can switch at any time
    within it. `callboardctl secrets show TENANT` prints the new secret.
    """
    with installation(_INSIDE) as (_settings, store):
        rotate(store, tenant, overlap=overlap)
        rotation = read_rotation(store, tenant)
    click.echo(f"{tenant}: generation {rotation.generation} now signs.", err=True)
    for generation, ends_at in rotation.earlier:
        click.echo(f"Generation {generation} also signs until {_written(ends_at)}.", err=True)


@secrets.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_secrets(as_json: bool) -> None:  # noqa: FBT001 — a flag of the command line
    """List tenants and the generations of their secrets, without the secrets."""
    with installation(_INSIDE) as (_settings, store):
        rows = [_row(tenant, rotation) for tenant, rotation in list_rotations(store).items()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        print_table(_HEADINGS, rows)
    else:
        click.echo("No tenant has submitted a job.", err=True)


def _row(tenant: str, rotation: Rotation) -> dict[str, Any]:
    rotated_at = rotation.rotated_at
    return {
        "tenant": tenant,
        "generation": rotation.generation,
        "rotated_at": None if rotated_at is None else _written(rotated_at),
        "earlier_until": _written(rotation.earlier[0][1]) if rotation.earlier else None,
    }


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
