"""The `callboard` command: run, watch and cancel jobs from a terminal."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from callboard.client import Client, JobObject
from callboard.errors import CallboardClientError

DEFAULT_URL = "http://127.0.0.1:8000"


@click.group()
@click.option("--url", envvar="CALLBOARD_URL", default=DEFAULT_URL, show_default=True)
@click.option("--api-key", envvar="CALLBOARD_API_KEY", help="The key that the server asks for.")
@click.pass_context
def main(context: click.Context, url: str, api_key: str | None) -> None:
    """Run slow functions as jobs on a Callboard server."""
    context.obj = context.with_resource(Client(url, api_key=api_key))


@main.command()
@click.argument("operation")
@click.option(
    "--params", default="{}", help="Parameters as JSON, or @FILE with them, or @- for stdin."
)
@click.option("--detach", is_flag=True, help="Print the job and do not wait for it.")
@click.option("--priority", type=click.IntRange(0, 10), help="10 is first.")
@click.pass_obj
def run(client: Client, operation: str, params: str, *, detach: bool, priority: int | None) -> None:
    """Submit a job, show its progress, print its result as JSON."""
    options: dict[str, Any] = {} if priority is None else {"priority": priority}
    with _explained():
        job = client.submit(operation, _params(params), **options)
        if detach:
            _print(job)
            return
        job = _watch(client, job)
        if job["status"] != "succeeded":
            error = job.get("error") or {}
            click.echo(f"{job['status']}: {error.get('detail', 'no reason given')}", err=True)
            sys.exit(1)
        _print(client.result(job["id"]))


@main.command()
@click.argument("job_id")
@click.pass_obj
def status(client: Client, job_id: str) -> None:
    """Print a job as it is now."""
    with _explained():
        _print(client.job(job_id))


@main.command()
@click.argument("job_id")
@click.pass_obj
def result(client: Client, job_id: str) -> None:
    """Wait for a job and print its result."""
    with _explained():
        _print(client.result(job_id))


@main.command()
@click.argument("job_id")
@click.pass_obj
def cancel(client: Client, job_id: str) -> None:
    """Cancel a job."""
    with _explained():
        _print(client.cancel(job_id))


@main.command()
@click.pass_obj
def operations(client: Client) -> None:
    """List what can be run."""
    with _explained():
        for operation in client.operations():
            summary = (operation.get("description") or "").partition("\n")[0]
            click.echo(f"{operation['name']:<28} {summary}")


class _explained:  # noqa: N801 — reads as a phrase: with _explained()
    """Turn what the client raises into one line and exit code 1."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CallboardClientError | TimeoutError):
            click.echo(f"callboard: {error}", err=True)
            sys.exit(1)


def _watch(client: Client, job: JobObject) -> JobObject:
    columns = (
        TextColumn("[bold]{task.fields[operation]}"),
        BarColumn(bar_width=28),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[step]}"),
    )
    # Progress goes to stderr, so that stdout is the result alone.
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=100, operation=job["operation"], step=job["status"])
        for job in client.follow(job["id"]):  # noqa: B020, PLR1704 — the newest is the job
            shown = job["progress"] or {}
            progress.update(
                bar, completed=shown.get("percent") or 0, step=_step(job["status"], shown)
            )
    return job


def _step(state: str, progress: Mapping[str, Any]) -> str:
    return (progress.get("step") or state) if state == "running" else state


def _params(text: str) -> dict[str, Any]:
    if text == "@-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except OSError as error:
            raise click.BadParameter(str(error), param_hint="--params") from error
    try:
        params = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--params") from error
    if not isinstance(params, dict):
        raise click.BadParameter("must be a JSON object", param_hint="--params")
    return params


def _print(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
