"""Build what a process needs from its settings, and connect to nothing yet."""

from collections.abc import Callable
from dataclasses import dataclass, field

import redis
from dramatiq import Actor

from callboard.actors.broker import EmbeddedBroker, RabbitmqBroker
from callboard.actors.claiming import stand_in
from callboard.actors.encoding import install_encoding
from callboard.actors.publisher import RabbitmqPublisher
from callboard.actors.wakeups import BrokerPublisher, queue_name
from callboard.config import Settings
from callboard.jobs.connection.process_name import ProcessName
from callboard.jobs.connection.redis_client import connect_redis
from callboard.jobs.connection.tls_faults import tls_fault
from callboard.jobs.errors import StoreUnfit
from callboard.jobs.fault_points import FaultPoints
from callboard.jobs.files.storage import Storage
from callboard.jobs.outages import NO_DATABASE, outage_of
from callboard.jobs.redis_checks import check_redis
from callboard.jobs.redis_permissions import refusals
from callboard.jobs.registry import Registry, discover
from callboard.jobs.relay import Relay
from callboard.jobs.schedules.file import read_schedules
from callboard.jobs.schedules.schedule import Schedule
from callboard.jobs.store import Store
from callboard.jobs.submission_service import SubmissionService
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

log = get_logger(__name__)


@dataclass(frozen=True)
class Container:
    """The parts of one process, wired.

    Attributes:
        schedules: those of the schedule file, by name; None if no file is set.
        at_close: called when the parts are closed.
    """

    settings: Settings
    registry: Registry
    limits: dict[str, int | None]
    store: Store
    broker: RabbitmqBroker | EmbeddedBroker
    publisher: BrokerPublisher
    relay: Relay
    submissions: SubmissionService
    storage: Storage
    schedules: dict[str, Schedule] | None = None
    at_close: list[Callable[[], None]] = field(default_factory=list)

    def has_worker(self) -> bool:
        """Return whether jobs are run: by workers elsewhere, or by one in this process."""
        return not isinstance(self.broker, EmbeddedBroker) or self.broker.is_consumed

    def check_store(self) -> None:
        """Check Redis's configuration, and log an error for each fault that can lose jobs.

        While Redis is unavailable, only strict durability prevents the start.

        Raises:
            StoreUnfit: strict durability cannot be had, or there is no such database.
            redis.RedisError: strict durability cannot be checked.
        """
        strict = self.settings.durability == "strict"
        if self.settings.embedded:
            return
        try:
            for refusal in refusals(self.store):
                log.error(LogEvent.STORE_REFUSED, reason=str(refusal))
            checked = check_redis(self.store.redis, strict=strict)
        except redis.RedisError as error:
            if outage_of(error) == NO_DATABASE:
                raise StoreUnfit(f"Redis {NO_DATABASE}.") from error
            if strict:
                raise
            log.warning(LogEvent.STORE_CHECK_FAILED, reason=away_because(error))
            return
        for complaint in checked.complaints:
            log.error(LogEvent.STORE_MISCONFIGURED, reason=complaint)
        self.store.durable_by = checked.durable_by

    def broker_trouble(self) -> str | None:
        """Return what prevents publishing now, in a sentence; None if nothing does.

        Starts to connect if that has not happened yet.
        """
        if isinstance(self.broker, EmbeddedBroker):
            return None
        trouble = self.broker.publisher.trouble()
        return None if trouble is None else f"RabbitMQ {trouble}."

    def close(self) -> None:
        """Publish outstanding messages, and close."""
        while self.at_close:
            self.at_close.pop()()
        self.relay.close()
        self.broker.close()
        self.storage.close()


def build_container(settings: Settings, *, role: str = "program") -> Container:
    """Build the parts of a process.

    Args:
        settings: of the installation.
        role: the process's role, shown with its connections on the servers.

    Raises:
        OperationError: an operation is declared wrongly, needs a resource that does not exist, or
            a group is named in the settings and does not exist.
    """
    install_encoding()
    registry = discover(settings.operations)
    limits = registry.limits(settings.resources)
    registry.check_settings(settings.submission_rates, settings.capacity_groups)
    declared = settings.schedules_file
    schedules = None if declared is None else read_schedules(declared, registry)
    store = Store(connect_redis(settings, role=role), settings.namespace, testing=settings.testing)
    store.load_scripts()
    broker = _broker(settings, registry, ProcessName(role, settings.namespace))
    publisher = BrokerPublisher(broker, settings.namespace)
    broker.unknown_actor = Actor(
        stand_in,
        broker=broker,
        actor_name="unknown_operation",
        queue_name=publisher.queue("default"),
        priority=0,
        options={"store_results": True},
    )
    relay = Relay(store, publisher)
    store.on_woken = relay.wake
    submissions = SubmissionService(
        store,
        publisher,
        relay,
        registry,
        settings.max_active,
        FaultPoints(settings.fault_points),
        settings.submission_rates,
        settings.capacity_groups,
    )
    return Container(
        settings,
        registry,
        limits,
        store,
        broker,
        publisher,
        relay,
        submissions,
        open_storage(settings),
        schedules,
    )


def open_storage(settings: Settings) -> Storage:
    """Return the file storage; it does not connect or create a folder yet."""
    default = None if settings.embedded else "var/files"
    return Storage(settings.storage_url or default, settings.staging_dir)


def away_because(error: BaseException) -> str:
    """Return in a line for the log why Redis cannot be used."""
    if isinstance(error, StoreUnfit):
        return str(error)
    return tls_fault(error) or f"Redis {outage_of(error) or 'refuses'}: {error}"


def _broker(
    settings: Settings, registry: Registry, process: ProcessName
) -> RabbitmqBroker | EmbeddedBroker:
    if settings.broker_url is None:
        return EmbeddedBroker(prefetch=settings.threads)
    url = settings.broker_url.get_secret_value()
    tls, queue_type = settings.tls, settings.queue_type
    publisher = RabbitmqPublisher(
        url,
        tls=tls,
        process=process,
        queue_type=queue_type,
        deadline=settings.publish_deadline,
        queues=[queue_name(settings.namespace, queue) for queue in registry.queues()],
    )
    return RabbitmqBroker(
        url=url,
        tls=tls,
        process=process,
        publisher=publisher,
        prefetch=settings.threads,
        queue_type=queue_type,
    )
