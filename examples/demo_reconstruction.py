"""The demo of `examples/reconstruction`: starts a server, turns a scan into a mesh, shows it."""

import json
import sys
from importlib.metadata import distribution
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL.Image import open as open_image
from rich.console import Console
from rich.table import Table
from rich.text import Text

from callboard import Client
from callboard.client.local_server import serving
from examples.demo import run_command

TEMPLATE: Final = "nilearn/datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
RESULTS: Final = Path("var/demo-reconstruction")
SETTINGS: Final = {"CALLBOARD_LOG_LEVEL": "warning"}
COLUMNS: Final = 96


def main() -> int:
    """Run the demo in the root of the repository, and return its exit code."""
    console = Console()
    scan = distribution("nilearn").locate_file(TEMPLATE)
    with serving("examples.reconstruction.reconstruct", settings=SETTINGS) as url:
        done = run_command(console, url, "run", "reconstruct", f"file=@{scan}", "resolution=2")
        if done.returncode == 0:
            result = json.loads(done.stdout)
            RESULTS.mkdir(parents=True, exist_ok=True)
            with Client(url) as client:
                for file in result["files"]:
                    client.download(file, to=RESULTS / file["name"])
            console.print(_picture((RESULTS / "preview.png").read_bytes()))
            console.print(_table(result["report"]))
            console.print(f"The mesh is in {RESULTS}/mesh.ply, mesh.stl and mesh.glb.")
    return done.returncode


def _picture(content: bytes) -> Text:
    """Show a picture in a terminal, two pixels in each place."""
    with open_image(BytesIO(content)) as picture:
        lines = 2 * (picture.height * COLUMNS // picture.width // 2)
        small = picture.convert("RGB").resize((COLUMNS, lines))
    text = Text()
    pixels = np.asarray(small)
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        for above, below in zip(upper.tolist(), lower.tolist(), strict=True):
            text.append("▀", f"rgb({_listed(above)}) on rgb({_listed(below)})")
        text.append("\n")
    return text


def _listed(colour: list[int]) -> str:
    return ",".join(map(str, colour))


def _table(report: dict[str, Any]) -> Table:
    table = Table(title="A mesh of the mean brain of 152 people", title_justify="left")
    table.add_column("measure")
    table.add_column("value", justify="right", style="bold")
    table.add_row("volume", f"{report['volume_mm3'] / 1000:,.1f} ml")
    table.add_row("volume of the cubes", f"{report['voxel_volume_mm3'] / 1000:,.1f} ml")
    table.add_row("surface area", f"{report['surface_mm2'] / 100:,.1f} cm²")
    table.add_row("triangles", f"{report['triangles']:,}")
    table.add_row("pieces", str(report["pieces"]))
    table.add_row("closed", "yes" if report["closed"] else "no")
    return table


if __name__ == "__main__":
    sys.exit(main())
