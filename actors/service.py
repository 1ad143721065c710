"""What a worker process does besides running functions."""
# long: the one place that starts and stops the parts of a worker

import secrets
import socket
from typing import TYPE_CHECKING, Any, Final

import redis
from dramatiq import Broker, Middleware
from dramatiq.results import Results

from callboard.actors.actor import actor_of
from callboard.actors.assembly import Assembly, away_because
from callboard.actors.broker.work_queue import WorkQueue
from callboard.actors.cancels import Cancels
from callboard.actors.claiming import Claiming
from callboard.actors.hail import Hail
from callboard.actors.housekeeping import Housekeeper
from callboard.actors.isolation.child_pool import ChildPool
from callboard.actors.loop import Loop
from callboard.actors.recorder import Recorder
from callboard.actors.results import JobResults
from callboard.actors.runs import Runs
from callboard.actors.signals import (
    free_forks,
    merge_repeated_sigterm,
    outlive_timers_and_interrupts,
)
from callboard.actors.stopping import Stopping
from callboard.actors.supervision import Supervision
from callboard.actors.ticking import Ticking
from callboard.actors.upkeep.upkeep import Upkeep
from callboard.actors.watchdog import Watchdog
from callboard.actors.workshop import Workshop
from callboard.config.connections import connect_redis
from callboard.config.lines import get_logger
from callboard.config.telemetry import Telemetry
from callboard.jobs.errors import Cancelled, LeaseLost, StoreUnfit
from callboard.jobs.progress import LogBounds
from callboard.jobs.renew import renew

if TYPE_CHECKING:
    from callboard.actors.spans import RunSpans

HELLO_SECONDS: Final = 5.0
WATCH_SECONDS: Final = 0.1
WATCHDOG_SECONDS: Final = 1.0

log = get_logger(__name__)


class Service(Middleware):
    """Starts and stops with the worker: heartbeat, watch, cancels, hello, housekeeping.

    Nothing here connects before the worker boots, so a process may fork until then.

    Args:
        supervised: a `dramatiq` master started this process; without it the worker must stop.
        telemetry: makes a span of each run; None for none.
        owns_process: nobody else changes this process, so what functions change is put back.
    """

    def __init__(
        self,
        assembly: Assembly,
        *,
        supervised: bool,
        telemetry: Telemetry | None = None,
        owns_process: bool = False,
    ) -> None:
        settings = assembly.settings
        self._assembly = assembly
        self._store = assembly.store
        self._lease = settings.lease
        self._name = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        self._telemetry = telemetry
        self.runs: Final = Runs()
        self._children = ChildPool.of(assembly.registry, settings)
        self._stopping = Stopping(
            self._store, self.runs, grace=settings.shutdown_grace, is_own=supervised
        )
        # No shorter than a lease: before that nobody has lost anything.
        gap = max(settings.stuck_after, self._lease)
        self._supervision = Supervision(self._stopping, longest_silence=gap) if supervised else None
        drain = self._supervision.drain if self._supervision is not None else None
        self._watchdog = Watchdog(self.runs, stuck_after=settings.stuck_after, drain=drain)
        self._upkeep = Upkeep(self.runs, replace=drain, owns_process=owns_process)
        self.hail: Final = Hail(assembly, self._name, self.runs, self._watchdog)
        self._recorder = Recorder(
            self._store,
            worker=self._name,
            lease=self._lease,
            bounds=LogBounds(settings.max_log_lines, settings.max_log_bytes),
            ending=self._stopping.ending,
        )
        self._heartbeat = Loop("heartbeat", self.beat, interval=self._lease.total_seconds() / 3)
        self._watch = Loop("watch", self.watch, interval=WATCH_SECONDS)
        self._hello = Loop("hello", self.hail.say, interval=HELLO_SECONDS)
        self._guarding = Loop("watchdog", self.look_after, interval=WATCHDOG_SECONDS)
        self._cancels = Cancels(
            connect_redis(settings, for_subscription=True, role="worker"),
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
            put_back=assembly.publisher.put_back,
            callback_retries=settings.callback_retries,
        )

    def install(self) -> None:
        """Put the middleware in order and make each operation an actor of the broker."""
        assembly = self._assembly
        broker = assembly.broker
        claiming = Claiming(
            store=self._store,
            registry=assembly.registry,
            recorder=self._recorder,
            runs=self.runs,
            worker=self._name,
            lease=self._lease,
            limits={slot: n for slot, n in assembly.limits.items() if n is not None},
            stopping=self._stopping.begun,
            spans=self._spans(),
            shows_tracebacks=assembly.settings.shows_tracebacks,
        )
        broker.add_middleware(self)
        broker.add_middleware(claiming)
        # Last in the list is first after a function: results are recorded before failures.
        backend = JobResults(self._store, assembly.storage, self._recorder, self.runs)
        broker.add_middleware(Results(backend=backend, store_results=True))
        self._workshop = Workshop(
            assembly.settings,
            self._store,
            assembly.storage,
            self._recorder,
            children=self._children,
        )
        for operation in assembly.registry:
            broker.declare_actor(
                actor_of(operation, assembly, self.runs, self._workshop, self._upkeep)
            )

    def after_process_boot(self, broker: Broker) -> None:  # noqa: ARG002
        """Check Redis before anything is claimed, in the process that a `dramatiq` master forked.

        Raises:
            SystemExit: strict durability cannot be had or checked, or there is no such database.
        """
        merge_repeated_sigterm()
        outlive_timers_and_interrupts()
        try:
            self._assembly.check_store()
        except (StoreUnfit, redis.RedisError) as error:
            log.critical("worker_refused", reason=away_because(error))
            raise SystemExit(2) from error

    def before_worker_boot(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Let what is fetched of all queues be worked off by rank."""
        worker.work_queue = WorkQueue()

    def after_worker_boot(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Start everything; Redis and RabbitMQ may come later."""
        free_forks()
        self._upkeep.start()
        if self._supervision is not None:
            self._supervision.start()
        if self._telemetry is not None:
            self._telemetry.start()
        self._assembly.relay.start()
        self._children.start()
        self._watchdog.watch(worker.workers)
        self.hail.listen_to(worker.consumer_whitelist)
        for loop in self._loops():
            loop.start()
        self._cancels.start()
        self._housekeeper.start()

    def before_worker_shutdown(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Claim nothing more, and release what still runs once the grace is over."""
        log.info("worker_stopping", running=len(self.runs))
        self._watchdog.release()
        self._stopping.begin()
        # It may wait for Redis, and the grace must not.
        self._housekeeper.close()

    def after_worker_shutdown(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Stop the rest, now that no function runs.

        Raises:
            SystemExit: the worker gave itself up.
        """
        self._stopping.close()
        for loop in self._loops():
            loop.close()
        self.hail.part()
        self._cancels.close()
        self._workshop.close()
        self._assembly.relay.close()
        if self._telemetry is not None:
            self._telemetry.close()
        log.info("worker_stopped")
        self._stopping.exit()

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
            if word in ("cancel", "force"):
                runs[job_id].stop(Cancelled("The job was cancelled."), force=word == "force")
            elif word == "lost" and self.runs.find(job_id) is runs[job_id]:
                runs[job_id].stop(LeaseLost("The lease ran out; another worker may run the job."))

    def watch(self) -> None:
        """Stop what runs too long, and pass on what functions report."""
        for run in self.runs:
            run.stop_when_late()
            if run.dirty and run.reports_now():
                self._recorder.report(run)
        self._upkeep.look()

    def cancel(self, told: str) -> None:
        """Stop a job's run, if it is here.

        Args:
            told: the job's id, and `force` after it where the run is not to be given any time.
        """
        job_id, _, how = told.partition(" ")
        run = self.runs.find(job_id)
        if run is not None:
            run.stop(Cancelled("The job was cancelled."), force=how == "force")

    def look_after(self) -> None:
        """Say what is wrong with the threads, and stop where all of them or the master are lost."""
        self._watchdog.look()
        if self._supervision is not None:
            self._supervision.look()

    def _spans(self) -> "RunSpans | None":
        if self._telemetry is None:
            return None
        from callboard.actors.spans import RunSpans  # noqa: PLC0415 — an extra that may be missing

        settings = self._assembly.settings
        system = "callboard" if settings.embedded else "rabbitmq"
        return RunSpans(self._telemetry, system=system, namespace=settings.namespace)

    def _loops(self) -> tuple[Loop, ...]:
        return (self._heartbeat, self._watch, self._hello, self._guarding)
