"""The commands that submit one job: `run` and `retry`."""

from typing import Any

import click

from callboard.client.answer_types import JobObject
from callboard.client.arguments import parse_labels, parse_named, parse_params, with_json
from callboard.client.client import Client
from callboard.client.errors import JobFailed
from callboard.client.exit_codes import waiting_for
from callboard.client.job_output import as_json, plain, show_job
from callboard.client.progress_display import watch as watch_job
from callboard.client.terminal import Terminal


@click.command()
@click.argument("operation")
@click.argument("named", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--params", default="{}", help="Parameters as JSON, @FILE, or @- for standard input.")
@click.option("--detach", is_flag=True, help="Do not wait; print the job, or in a pipe its id.")
@click.option("--priority", type=click.IntRange(0, 10), help="0 to 10; 10 runs first.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--callback", metavar="URL", help="URL to notify when the job ends.")
@click.option(
    "--after", multiple=True, metavar="JOB_ID", help="Start once this job has ended; repeatable."
)
@click.option(
    "--after-policy",
    type=click.Choice(["succeeded", "finished"]),
    help="Whether the jobs of --after must succeed.",
)
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
    after: tuple[str, ...],
    **more: Any,
) -> None:
    """Submit a job, show its progress, print its result as JSON.

    Parameters are NAME=TEXT, NAME:=JSON or NAME=@FILE. TEXT becomes a number, true and so on
    where the operation expects one. Repeat NAME=TEXT or NAME=@FILE for a list. --params adds more.
    """
    shown = {name: more.pop(name) for name in ("detach", "json_")}
    options = {name: value for name, value in more.items() if value is not None}
    if labels:
        options["labels"] = parse_labels(labels)
    if after:
        options["after"] = list(after)
    given = parse_named(named)
    values = {**parse_params(params), **given.values}
    twice = values.keys() & {*given.fields, *given.files}
    if twice:
        raise click.UsageError(f"{min(twice)!r} is also set in --params.")
    job = client.submit(operation, values, fields=given.fields, files=given.files, **options)
    _show_submitted(client, job, **shown)


@click.command()
@click.argument("job_id")
@click.option("--detach", is_flag=True, help="Do not wait; print the new job, or in a pipe its id.")
@with_json
@click.pass_obj
def retry(client: Client, /, job_id: str, **shown: bool) -> None:
    """Submit a final job again, as a new job."""
    _show_submitted(client, client.retry(job_id), **shown)


def show(job: JobObject, *, json_: bool) -> None:
    """Print a job, as text or as JSON."""
    if json_:
        as_json(job)
    else:
        show_job(Terminal(), job)


def _show_submitted(client: Client, job: JobObject, *, detach: bool, json_: bool) -> None:
    if detach:
        if json_ or Terminal().is_terminal:
            show(job, json_=json_)
        else:
            click.echo(plain(job["id"]))
        return
    with waiting_for(job["id"]):
        click.echo(f"Job {plain(job['id'])}", err=True)
        job = watch_job(client, job, Terminal(stderr=True))
        if job["status"] != "succeeded":
            raise JobFailed(job)
        as_json(client.result(job["id"]))
