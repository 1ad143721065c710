"""The demo: a one-process server of its own, one real job over HTTP, its result as a table."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from callboard.client.local_server import serving

OPERATION: Final = "gene_clustering"
GENES: Final = Path("examples/curation/genes.json")
MAX_ROW_LENGTH: Final = 8


def main() -> int:
    """Run the demo in the root of the repository, and give its exit code."""
    console = Console()
    with serving("examples.curation", settings={"CALLBOARD_LOG_LEVEL": "warning"}) as url:
        done = run_command(console, url, "run", OPERATION, "--params", f"@{GENES}")
        if done.returncode == 0:
            _show(console, json.loads(done.stdout))
    return done.returncode


def run_command(
    console: Console, url: str, *arguments: str
) -> "subprocess.CompletedProcess[bytes]":
    """Print a command of `callboard` to the server at a URL, and run it with its bar shown."""
    console.print(f"A one-process server runs at [bold]{url}[/]. The demo runs:\n")
    console.print(f"  callboard --url {url} {' '.join(arguments)}\n")
    command = [sys.executable, "-m", "callboard.client.cli", "--url", url, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, check=False)  # noqa: S603 — our own


def _show(console: Console, result: dict[str, Any]) -> None:
    table = Table(title=f"Clusters of the genes in {GENES.name}", title_justify="left")
    table.add_column("cluster", style="bold")
    table.add_column("size", justify="right")
    table.add_column("genes")
    for cluster in result["clusters"]:
        members = cluster["genes"]
        shown = ", ".join(members[:MAX_ROW_LENGTH])
        more = " …" if len(members) > MAX_ROW_LENGTH else ""
        table.add_row(cluster["name"], str(cluster["size"]), f"{shown}{more}")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
