"""The `callboardctl doctor` command."""

import sys
from contextlib import closing, nullcontext

import click
from rich.console import Console

from callboard.jobs.connection.redis_client import connect_redis
from callboard.jobs.store import Store
from callboard.ops.doctor.checks.records import MAX_STUCK
from callboard.ops.installation import Refusal, settings_or_refusal

PROBLEMS, BLIND = 1, 2


@click.command()
@click.option("--repair", is_flag=True, help="Repair what can be repaired safely, and report it.")
@click.option("--json", "as_document", is_flag=True, help="Print JSON.")
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=MAX_STUCK,
    show_default=True,
    help="How many entries of each Redis collection, and keys of each kind, to check.",
)
@click.option(
    "--management-url", help="URL of RabbitMQ's management plugin, such as http://host:15672."
)
@click.option(
    "--rabbitmqctl",
    metavar="COMMAND",
    help="How to run it, such as `docker compose exec -T rabbitmq rabbitmqctl`.",
)
def doctor(
    *,
    repair: bool,
    as_document: bool,
    most: int,
    management_url: str | None,
    rabbitmqctl: str | None,
) -> None:
    """Check servers, settings and jobs; report problems and how to fix them.

    Run it with the settings of web and workers. Exit codes: 0 no problem, 1 at least one problem,
    2 the check was not possible.
    """
    # The other commands need neither RabbitMQ's client nor an HTTP client.
    from callboard.ops.doctor.checks.consumer_timeout import Ways  # noqa: PLC0415
    from callboard.ops.doctor.output import as_json, show  # noqa: PLC0415
    from callboard.ops.doctor.run_checks import CheckRun  # noqa: PLC0415

    settings = settings_or_refusal()
    if settings.embedded:
        raise Refusal(
            "the one-process server has no servers to check: "
            "set CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL"
        )
    ways = Ways(management_url, rabbitmqctl)
    errors = Console(stderr=True)
    waits = errors.status("Checking…") if errors.is_terminal else nullcontext()
    with closing(connect_redis(settings, role="callboardctl")) as client, waits:
        store = Store(client, settings.namespace, testing=settings.testing)
        report = CheckRun(settings, store, ways, most, repair).run()
    if as_document:
        click.echo(as_json(report.results))
    else:
        show(Console(highlight=False), report.results)
    if report.blind:
        sys.exit(BLIND)
    sys.exit(PROBLEMS if any(each.level == "problem" for each in report.results) else 0)
