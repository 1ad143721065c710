"""The web application, as `callboardctl web` serves it."""

import atexit
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar, cast

import falcon
import gevent
import redis
from gevent.threadpool import ThreadPool
from gunicorn.arbiter import Arbiter

from callboard.actors.container import Container, away_because, build_container
from callboard.api.app import create_app
from callboard.api.request import Request
from callboard.api.services import Services
from callboard.api.waiting.events import Events
from callboard.api.waiting.transfer_limits import TransferLimits
from callboard.config import load_settings_or_exit
from callboard.jobs.connection.redis_client import connect_redis
from callboard.jobs.connection.tls_faults import tls_fault
from callboard.jobs.errors import OperationError, StoreUnfit
from callboard.jobs.offload import Offload, at_once
from callboard.jobs.operation import Check, Operation
from callboard.ops.checking.process import CheckProcess
from callboard.ops.open_files import MAX_CONNECTIONS, allow_many_files, room_for_clients
from callboard.ops.servers.gunicorn_worker import Site
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.log_setup import configure_logging
from callboard.telemetry.logger import get_logger
from callboard.telemetry.traces import Telemetry

T = TypeVar("T")

log = get_logger(__name__)

LOOK_SECONDS: Final = 1.0
"""The interval of checks while Redis is unavailable, in seconds."""

MAX_BLOCKED: Final = 32
"""How many calls to the storage run at a time; each takes a thread."""

MAX_COMPUTED: Final = 2
"""How many large bodies are read at a time; each slows all requests."""

SWITCH_S: Final = 0.001
"""How long a thread may compute before another thread of this process gets its turn."""

MAX_WAITS: Final = 6_000
MAX_STREAMS: Final = 3_000
MAX_DOWNLOADS: Final = 1_000
MAX_UPLOADS: Final = 1_000
"""For one process with 12,000 connections; a twelfth is left for quick requests."""


def create() -> Site:
    """Build the application for a web process; its threads start in the process that serves."""
    settings = load_settings_or_exit()
    configure_logging(settings)
    with _stopping_if_unfit():
        container = build_container(settings, role="web")
        _check_store(container)
    telemetry = Telemetry.of(settings, process="callboard-web")
    if telemetry is not None:
        telemetry.start()
        atexit.register(telemetry.close)
    container.relay.start()
    container.broker_trouble()
    share = room_for_clients(allow_many_files()) / MAX_CONNECTIONS
    events = listen(container, waits=int(MAX_WAITS * share), streams=int(MAX_STREAMS * share))
    transfers = TransferLimits(
        downloads=int(MAX_DOWNLOADS * share), uploads=int(MAX_UPLOADS * share)
    )
    draining = threading.Event()
    check = CheckProcess(settings)
    with _stopping_if_unfit():
        app = application(
            container,
            events,
            telemetry,
            transfers=transfers,
            offload=_in_threads(MAX_BLOCKED),
            compute=_in_threads(MAX_COMPUTED),
            check=check,
            draining=draining,
        )
    give_turns()
    check.start_ahead()
    return Site(
        app,
        draining=draining,
        delay=settings.drain_delay,
        answer_waiting=events.close,
    )


@contextmanager
def _stopping_if_unfit() -> Iterator[None]:
    try:
        yield
    except (OperationError, StoreUnfit) as error:
        sys.stderr.write(f"Callboard cannot start: {error}\n")
        # With any other code, gunicorn would restart the process for ever.
        sys.exit(Arbiter.APP_LOAD_ERROR)


def give_turns() -> None:
    """Keep computing threads and the garbage collector from delaying requests.

    The collector ignores what lives as long as this process. Otherwise it would traverse all of
    that, including operations and their libraries, while a large request is read.
    """
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()


def _check_store(container: Container) -> None:
    """Check Redis, and wait for it if the check is required before accepting requests.

    A process that gave up instead would end the whole server with its other processes.
    """
    while True:
        try:
            container.check_store()
        except redis.RedisError as error:
            if tls_fault(error) is not None:
                raise  # waiting would not help
            log.warning(LogEvent.STORE_AWAITED, reason=away_because(error))
            gevent.sleep(LOOK_SECONDS)
        else:
            return


def _in_threads(most: int) -> Offload:
    """Return a pool of threads that block or compute while other requests proceed.

    They are separate from those of gevent's hub, so that a slow storage does not delay lookups.
    """
    pool = ThreadPool(most)

    def run(call: Callable[[], T], /) -> T:
        done, error = pool.apply(_outcome, (call,))
        if error is not None:
            raise error
        return cast("T", done)

    return run


def _outcome(call: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """Return the result or the exception: the pool would print an exception."""
    try:
        return call(), None
    except Exception as error:  # noqa: BLE001 — it is raised where the call was asked for
        return None, error


def listen(container: Container, *, waits: int, streams: int) -> Events:
    """Create what requests wait on; it connects at the first request.

    Args:
        container: the parts of this process.
        waits: how many requests may wait.
        streams: how many event streams there may be.
    """
    return Events(
        lambda: connect_redis(container.settings, for_subscription=True, role="web"),
        container.store.keys.channel("events"),
        waits=waits,
        streams=streams,
    )


def application(  # noqa: PLR0913 — what a process has of its own, all named
    container: Container,
    events: Events,
    telemetry: Telemetry | None = None,
    *,
    transfers: TransferLimits | None = None,
    offload: Offload = at_once,
    compute: Offload = at_once,
    check: Check = Operation.validated,
    draining: threading.Event | None = None,
) -> falcon.App[Request, falcon.Response]:
    """Build the HTTP application on the parts of a process.

    Args:
        container: the parts.
        events: what requests wait on.
        telemetry: creates spans of requests; None for none.
        transfers: how many files are transferred at a time; None for any number.
        offload: runs blocking calls.
        compute: runs long computations.
        check: validates large parameters.
        draining: set once the process is told to stop; None if it never is.
    """
    settings = container.settings
    services = Services(
        settings=settings,
        store=container.store,
        submissions=container.submissions,
        registry=container.registry,
        events=events,
        broker_trouble=container.broker_trouble,
        storage=container.storage,
        transfers=transfers or TransferLimits(),
        offload=offload,
        compute=compute,
        check=check,
        telemetry=telemetry,
        draining=draining or threading.Event(),
    )
    return create_app(services)
