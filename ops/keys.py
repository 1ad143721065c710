"""The `callboardctl keys` commands: make, list and revoke API keys in Redis."""

import json
from typing import Final, get_args

import click

from callboard.config import ApiKey, Role
from callboard.jobs.api_keys import StoredKey, create_key, id_of, list_keys, revoke_key
from callboard.ops.installation import Refusal, installation, print_table

_HEADINGS: Final = ("id", "tenant", "role", "name", "created_at", "kept_in")
_INSIDE: Final = (
    "keys are stored in Redis: set CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL; "
    "the one-process server uses only those in CALLBOARD_API_KEYS"
)


@click.group()
def keys() -> None:
    """Create, list and revoke API keys.

    Keys are stored in Redis as hashes. Keys in CALLBOARD_API_KEYS are valid as well.
    """


@keys.command()
@click.option("--tenant", required=True, help="The tenant that the key belongs to.")
@click.option(
    "--role", type=click.Choice(get_args(Role)), required=True, help="What the key permits."
)
@click.option("--name", default="", help="A note, such as the program that uses the key.")
def create(tenant: str, role: Role, name: str) -> None:
    """Create a key and print it, once."""
    with installation(_INSIDE) as (_settings, store):
        try:
            key, made = create_key(store, tenant=tenant, role=role, name=name)
        except ValueError as error:
            raise Refusal(str(error)) from error
    # The key alone on standard output, so that `key=$(callboardctl keys create …)` works.
    click.echo(f"Key {made.id}: tenant {made.tenant}, role {made.role}.", err=True)
    click.echo(
        "The key is shown only once. Store it safely: anyone who has it can use it.", err=True
    )
    click.echo(key)


@keys.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(as_json: bool) -> None:  # noqa: FBT001 — a flag of the command line
    """List the keys, without the secret part."""
    with installation(_INSIDE) as (settings, store):
        rows = [_of_settings(key) for key in settings.api_keys]
        rows += [_of_store(key) for key in list_keys(store)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("No keys exist.", err=True)
        return
    print_table(_HEADINGS, rows)


@keys.command()
@click.argument("key_id", metavar="ID")
@click.option("--last", is_flag=True, help="Revoke even the last key, which gives everyone access.")
def revoke(key_id: str, last: bool) -> None:  # noqa: FBT001 — as above
    """Revoke the key ID; it stops working everywhere within 5 s."""
    with installation(_INSIDE) as (settings, store):
        if any(id_of(key.sha256) == key_id for key in settings.api_keys):
            raise Refusal("this key is in CALLBOARD_API_KEYS; remove it there")
        known = list_keys(store)
        found = next((key for key in known if key.id == key_id), None)
        if found is None:
            raise Refusal(f"there is no key {key_id!r}; see `callboardctl keys list`")
        closed = settings.api_keys or settings.require_keys
        if len(known) == 1 and not closed and not last:
            raise Refusal(
                "this is the last key, and a server without keys gives everyone access; create "
                "another key first, set CALLBOARD_REQUIRE_KEYS=true, or pass --last"
            )
        revoke_key(store, found, opens=last and len(known) == 1)
    click.echo(f"Key {found.id} is revoked. It stops working within 5 s.", err=True)


def _of_settings(key: ApiKey) -> dict[str, str | None]:
    return {
        "id": id_of(key.sha256),
        "tenant": key.tenant,
        "role": key.role,
        "name": None,
        "created_at": None,
        "kept_in": "settings",
    }


def _of_store(key: StoredKey) -> dict[str, str | None]:
    return {
        "id": key.id,
        "tenant": key.tenant,
        "role": key.role,
        "name": key.name,
        "created_at": key.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "kept_in": "redis",
    }
