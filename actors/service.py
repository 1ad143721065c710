"""What a worker process does besides running functions."""

import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import redis
import structlog
from dramatiq import Broker, Middleware
from dramatiq.results import Results

from actors.actor import actor_of
from actors.assembly import Assembly
from actors.cancels import Cancels
from actors.claiming import Claiming
from actors.hail import Hail
from actors.housekeeping import Housekeeper
from actors.loop import Loop
from actors.recorder import Recorder
from actors.results import JobResults
from actors.runs import Runs
from actors.signals import merge_repeated_sigterm
from actors.ticking import Ticking
from actors.workshop import Workshop
from config.connections import connect_redis
from config.telemetry import Telemetry
from jobs.errors import Cancelled, LeaseLost, ShutDown, StoreUnfit
from jobs.progress import LogBounds
from jobs.renew import renew

if TYPE_CHECKING:
    from actors.spans import RunSpans

HELLO_SECONDS: Final = 5.0
WATCH_SECONDS: Final = 0.1
LAST_TRIES_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)


class Service(Middleware):
    """Starts and stops with the worker: heartbeat, watch, cancels, hello, housekeeping.

    Nothing here connects before the worker boots, so a process may fork until then.

    Args:
        supervised: a `dramatiq` master started this process; without it the worker must stop.
        telemetry: makes a span of each run; None for none.
    """

    def __init__(
        self, assembly: Assembly, *, supervised: bool, telemetry: Telemetry | None = None
    ) -> None:
        settings = assembly.settings
        self._assembly = assembly
        self._store = assembly.store
        self._lease = settings.lease
        self._grace = settings.shutdown_grace.total_seconds()
        self._name = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        self._supervised = supervised
        self._telemetry = telemetry
        self._parent = os.getppid()
        self.runs: Final = Runs()
        self._hail = Hail(assembly, self._name, self.runs)
        self._stopping = threading.Event()
        self._ending = threading.Event()
        self._timers: list[threading.Timer] = []
        self._recorder = Recorder(
            self._store,
            worker=self._name,
            lease=self._lease,
            bounds=LogBounds(settings.max_log_lines, settings.max_log_bytes),
            ending=self._ending,
        )
        beat = self._lease.total_seconds() / 3
        self._heartbeat = Loop("heartbeat", self.beat, interval=beat)
        self._watch = Loop("watch", self.watch, interval=WATCH_SECONDS)
        self._hello = Loop("hello", self.hello, interval=HELLO_SECONDS)
        self._cancels = Cancels(
            connect_redis(settings, for_subscription=True),
            self._store.keys.channel("cancels"),
            on_cancel=self.cancel,
            on_return=self._heartbeat.hurry,
        )
        self._housekeeper = Housekeeper(
            self._store,
            assembly.publisher,
            name=self._name,
            lease=self._lease,
            storage=assembly.storage,
            ticking=Ticking(self._store, assembly.intake, namespace=settings.namespace),
            callback_retries=settings.callback_retries,
        )

    def install(self) -> None:
        """Put the middleware in order and make each operation an actor of the broker."""
        assembly = self._assembly
        broker = assembly.broker
        places = {slot: n for slot, n in assembly.limits.items() if n is not None}
        claiming = Claiming(
            store=self._store,
            registry=assembly.registry,
            recorder=self._recorder,
            runs=self.runs,
            worker=self._name,
            lease=self._lease,
            limits=places,
            stopping=self._stopping,
            spans=self._spans(),
        )
        broker.add_middleware(self)
        broker.add_middleware(claiming)
        # Last in the list is first after a function: results are recorded before failures.
        backend = JobResults(self._store, assembly.storage, self._recorder, self.runs)
        broker.add_middleware(Results(backend=backend, store_results=True))
        workshop = Workshop(assembly.settings, self._store, assembly.storage, self._recorder)
        for operation in assembly.registry:
            broker.declare_actor(actor_of(operation, assembly, self.runs, workshop))

    def after_process_boot(self, broker: Broker) -> None:  # noqa: ARG002
        """Check Redis before anything is claimed, in the process that a `dramatiq` master forked.

        Raises:
            SystemExit: strict durability cannot be had, or not be checked.
        """
        merge_repeated_sigterm()
        try:
            self._assembly.check_store()
        except (StoreUnfit, redis.RedisError) as error:
            log.critical("worker_refused", reason=str(error))
            raise SystemExit(2) from error

    def after_worker_boot(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Start everything; Redis and RabbitMQ may come later."""
        self._parent = os.getppid()
        if self._telemetry is not None:
            self._telemetry.start()
        self._assembly.relay.start()
        for part in (self._heartbeat, self._watch, self._hello, self._cancels, self._housekeeper):
            part.start()

    def before_worker_shutdown(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Claim nothing more, and release what still runs once the grace is over."""
        log.info("worker_stopping", running=len(self.runs))
        self._stopping.set()
        self._after(self._grace, self._release_all)
        self._after(self._grace + LAST_TRIES_SECONDS, self._ending.set)
        # It may wait for Redis, and the grace must not.
        self._housekeeper.close()

    def after_worker_shutdown(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Stop the rest, now that no function runs."""
        self._ending.set()
        for timer in self._timers:
            timer.cancel()
        for part in (self._heartbeat, self._watch, self._hello, self._cancels):
            part.close()
        self._assembly.relay.close()
        if self._telemetry is not None:
            self._telemetry.close()
        log.info("worker_stopped")

    def beat(self) -> None:
        """Renew the leases of all runs in one call, and stop those that are to stop.

        Raises:
            StoreUnavailable: Redis does not answer; the runs go on.
        """
        runs = {run.fence.job_id: run for run in self.runs}
        if not runs:
            return
        words = renew(self._store, [run.fence for run in runs.values()], lease=self._lease)
        for job_id, word in words.items():
            if word == "cancel":
                runs[job_id].stop(Cancelled("The job was cancelled."))
            elif word == "lost" and self.runs.find(job_id) is runs[job_id]:
                runs[job_id].stop(LeaseLost("The lease ran out; another worker may run the job."))

    def watch(self) -> None:
        """Stop what runs too long, and pass on what functions report."""
        for run in self.runs:
            run.stop_when_late()
            if run.dirty and run.reports_now():
                self._recorder.report(run)

    def cancel(self, job_id: str) -> None:
        """Stop a job's run, if it is here."""
        run = self.runs.find(job_id)
        if run is not None:
            run.stop(Cancelled("The job was cancelled."))

    def hello(self) -> None:
        """Say what this worker is and runs, and stop where its master was killed.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        if (
            self._supervised
            and os.getppid() != self._parent
            and not self._stopping.is_set()  # a second signal would end it at once
        ):
            # The `dramatiq` master was killed, and nobody would ever stop this process.
            log.error("worker_orphaned")
            os.kill(os.getpid(), signal.SIGTERM)
        self._hail.say()

    def _spans(self) -> "RunSpans | None":
        if self._telemetry is None:
            return None
        from actors.spans import RunSpans  # noqa: PLC0415 — an extra that may be missing

        settings = self._assembly.settings
        system = "callboard" if settings.embedded else "rabbitmq"
        return RunSpans(self._telemetry, system=system, namespace=settings.namespace)

    def _release_all(self) -> None:
        for run in self.runs:
            run.stop(ShutDown("The worker stops."))

    def _after(self, seconds: float, call: Callable[[], object]) -> None:
        timer = threading.Timer(seconds, call)
        timer.daemon = True
        timer.start()
        self._timers.append(timer)
