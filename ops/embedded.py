"""The one-process server: web, worker and housekeeper share a process, with no services."""

import logging
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

import click
import waitress.server
from dramatiq.worker import Worker

from actors.assembly import assemble
from actors.service import Service
from config import Settings
from ops.web import application, listen

WEB_THREADS: Final = 64
STOP_WITHIN_MS: Final = 15_000
BANNER: Final = """\
Callboard at {url}

  Everything runs in this one process, for this machine alone.
  Jobs do not outlive it: for real use set CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL.

  Try   callboard --url {url} operations
  Stop  Ctrl-C
"""


def serve(settings: Settings, *, announce: Callable[[str], None] = click.echo) -> None:
    """Serve until SIGINT or SIGTERM, then stop running jobs and return.

    Raises:
        OperationError: an operation is declared wrongly.
        OSError: the port is taken.
    """
    assembly = assemble(settings)
    service = Service(assembly, supervised=False)
    service.install()
    events = listen(assembly)
    web = waitress.server.create_server(
        application(assembly, events),
        host=settings.host,
        port=settings.port,
        threads=WEB_THREADS,
        clear_untrusted_proxy_headers=False,
        max_request_body_size=settings.max_body_bytes * 2,
        ident=None,
    )
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    worker = Worker(assembly.broker, worker_threads=settings.threads, worker_timeout=100)
    worker.start()
    thread = threading.Thread(target=web.run, name="web", daemon=True)
    thread.start()
    announce(BANNER.format(url=f"http://{settings.host}:{settings.port}"))
    _until_stopped()
    events.close()
    web.close()
    worker.stop(timeout=STOP_WITHIN_MS)
    assembly.close()


def _until_stopped() -> None:
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if stopped.is_set():
            # A second signal means at once.
            sys.exit(1)
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    stopped.wait()
