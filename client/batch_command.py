"""The command `batch`: many jobs from a file, submitted and followed together."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from callboard.client.answer_types import BatchObject, SubmittedBatchObject
from callboard.client.arguments import parse_json, parse_labels, with_json
from callboard.client.client import Client
from callboard.client.encoding import encode
from callboard.client.exit_codes import INTERRUPTED, NOT_SUCCEEDED
from callboard.client.job_output import NARROW, as_json, plain
from callboard.client.progress_display import BAR_WIDTH, TextColumn
from callboard.client.terminal import Terminal
from callboard.client.wait_for_job import FINAL

MAX_ITEMS: Final = 1000
MAX_BYTES: Final = 8 * 1024**2
MAX_REFUSALS: Final = 20
"""How many rejected items are printed one by one."""

Numbered = tuple[int, dict[str, Any]]


@click.command()
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option(
    "--detach", is_flag=True, help="Do not wait; print the counts, or in a pipe the batch ids."
)
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--callback", metavar="URL", help="URL to notify when a batch is complete.")
@with_json
@click.pass_obj
def batch(
    client: Client,
    /,
    file: TextIO,
    *,
    labels: tuple[str, ...],
    callback: str | None,
    detach: bool,
    json_: bool,
) -> None:
    """Submit the jobs in FILE, show how many have ended, print their outcomes.

    Each line is a submission as JSON: {"operation": "add", "params": {"a": 1}}. FILE may be -, for
    standard input. More than 1,000 lines become several batches. With --json, print one per line.
    """
    chunks = list(_chunks(_read(file)))
    if not chunks:
        raise click.BadParameter("the file is empty", param_hint="FILE")
    batches: list[BatchObject] = []
    for chunk in chunks:
        items = [item for _line, item in chunk]
        made = client.batch(items, labels=parse_labels(labels), callback=callback)
        _tell_refusals(made, [line for line, _item in chunk])
        click.echo(f"Batch {plain(made['id'])}", err=True)
        batches.append(made)
    ended = batches if detach else _follow(client, batches)
    if json_:
        for each in ended:
            as_json(each, lines=True)
    elif detach and not Terminal().is_terminal:
        for each in ended:
            click.echo(plain(each["id"]))
    else:
        counts = _sum(ended)
        click.echo(", ".join(f"{number} {name}" for name, number in counts.items() if number))
    if not detach and _sum(ended).get("succeeded", 0) < sum(each["total"] for each in ended):
        sys.exit(NOT_SUCCEEDED)


def _read(file: TextIO) -> Iterator[Numbered]:
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        try:
            item = parse_json(line)
        except ValueError as error:
            raise click.BadParameter(
                f"line {number}: invalid JSON: {error}", param_hint="FILE"
            ) from error
        if not isinstance(item, dict):
            raise click.BadParameter(f"line {number}: must be a JSON object", param_hint="FILE")
        yield number, item


def _lines(file: TextIO) -> Iterator[str]:
    try:
        yield from file
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"it is not UTF-8 text: {error}", param_hint="FILE") from error


def _chunks(items: Iterator[Numbered]) -> Iterator[list[Numbered]]:
    """Split submissions into batches, by number and by bytes."""
    chunk: list[Numbered] = []
    size = 0
    for number, item in items:
        length = len(encode(item))
        if chunk and (len(chunk) == MAX_ITEMS or size + length > MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append((number, item))
        size += length
    if chunk:
        yield chunk


def _tell_refusals(made: SubmittedBatchObject, lines: list[int]) -> None:
    refused = [each for each in made["items"] if each["status"] != "accepted"]
    for each in refused[:MAX_REFUSALS]:
        problem, job = each["problem"], each["job"]
        detail = problem["detail"] if problem else ""
        why = f"job {job['id']} is active" if job else detail
        click.echo(plain(f"line {lines[each['index']]}: {each['status']}: {why}"), err=True)
    if len(refused) > MAX_REFUSALS:
        click.echo(f"… and {len(refused) - MAX_REFUSALS} more", err=True)


def _follow(client: Client, batches: list[BatchObject]) -> list[BatchObject]:
    now = {each["id"]: each for each in batches}
    console = Terminal(stderr=True)
    total = sum(each["total"] for each in batches)
    try:
        with Progress(*_columns(console), console=console) as progress:
            bar = progress.add_task("", total=total, counts="")

            def show(changed: BatchObject) -> None:
                now[changed["id"]] = changed
                counts = _sum(now.values())
                ended = sum(counts.get(name, 0) for name in (*FINAL, "refused"))
                progress.update(bar, completed=ended, counts=_still(counts))

            for each in batches:
                client.wait_batch(each["id"], on_change=show)
    except (KeyboardInterrupt, click.Abort):
        ids = " ".join(plain(each) for each in now)
        click.echo(f"The jobs continue: callboard list --batch {ids}", err=True)
        sys.exit(INTERRUPTED)
    return list(now.values())


def _columns(console: Console) -> list[Any]:
    bar = [] if console.width < NARROW else [BarColumn(bar_width=BAR_WIDTH)]
    return [*bar, MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("counts")]


def _still(counts: Mapping[str, int]) -> str:
    """Return the running and failed counts of a batch in words."""
    names = ("running", "failed", "cancelled", "refused")
    return ", ".join(f"{counts[name]} {name}" for name in names if counts.get(name))


def _sum(batches: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in batches:
        for name, number in each["counts"].items():
            counts[name] = counts.get(name, 0) + number
    return counts
