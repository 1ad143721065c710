"""The demo of `examples/literature`: starts a server, indexes papers and searches them."""

import sys
import tempfile
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from callboard import Client
from callboard.client.local_server import serving
from examples.demo import run_command
from examples.literature.pubmed.landmarks import QUESTIONS

SETTINGS: Final = {"CALLBOARD_LOG_LEVEL": "warning", "CALLBOARD_RESOURCES": "eutils=1"}
INDEX: Final = ("run", "corpus_index", "sample=4000")


def main() -> int:
    """Run the demo in the root of the repository, and return its exit code."""
    console = Console()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving("examples.literature", settings={**SETTINGS, "LITERATURE_FOLDER": folder}) as url,
    ):
        done = run_command(console, url, *INDEX)
        if done.returncode == 0:
            console.print("\nThen it asks ten questions with corpus_search:\n")
            with Client(url) as client:
                console.print(_table({each: _ask(client, each) for each in QUESTIONS}))
    return done.returncode


def _ask(client: Client, question: str) -> dict[str, Any]:
    job = client.submit("corpus_search", {"query": question, "limit": 1})
    found: dict[str, Any] = client.result(job["id"], timeout=30)
    return found


def _table(found: dict[str, dict[str, Any]]) -> Table:
    table = Table(title="The best of 4,000 made-up papers for each question", title_justify="left")
    table.add_column("question")
    table.add_column("paper", style="bold")
    table.add_column("score", justify="right")
    table.add_column("found", justify="right")
    for question, hits in found.items():
        (best,) = hits["hits"]
        table.add_row(question, best["title"], f"{best['score']:.1f}", str(hits["total"]))
    return table


if __name__ == "__main__":
    sys.exit(main())
