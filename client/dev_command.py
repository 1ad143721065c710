"""The `dev` command: the one-process server, if the server part is installed."""

import sys
from importlib import import_module

import click

from callboard.server_part import ServerPartMissing, server_part


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dev(arguments: tuple[str, ...]) -> None:
    """Serve your operations in one process, with no servers."""
    try:
        with server_part("callboard dev"):
            # By name: the client must not import the server.
            command: click.Command = import_module("callboard.ops.dev").dev
            command.main(args=list(arguments), prog_name="callboard dev")
    except ServerPartMissing as error:
        click.echo(str(error), err=True)
        sys.exit(2)
