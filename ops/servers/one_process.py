"""The one-process server: web, worker and housekeeper share a process, with no services."""

import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import Any, Final

import click
import waitress.server
from dramatiq.worker import Worker

from callboard.actors.container import build_container
from callboard.actors.signals import outlive_timers_and_interrupts
from callboard.actors.webhooks.middleware import dispatch_webhooks
from callboard.actors.worker import WorkerLifecycle
from callboard.api.callbacks.body import CallbackBodies
from callboard.api.waiting.transfer_limits import TransferLimits
from callboard.config import Settings
from callboard.ops.checking.process import CheckProcess
from callboard.ops.open_files import allow_many_files, room_for_clients
from callboard.ops.servers.waitress_channel import answer_with_problems
from callboard.ops.servers.waitress_requests import Limits
from callboard.ops.servers.waitress_stop import end_connections, finish_requests, take_no_more
from callboard.ops.servers.web import application, give_turns, listen
from callboard.ops.submissions import serve_operations
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger
from callboard.telemetry.traces import Telemetry

WEB_THREADS: Final = 80
MAX_WAITS: Final = 32
MAX_STREAMS: Final = 16
MAX_DOWNLOADS: Final = 12
"""Each takes a thread; a quarter of all threads is left for quick requests."""

_CONNECTIONS: Final = 500
_UNSENT_BYTES: Final = 256 * 1024
_HEADER_BYTES: Final = 64 * 1024
_IDLE_S: Final = 60
FINISH_WITHIN: Final = timedelta(seconds=10)
STOP_WITHIN_MS: Final = 15_000
BANNER: Final = """\
Callboard at {url}

  Everything runs in this one process, for this machine alone.
  Jobs do not outlive it: for real use set CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL.

  Docs  {url}/docs
  Try   callboard --url {url} operations
  Stop  Ctrl-C
"""

log = get_logger(__name__)


def serve(
    settings: Settings,
    *,
    listening: socket.socket | None = None,
    announce: Callable[[str], None] = click.echo,
) -> None:
    """Serve until SIGINT or SIGTERM, then stop running jobs and return.

    Args:
        settings: of this server.
        listening: a socket that is already bound to the settings' port.
        announce: called with the address once it serves.

    Raises:
        OperationError: an operation is declared wrongly.
        OSError: the port is taken, or too few files may be open.
    """
    clients = min(_CONNECTIONS, room_for_clients(allow_many_files()))
    container = build_container(settings)
    give_turns()
    telemetry = Telemetry.of(settings, process="callboard")
    lifecycle = WorkerLifecycle(
        container,
        supervised=False,
        telemetry=telemetry,
        owns_process=True,
    )
    lifecycle.install()
    dispatch_webhooks(container, CallbackBodies.of(container.store, settings, container.storage))
    events = listen(container, waits=MAX_WAITS, streams=MAX_STREAMS)
    serve_operations(container)
    draining = threading.Event()
    checks = CheckProcess(settings)
    web = waitress.server.create_server(
        application(
            container,
            events,
            telemetry,
            # A thread takes an upload once all of it has arrived.
            transfers=TransferLimits(downloads=MAX_DOWNLOADS),
            check=checks,
            draining=draining,
        ),
        **_place(settings, listening),
        threads=WEB_THREADS,
        clear_untrusted_proxy_headers=False,
        max_request_body_size=_largest_body(settings),
        outbuf_high_watermark=_UNSENT_BYTES,
        connection_limit=clients,
        asyncore_use_poll=True,
        max_request_header_size=_HEADER_BYTES,
        channel_timeout=_IDLE_S,
        channel_request_lookahead=1,  # or it would not notice that a client disconnects
        ident=None,
    )
    answer_with_problems(web, _limits(settings))
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    worker = Worker(container.broker, worker_threads=settings.threads, worker_timeout=100)
    worker.start()
    thread = _running(web)
    announce(BANNER.format(url=f"http://{settings.host}:{settings.port}"))
    checks.start_ahead()
    _until_stopped()
    draining.set()
    # Before any waiting request is answered, or its connection would stay open.
    take_no_more(web)
    events.close()
    if not finish_requests(web, within=FINISH_WITHIN):
        log.warning(LogEvent.REQUESTS_ABORTED)
    end_connections(web, thread)
    checks.close()
    worker.stop(timeout=STOP_WITHIN_MS)
    container.close()


def _running(web: Any) -> threading.Thread:
    thread = threading.Thread(target=web.run, name="web", daemon=True)
    thread.start()
    return thread


def _place(settings: Settings, listening: socket.socket | None) -> dict[str, Any]:
    if listening is not None:
        return {"sockets": [listening]}
    return {"host": settings.host, "port": settings.port}


def _largest_body(settings: Settings) -> int:
    """Return the size of bodies that this server refuses; below it each route has a bound."""
    twice = settings.max_body_bytes * 2
    return max(twice + settings.max_file_bytes, settings.max_batch_bytes + 1)


def _limits(settings: Settings) -> Limits:
    """Return how much of bodies all connections may hold together."""
    largest = max(settings.max_body_bytes, settings.max_batch_bytes)
    return Limits(
        body_bytes=largest,
        held_bytes=4 * largest,
        held_file_bytes=2 * _largest_body(settings),
    )


def _until_stopped() -> None:
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if stopped.is_set():
            # A second signal means at once.
            sys.exit(1)
        stopped.set()

    outlive_timers_and_interrupts()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    stopped.wait()
