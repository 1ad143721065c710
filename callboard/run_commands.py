"""The commands that submit one job: `run` and `retry`."""

from typing import Any

import click
from rich.console import Console

from callboard.arguments import parse_labels, parse_named, parse_params, with_json
from callboard.client import Client
from callboard.endings import waiting_for
from callboard.errors import JobFailed
from callboard.following import JobObject
from callboard.showing import as_json, plain, show_job
from callboard.watching import watch as watch_job


@click.command()
@click.argument("operation")
@click.argument("named", nargs=-1, metavar="[NAME=VALUE]...")
@click.option(
    "--params", default="{}", help="Parameters as JSON, or @FILE with them, or @- for stdin."
)
@click.option("--detach", is_flag=True, help="Print the job and do not wait.")
@click.option("--priority", type=click.IntRange(0, 10), help="10 is first.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--callback", metavar="URL", help="An address to tell of the job's end.")
@with_json
@click.pass_obj
def run(
    client: Client,
    /,
    operation: str,
    params: str,
    named: tuple[str, ...],
    *,
    labels: tuple[str, ...],
    **more: Any,
) -> None:
    """Submit a job, show its progress, print its result as JSON.

    Parameters are NAME=TEXT, NAME:=JSON, or NAME=@FILE for one that is a file; and --params.
    """
    shown = {name: more.pop(name) for name in ("detach", "json_")}
    options = {name: value for name, value in more.items() if value is not None}
    if labels:
        options["labels"] = parse_labels(labels)
    values, files = parse_named(named)
    job = client.submit(operation, {**parse_params(params), **values}, files=files, **options)
    _show_submitted(client, job, **shown)


@click.command()
@click.argument("job_id")
@click.option("--detach", is_flag=True, help="Print the new job and do not wait.")
@with_json
@click.pass_obj
def retry(client: Client, /, job_id: str, **shown: bool) -> None:
    """Run a final job once more, as a new one."""
    _show_submitted(client, client.retry(job_id), **shown)


def show(job: JobObject, *, json_: bool) -> None:
    """Print a job, for people or for machines."""
    if json_:
        as_json(job)
    else:
        show_job(Console(), job)


def _show_submitted(client: Client, job: JobObject, *, detach: bool, json_: bool) -> None:
    if detach:
        show(job, json_=json_ or not Console().is_terminal)
        return
    with waiting_for(job["id"]):
        click.echo(f"Job {plain(job['id'])}", err=True)
        job = watch_job(client, job, Console(stderr=True))
        if job["status"] != "succeeded":
            raise JobFailed(job)
        as_json(client.result(job["id"]))
