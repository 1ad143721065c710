"""The demo: a one-process server of its own, one real job over HTTP, its result as a table."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from callboard.config.environment import bare_environment

COMMAND: Final = "gene_clustering"
MAX_ROW_LENGTH: Final = 8


def run(genes: str) -> int:
    """Run the demo and give its exit code.

    Args:
        genes: a JSON file with the parameters of `gene_clustering`.
    """
    console = Console()
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(  # noqa: S603 — our own command
        [*_module("callboard.client.cli"), "dev", "--port", str(port)],
        env=bare_environment(CALLBOARD_LOG_LEVEL="warning"),
        stdout=subprocess.DEVNULL,
    )
    try:
        console.print(f"A one-process server runs at [bold]{url}[/]. The demo runs:\n")
        console.print(f"  callboard --url {url} run {COMMAND} --params @{genes}\n")
        done = subprocess.run(  # noqa: S603 — our own command
            [
                *_module("callboard.client.cli"),
                "--url",
                url,
                "run",
                COMMAND,
                "--params",
                f"@{genes}",
            ],
            env=bare_environment(),
            stdout=subprocess.PIPE,
            check=False,
        )
        if done.returncode == 0:
            _show(console, json.loads(done.stdout), Path(genes))
        return done.returncode
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def _show(console: Console, result: dict[str, Any], genes: Path) -> None:
    table = Table(title=f"Clusters of the genes in {genes.name}", title_justify="left")
    table.add_column("cluster", style="bold")
    table.add_column("size", justify="right")
    table.add_column("genes")
    for cluster in result["clusters"]:
        members = cluster["genes"]
        shown = ", ".join(members[:MAX_ROW_LENGTH]) + (
            " …" if len(members) > MAX_ROW_LENGTH else ""
        )
        table.add_row(cluster["name"], str(cluster["size"]), shown)
    console.print(table)


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
