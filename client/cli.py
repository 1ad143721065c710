"""The `callboard` command: run, list, watch, retry and cancel jobs from a terminal."""

import sys
from typing import Final, TextIO

import click
from click.core import ParameterSource

from callboard.client.arguments import parse_labels, parse_url, with_json
from callboard.client.batch_command import batch
from callboard.client.client import Client
from callboard.client.dev_command import dev
from callboard.client.errors import JobFailed
from callboard.client.exit_codes import Group, waiting_for
from callboard.client.file_commands import download, upload
from callboard.client.job_output import as_json, show_job, show_jobs, show_line, show_operations
from callboard.client.progress_display import watch as watch_job
from callboard.client.run_commands import retry, run, show
from callboard.client.schedule_output import show_schedules
from callboard.client.terminal import Terminal, tolerate_encodings

DEFAULT_URL: Final = "http://127.0.0.1:8000"
STATUSES: Final = (
    "scheduled",
    "queued",
    "running",
    "cancelling",
    "succeeded",
    "failed",
    "cancelled",
)


def _key_of_environment(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    if context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE:
        raise click.UsageError(
            "Set CALLBOARD_API_KEY instead: all users of this machine can see command lines."
        )
    return value


@click.group(cls=Group, name="callboard")
@click.version_option(
    package_name="callboard", prog_name="callboard", message="%(prog)s %(version)s"
)
@click.option(
    "--url", envvar="CALLBOARD_URL", default=DEFAULT_URL, show_default=True, callback=parse_url
)
@click.option("--api-key", envvar="CALLBOARD_API_KEY", hidden=True, callback=_key_of_environment)
@click.pass_context
def main(context: click.Context, url: str, api_key: str | None) -> None:
    """Run slow functions as jobs on a Callboard server.

    CALLBOARD_URL sets the server's URL if --url is not given; CALLBOARD_API_KEY sets the API key.

    Exit codes: 0 success; 1 the job did not succeed; 2 usage error; 3 the server rejected the
    request; 4 the server did not answer; 130 Ctrl-C, the job continues.
    """
    tolerate_encodings()
    if context.obj is None and context.invoked_subcommand != dev.name:
        on_away = _tell if _is_terminal(sys.stderr) else None
        context.obj = context.with_resource(Client(url, api_key=api_key, on_away=on_away))


for command in (dev, run, retry, batch, upload, download):
    main.add_command(command)


@main.command()
@click.argument("job_id")
@with_json
@click.pass_obj
def status(client: Client, job_id: str, *, json_: bool) -> None:
    """Show a job's current state."""
    show(client.job(job_id), json_=json_)


@main.command()
@click.argument("job_id")
@click.pass_obj
def result(client: Client, job_id: str) -> None:
    """Wait for a job and print its result as JSON."""
    with waiting_for(job_id):
        as_json(client.result(job_id))


@main.command()
@click.argument("job_id")
@with_json
@click.pass_obj
def watch(client: Client, job_id: str, *, json_: bool) -> None:
    """Show a job's progress and log until it ends.

    With --json, print one event per line.
    """
    with waiting_for(job_id):
        if not json_:
            job = watch_job(client, client.job(job_id), Terminal(), lines=True)
        else:
            for event in client.events(job_id):
                as_json({"event": event.kind, "id": event.id, "data": event.data}, lines=True)
            job = client.job(job_id)
    if job["status"] != "succeeded":
        raise JobFailed(job)


@main.command(name="list")
@click.option("--status", type=click.Choice(STATUSES), help="Only jobs with this status.")
@click.option("--operation", metavar="NAME", help="Only jobs of this operation.")
@click.option("--batch", metavar="ID", help="Only jobs of this batch.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--created-after", metavar="TIME", help="For example 2026-11-22T10:00:00Z.")
@click.option("--created-before", metavar="TIME", help="For example 2026-11-22T10:00:00Z.")
@click.option(
    "--most", type=click.IntRange(min=1), default=50, show_default=True, help="Maximum number."
)
@with_json
@click.pass_obj
def list_jobs(
    client: Client, /, *, labels: tuple[str, ...], most: int, json_: bool, **chosen: str | None
) -> None:
    """List jobs, newest first; with --json, one per line."""
    found = client.list(labels=parse_labels(labels), **chosen)
    jobs = (job for job, _number in zip(found, range(most), strict=False))
    if not json_:
        show_jobs(Terminal(), jobs)
        return
    for job in jobs:
        as_json(job, lines=True)


@main.command()
@click.argument("job_id")
@with_json
@click.pass_obj
def log(client: Client, job_id: str, *, json_: bool) -> None:
    """Print a job's log; with --json, each line as an object."""
    console = Terminal()
    for line in client.log(job_id):
        if json_:
            as_json(line, lines=True)
        else:
            show_line(console, line)


@main.command()
@click.argument("job_id")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--force", is_flag=True, help="Kill the function, if it runs in its own process.")
@with_json
@click.pass_obj
def cancel(client: Client, job_id: str, *, yes: bool, force: bool, json_: bool) -> None:
    """Cancel a job; on a terminal, show it and ask for confirmation."""
    if yes or json_ or not (_is_terminal(sys.stdin) and _is_terminal(sys.stderr)):
        show(client.cancel(job_id, force=force), json_=json_)
        return
    asked = client.ask_to_cancel(job_id)
    show_job(Terminal(stderr=True), asked["job"])
    click.confirm("Cancel this job?", abort=True, err=True)
    if force:
        job = client.cancel(job_id, force=True)
    else:
        job = client.confirm_cancel(job_id, asked["confirmation"]["token"])
    show(job, json_=False)


@main.command()
@with_json
@click.pass_obj
def operations(client: Client, *, json_: bool) -> None:
    """List the operations that the server runs."""
    found = client.operations()
    if json_:
        as_json(found)
    else:
        show_operations(Terminal(), found)


@main.command()
@with_json
@click.pass_obj
def schedules(client: Client, *, json_: bool) -> None:
    """List schedules; for operators."""
    found = client.schedules()
    if json_:
        as_json(found)
    else:
        show_schedules(Terminal(), found)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _tell(line: str) -> None:
    # Not by click: a progress bar makes room only for what is written to `sys.stderr`.
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
