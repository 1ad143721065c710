"""`callboardctl web` and `callboardctl worker`: the processes of an installation, from any folder.

They replace this process, so that signals reach gunicorn and dramatiq, which restart by this
command line. Nothing of ours is imported before a command runs: whatever imports ssl has to wait
until gevent has patched it in the processes that serve.
"""

import os
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from argparse import Namespace


@click.command()
@click.option("--host", metavar="ADDRESS", help="Overrides CALLBOARD_HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Overrides CALLBOARD_PORT.")
@click.option(
    "--processes", type=click.IntRange(1, 64), help="Overrides CALLBOARD_WEB_CONCURRENCY."
)
def web(host: str | None, port: int | None, processes: int | None) -> None:
    """Serve HTTP with gunicorn; workers run the jobs.

    SIGTERM drains and stops; SIGHUP replaces the processes without refusing connections.
    GUNICORN_CMD_ARGS passes further options to gunicorn.
    """
    if "ssl" in sys.modules:  # as after `python -m callboard.ops.cli web`
        os.execv(sys.executable, [sys.executable, "-m", "callboard.ops.start", *sys.argv[1:]])  # noqa: S606
    _override(host=host, port=port, web_concurrency=processes)
    from callboard.ops.servers.gunicorn_application import Application, CannotStart  # noqa: PLC0415 — see above

    try:
        Application().run()
    except CannotStart:
        sys.exit(2)


@click.command()
@click.option("--threads", type=click.IntRange(1, 256), help="Overrides CALLBOARD_THREADS.")
@click.option("--queues", metavar="NAMES", help="Overrides CALLBOARD_QUEUES.")
def worker(threads: int | None, queues: str | None) -> None:
    """Run jobs with dramatiq, in one process; start more workers to run more jobs.

    With `--queues interactive,default` it runs only the jobs of these queues.

    SIGTERM lets running jobs finish within CALLBOARD_SHUTDOWN_GRACE and releases the others to
    other workers; SIGHUP does the same and then restarts the worker.
    """
    from callboard.config.load import load_settings_or_exit, refuse_to_start  # noqa: PLC0415 — saved for `web`
    from callboard.ops.open_files import TooFewFiles, allow_files_of_worker  # noqa: PLC0415 — a moment

    _override(queues=queues)
    settings = load_settings_or_exit()
    threads = threads or settings.threads
    try:
        allow_files_of_worker(threads)  # of the process that dramatiq forks, too
    except TooFewFiles as error:
        refuse_to_start(f"{error}.")
    # Dramatiq reads it at import. Prefetched messages are not available to idle workers.
    _override(threads=threads, dramatiq_queue_prefetch=threads)
    from dramatiq.cli import main, make_argument_parser  # noqa: PLC0415

    from callboard.actors.wakeups import queue_name  # noqa: PLC0415

    _fork_from_here()
    consumed = [queue_name(settings.namespace, each) for each in settings.queues]
    sys.exit(main(_arguments(make_argument_parser(), threads, consumed)))


def _fork_from_here() -> None:
    """Have dramatiq fork its process, on any Python: it must be a child of this one.

    Since Python 3.14 a fork server would come between. That one lives as long as its children do,
    so that a worker whose master was killed would never end.
    """
    import multiprocessing  # noqa: PLC0415 — a web process needs none of it

    if multiprocessing.get_all_start_methods()[0] == "forkserver":  # the default is the first
        multiprocessing.set_start_method("fork")


def _arguments(parser: Any, threads: int, queues: list[str]) -> "Namespace":
    arguments: Namespace = parser.parse_args(
        [
            "callboard.ops.worker",
            "--processes=1",  # if one of several died, dramatiq would stop them all
            f"--threads={threads}",
            "--skip-logging",
            *(["--queues", *queues] if queues else []),
            "--path",  # no path, or this folder's modules would precede ours
        ]
    )
    return arguments


def _override(**chosen: object) -> None:
    if any(value is not None for value in chosen.values()):
        from callboard.config.environment import override_environment  # noqa: PLC0415 — see above

        override_environment(**chosen)
