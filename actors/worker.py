"""A worker's life: what starts and stops with it, besides the threads that run functions."""
# long: the one place that starts and stops the parts of a worker

import secrets
import socket
from typing import TYPE_CHECKING, Any, Final

import redis
from dramatiq import Broker, Middleware
from dramatiq.results import Results

from callboard.actors.broker.work_queue import WorkQueue
from callboard.actors.cancel_listener import CancelListener
from callboard.actors.claiming import Claiming
from callboard.actors.container import Container, away_because
from callboard.actors.execution.execute import Executor, actor_of
from callboard.actors.execution.outcome_recorder import OutcomeRecorder
from callboard.actors.execution.results_backend import ResultsBackend
from callboard.actors.isolation.child_pool import ChildPool
from callboard.actors.lease_renewal import LeaseRenewal
from callboard.actors.maintenance.housekeeper import Housekeeper
from callboard.actors.maintenance.scheduler import Scheduler
from callboard.actors.periodic_thread import PeriodicThread
from callboard.actors.process_state.restorer import ProcessStateRestorer
from callboard.actors.runs import Runs
from callboard.actors.shutdown import WorkerShutdown
from callboard.actors.signals import (
    free_forks,
    merge_repeated_sigterm,
    outlive_timers_and_interrupts,
)
from callboard.actors.watchdog.parent_watch import ParentWatch
from callboard.actors.watchdog.thread_watch import Watchdog
from callboard.actors.worker_heartbeat import WorkerHeartbeat
from callboard.jobs.connection.redis_client import connect_redis
from callboard.jobs.errors import Cancelled, StoreUnfit
from callboard.jobs.progress import LogBounds
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger
from callboard.telemetry.traces import Telemetry

if TYPE_CHECKING:
    from callboard.actors.spans import RunSpans

WORKER_HEARTBEAT_SECONDS: Final = 5.0
WATCH_SECONDS: Final = 0.1
WATCHDOG_SECONDS: Final = 1.0

log = get_logger(__name__)


class WorkerLifecycle(Middleware):
    """Starts and stops with the worker: heartbeat, watch, cancels, worker heartbeat, housekeeping.

    Nothing here connects before the worker boots, so a process may fork until then.

    Args:
        supervised: a `dramatiq` master started this process; without it the worker must stop.
        telemetry: makes a span of each run; None for none.
        owns_process: nothing else changes this process, so what functions change is put back.
    """

    def __init__(
        self,
        container: Container,
        *,
        supervised: bool,
        telemetry: Telemetry | None = None,
        owns_process: bool = False,
    ) -> None:
        settings = container.settings
        self._container = container
        self._store = container.store
        self._lease = settings.lease
        self._name = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        self._telemetry = telemetry
        self.runs: Final = Runs()
        self._children = ChildPool.of(container.registry, settings)
        self._stopping = WorkerShutdown(
            self._store, self.runs, grace=settings.shutdown_grace, is_own=supervised
        )
        # No shorter than a lease: no lease expires before that.
        gap = max(settings.stuck_after, self._lease)
        stopping = self._stopping
        self._parent_watch = (
            ParentWatch(stopping.begun, give_up=stopping.give_up, max_silence=gap)
            if supervised
            else None
        )
        drain = self._parent_watch.drain if self._parent_watch is not None else None
        self._watchdog = Watchdog(self.runs, stuck_after=settings.stuck_after, drain=drain)
        self._restorer = ProcessStateRestorer(self.runs, replace=drain, owns_process=owns_process)
        self.worker_heartbeat: Final = WorkerHeartbeat(
            container, self._name, self.runs, self._watchdog
        )
        self._recorder = OutcomeRecorder(
            self._store,
            worker=self._name,
            lease=self._lease,
            bounds=LogBounds(settings.max_log_lines, settings.max_log_bytes),
            ending=self._stopping.ending,
        )
        self._heartbeat = PeriodicThread(
            "heartbeat",
            LeaseRenewal(self._store, self.runs, lease=self._lease).renew,
            interval=self._lease.total_seconds() / 3,
        )
        self._watch = PeriodicThread("watch", self.watch, interval=WATCH_SECONDS)
        self._worker_heartbeats = PeriodicThread(
            "worker-heartbeat", self.worker_heartbeat.send, interval=WORKER_HEARTBEAT_SECONDS
        )
        self._guarding = PeriodicThread("watchdog", self.look_after, interval=WATCHDOG_SECONDS)
        self._cancels = CancelListener(
            connect_redis(settings, for_subscription=True, role="worker"),
            self._store.keys.channel("cancels"),
            on_cancel=self.cancel,
            on_return=self._heartbeat.hurry,
        )
        self._housekeeper = Housekeeper(
            self._store,
            container.publisher,
            name=self._name,
            lease=self._lease,
            storage=container.storage,
            scheduler=Scheduler(self._store, container.submissions, namespace=settings.namespace),
            put_back=container.publisher.put_back,
            callback_retries=settings.callback_retries,
        )

    def install(self) -> None:
        """Put the middleware in order and make each operation an actor of the broker."""
        container = self._container
        broker = container.broker
        claiming = Claiming(
            store=self._store,
            registry=container.registry,
            recorder=self._recorder,
            runs=self.runs,
            worker=self._name,
            lease=self._lease,
            limits={slot: n for slot, n in container.limits.items() if n is not None},
            stopping=self._stopping.begun,
            spans=self._spans(),
            shows_tracebacks=container.settings.shows_tracebacks,
        )
        broker.add_middleware(self)
        broker.add_middleware(claiming)
        # Last in the list is first after a function: results are recorded before failures.
        backend = ResultsBackend(self._store, container.storage, self._recorder)
        broker.add_middleware(Results(backend=backend, store_results=True))
        self._executor = Executor(
            container.settings,
            self._store,
            container.storage,
            self._recorder,
            children=self._children,
        )
        for operation in container.registry:
            queue = container.publisher.queue(operation.rules.queue)
            broker.declare_actor(actor_of(operation, broker, queue, self._executor, self._restorer))

    def after_process_boot(self, broker: Broker) -> None:  # noqa: ARG002
        """Check Redis before anything is claimed, in the process that a `dramatiq` master forked.

        Raises:
            SystemExit: strict durability cannot be had or checked, or there is no such database.
        """
        merge_repeated_sigterm()
        outlive_timers_and_interrupts()
        try:
            self._container.check_store()
        except (StoreUnfit, redis.RedisError) as error:
            log.critical(LogEvent.WORKER_START_REFUSED, reason=away_because(error))
            raise SystemExit(2) from error

    def before_worker_boot(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Let what is fetched of all queues be worked off by rank."""
        worker.work_queue = WorkQueue()

    def after_worker_boot(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Start everything; Redis and RabbitMQ may come later."""
        free_forks()
        self._restorer.start()
        if self._parent_watch is not None:
            self._parent_watch.start()
        if self._telemetry is not None:
            self._telemetry.start()
        self._container.relay.start()
        self._children.start()
        self._watchdog.watch(worker.workers)
        self.worker_heartbeat.listen_to(worker.consumer_whitelist)
        for loop in self._loops():
            loop.start()
        self._cancels.start()
        self._housekeeper.start()

    def before_worker_shutdown(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Claim nothing more, and release what still runs once the grace is over."""
        log.info(LogEvent.WORKER_STOPPING, running=len(self.runs))
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
        self.worker_heartbeat.end()
        self._cancels.close()
        self._executor.close()
        self._container.relay.close()
        if self._telemetry is not None:
            self._telemetry.close()
        log.info(LogEvent.WORKER_STOPPED)
        self._stopping.exit()

    def watch(self) -> None:
        """Stop what runs too long, and pass on what functions report."""
        for run in self.runs:
            run.stop_when_late()
            if run.dirty and run.reports_now():
                self._recorder.report(run)
        self._restorer.look()

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
        """Report threads that hang, and stop if all of them or the master are lost."""
        self._watchdog.look()
        if self._parent_watch is not None:
            self._parent_watch.look()

    def _spans(self) -> "RunSpans | None":
        if self._telemetry is None:
            return None
        from callboard.actors.spans import RunSpans  # noqa: PLC0415 — an extra that may be missing

        settings = self._container.settings
        system = "callboard" if settings.embedded else "rabbitmq"
        return RunSpans(self._telemetry, system=system, namespace=settings.namespace)

    def _loops(self) -> tuple[PeriodicThread, ...]:
        return (self._heartbeat, self._watch, self._worker_heartbeats, self._guarding)
