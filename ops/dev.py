"""What `callboard dev` runs: everything in one process, for the author of operations."""

import re
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from callboard.jobs.errors import CallboardError
from callboard.ops.installation import Refusal, settings_or_refusal
from callboard.ops.start import find_modules_here
from callboard.telemetry.log_setup import configure_logging

_NAME: Final = re.compile(r"[A-Za-z_]\w*")


@click.command(name="dev")
@click.argument("modules", nargs=-1, metavar="[MODULE|FILE]...")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Overrides CALLBOARD_PORT; 0 picks a free port and prints it.",
)
@click.option("--reload", is_flag=True, help="Restart when a source file changes.")
def dev(modules: tuple[str, ...], port: int | None, *, reload: bool) -> None:
    """Serve everything in one process, without RabbitMQ and Redis.

    MODULE names a module of operations, such as my.operations; FILE is the path of one. The
    modules in CALLBOARD_OPERATIONS are served as well.
    """
    from callboard.ops.servers.one_process import serve  # noqa: PLC0415 — the other commands need no web server

    find_modules_here()
    listening, chosen = _bound(port)
    named = [_importable(module) for module in modules]
    settings = settings_or_refusal(**chosen)
    if named:
        operations = tuple(dict.fromkeys((*settings.operations, *named)))
        settings = settings_or_refusal(**chosen, operations=operations)
    if not settings.embedded:
        raise Refusal(
            "`callboard dev` uses no servers; unset CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL"
        )
    if reload:
        sys.exit(_reloading(modules, settings.port, listening))
    configure_logging(settings, for_people=settings.shows_tracebacks)
    try:
        serve(settings, listening=listening)
    except (CallboardError, OSError) as error:
        raise Refusal(str(error)) from error


def _bound(port: int | None) -> tuple[socket.socket | None, dict[str, object]]:
    """Bind a free port if any will do, so that no other program takes it before we serve."""
    if port != 0:
        return None, {} if port is None else {"port": port}
    host = settings_or_refusal().host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, 0), family=family)
    return listening, {"port": listening.getsockname()[1]}


def _importable(module: str) -> str:
    """Return a module's name, and make it importable from the working folder or its own."""
    path = Path(module)
    is_file = path.suffix == ".py" or len(path.parts) > 1
    folder = path.resolve().parent if is_file else Path.cwd()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    if not is_file:
        return module
    if not path.is_file():
        raise Refusal(f"file {module!r} not found")
    if not _NAME.fullmatch(path.stem):
        raise Refusal(
            f"{path.name}: a module name may contain only letters, digits and _; rename the file"
        )
    return path.stem


def _reloading(modules: Sequence[str], port: int, listening: socket.socket | None) -> int:
    from callboard.ops.reloading import serve_again  # noqa: PLC0415 — as above

    if listening is not None:
        listening.close()  # the server that is started takes over the port, the same one each time
    folders = {Path.cwd(), *(Path(each).resolve().parent for each in modules if "/" in each)}
    command = [
        sys.executable,
        "-P",
        "-m",
        "callboard.client.cli",
        "dev",
        "--port",
        str(port),
        *modules,
    ]
    return serve_again(command, sorted(folders))
