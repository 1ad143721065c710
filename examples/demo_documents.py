"""The demo of `examples/documents`: starts a server, parses a document, prints its Markdown."""

import json
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markdown import Markdown

from callboard.client.local_server import serving
from examples.demo import run_command

SAMPLE: Final = Path("examples/documents/sample.pdf")
SETTINGS: Final = {"CALLBOARD_LOG_LEVEL": "warning", "CALLBOARD_RESOURCES": "recognizer=1"}


def main() -> int:
    """Run the demo in the root of the repository, and return its exit code."""
    console = Console()
    with serving("examples.documents.parse_document", settings=SETTINGS) as url:
        done = run_command(console, url, "run", "parse_document", f"files=@{SAMPLE}")
    if done.returncode == 0:
        (output,) = json.loads(done.stdout)["outputs"]
        console.print(Markdown(output["markdown"]))
        console.print(f"\n{len(output['content_list_json'])} blocks on {output['pages']} pages")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
