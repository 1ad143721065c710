"""The `callboardctl doctor` command."""

import sys
from contextlib import closing, nullcontext

import click
from rich.console import Console

from callboard.config.connections import connect_redis
from callboard.jobs.store import Store
from callboard.ops.doctor.stuck import MAX_STUCK
from callboard.ops.installation import Refusal, settings_or_refusal

PROBLEMS, BLIND = 1, 2


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended safely, and say what was.")
@click.option("--json", "as_document", is_flag=True, help="Print JSON.")
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=MAX_STUCK,
    show_default=True,
    help="How many entries of each line in Redis, and keys of each kind, are looked at.",
)
@click.option("--management-url", help="RabbitMQ's management plugin, as http://host:15672.")
@click.option(
    "--rabbitmqctl",
    metavar="COMMAND",
    help="Leads to it, as `docker compose exec -T rabbitmq rabbitmqctl`.",
)
def doctor(
    *,
    repair: bool,
    as_document: bool,
    most: int,
    management_url: str | None,
    rabbitmqctl: str | None,
) -> None:
    """Look at servers, settings and jobs; say what is the matter, and what to do.

    Run it with the settings of web and workers. Exits with 0 if there is no problem, 1 if there
    is one, and 2 if it could not look.
    """
    # The other commands need neither RabbitMQ's client nor an HTTP client.
    from callboard.ops.doctor.consumer_timeout import Ways  # noqa: PLC0415
    from callboard.ops.doctor.examination import Examination  # noqa: PLC0415
    from callboard.ops.doctor.showing import as_json, show  # noqa: PLC0415

    settings = settings_or_refusal()
    if settings.embedded:
        raise Refusal(
            "the one-process server keeps nothing to look at: "
            "set CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL"
        )
    ways = Ways(management_url, rabbitmqctl)
    errors = Console(stderr=True)
    waits = errors.status("Looking…") if errors.is_terminal else nullcontext()
    with closing(connect_redis(settings, role="callboardctl")) as client, waits:
        store = Store(client, settings.namespace, testing=settings.testing)
        report = Examination(settings, store, ways, most, repair).run()
    if as_document:
        click.echo(as_json(report.findings))
    else:
        show(Console(highlight=False), report.findings)
    if report.blind:
        sys.exit(BLIND)
    sys.exit(PROBLEMS if any(each.level == "problem" for each in report.findings) else 0)
