"""The commands for files: `upload` and `download`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn
from rich.text import Text

from callboard.client.arguments import with_json
from callboard.client.client import Client
from callboard.client.exit_codes import waiting_for
from callboard.client.files import Source, UploadedFile, files_in, free_path
from callboard.client.job_output import NARROW, as_json, plain
from callboard.client.progress_display import BAR_WIDTH, TextColumn
from callboard.client.terminal import Terminal

SourcePath = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


@click.command()
@click.argument("files", nargs=-1, required=True, type=SourcePath, metavar="FILE...")
@click.option("--name", help="Its name; by default the name of the local file.")
@click.option("--media-type", help="Its media type; by default the server detects it.")
@with_json
@click.pass_obj
def upload(
    client: Client,
    files: tuple[Path, ...],
    name: str | None,
    media_type: str | None,
    *,
    json_: bool,
) -> None:
    """Upload files and print their ids; - means standard input.

    Pass an id as the value of a file parameter.
    """
    if name and len(files) > 1:
        raise click.UsageError("--name works only with a single file.")
    for path in files:
        source: Source = sys.stdin.buffer if str(path) == "-" else path
        with _bar(path.name) as on_bytes:
            uploaded = client.upload(source, name=name, media_type=media_type, on_bytes=on_bytes)
        _show_uploaded(uploaded, json_=json_)


@click.command()
@click.argument("job_id")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Target folder; created if missing.",
)
@with_json
@click.pass_obj
def download(client: Client, job_id: str, output: Path, *, json_: bool) -> None:
    """Wait for a job, download the files of its result and print their paths.

    Existing files are kept; a number is added to the new name.
    """
    with waiting_for(job_id):
        files = list(files_in(client.result(job_id)))
    if not files:
        raise click.ClickException(f"The result contains no file: callboard result {plain(job_id)}")
    output.mkdir(parents=True, exist_ok=True)
    for file in files:
        path = free_path(output, file["name"])
        with _bar(path.name) as on_bytes:
            client.download(file, to=path, on_bytes=on_bytes)
        if json_:
            as_json({**file, "path": str(path)}, lines=True)
        else:
            click.echo(plain(path))


def _show_uploaded(file: UploadedFile, *, json_: bool) -> None:
    if json_:
        as_json(asdict(file), lines=True)
        return
    console = Terminal()
    if not console.is_terminal:
        click.echo("\t".join((file.id, plain(file.media_type), str(file.size), plain(file.name))))
        return
    console.print(Text(file.id, style="bold"))
    said = f"  {plain(file.media_type)}, {file.size} bytes, {plain(file.name)}"
    console.print(Text(said, style="dim"), overflow="ellipsis", no_wrap=True)


@contextmanager
def _bar(name: str) -> Iterator[Callable[[int, int | None], Any]]:
    """Show a progress bar on a terminal, which is removed at the end."""
    console = Terminal(stderr=True)
    narrow = console.width < NARROW
    columns = [
        TextColumn("name", style="bold", width=console.width // 3),
        *(() if narrow else (BarColumn(bar_width=BAR_WIDTH),)),
        DownloadColumn(binary_units=True),
        *(() if narrow else (TransferSpeedColumn(),)),
    ]
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None, name=name)
        yield lambda done, total: bar.update(task, completed=done, total=total)
