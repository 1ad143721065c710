"""The demo of `examples/curation`: clusters genes, and finds the phenotypes of each cluster."""

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from callboard import Client
from callboard.client.local_server import serving
from examples.demo import GENES, OPERATION, run_command

TERMS: Final = 3


def main() -> int:
    """Run the demo in the root of the repository, and return its exit code."""
    console = Console()
    with serving("examples.curation", settings={"CALLBOARD_LOG_LEVEL": "warning"}) as url:
        done = run_command(console, url, "run", OPERATION, "--params", f"@{GENES}")
        if done.returncode == 0:
            clusters = json.loads(done.stdout)["clusters"]
            console.print("\nThen it asks functional_enrichment what each cluster shares:\n")
            with Client(url) as client:
                console.print(_table(clusters, _enriched(client, clusters)))
    return done.returncode


def _enriched(client: Client, clusters: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    params = {"clusters": [each["genes"] for each in clusters]}
    job = client.submit("functional_enrichment", params)
    found: Sequence[dict[str, Any]] = client.result(job["id"], timeout=60)["clusters"]
    return found


def _table(clusters: Sequence[dict[str, Any]], enriched: Sequence[dict[str, Any]]) -> Table:
    table = Table(title=f"What the clusters of {GENES.name} share", title_justify="left")
    table.add_column("genes", style="bold")
    table.add_column("phenotype")
    table.add_column("genes with it", justify="right")
    table.add_column("q", justify="right")
    for cluster, shared in zip(clusters, enriched, strict=True):
        genes = cluster["genes"]
        name = ", ".join(genes[:TERMS]) + (" …" if len(genes) > TERMS else "")
        for term in shared["terms"][:TERMS]:
            count = f"{len(term['genes'])} of {len(genes)}"
            table.add_row(name, term["label"], count, f"{term['q_value']:.1g}")
            name = ""
        table.add_section()
    return table


if __name__ == "__main__":
    sys.exit(main())
