"""One examination of an installation, from this machine to the last stuck job."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import redis

from callboard.actors.container import open_storage
from callboard.config import Settings
from callboard.config.tls import tls_fault
from callboard.jobs import redis_checks
from callboard.jobs.api_keys import list_keys, look_at_door
from callboard.jobs.errors import OperationError, StorageUnavailable, StoreUnavailable, StoreUnfit
from callboard.jobs.key_memory import KeyMemory
from callboard.jobs.outages import NO_DATABASE, outage_of
from callboard.jobs.registry import Registry, discover
from callboard.jobs.store import Store
from callboard.ops.doctor.consumer_timeout import Ways, look_at_consumer_timeout
from callboard.ops.doctor.files import look_at_files
from callboard.ops.doctor.finding import Finding
from callboard.ops.doctor.machine import look_at_packages, look_at_settings
from callboard.ops.doctor.rabbitmq import look_at_rabbitmq
from callboard.ops.doctor.redis_server import look_at_redis
from callboard.ops.doctor.stuck import MAX_STUCK, look_at_stuck
from callboard.ops.doctor.workload import Workload, look_at_workload, read_workload

NO_WORKLOAD: Final = Workload((), {}, {}, None, 0, 0, 0, 0)


@dataclass(frozen=True)
class Report:
    """What an examination found.

    Attributes:
        blind: whether Redis, where all jobs are, could not be looked at.
    """

    findings: tuple[Finding, ...]
    blind: bool


@dataclass
class Examination:
    """Looks at everything; changes nothing but what it mends when told to.

    Args:
        settings: those of web and workers.
        store: its Redis.
        ways: how RabbitMQ's own settings can be read.
        most: how many entries of each sorted set, and keys of each kind, are looked at.
        repair: whether what can be mended is.
    """

    settings: Settings
    store: Store
    ways: Ways
    most: int = MAX_STUCK
    repair: bool = False
    blind: bool = False

    def run(self) -> Report:
        """Look at everything, whatever of it does not answer."""
        findings = list(look_at_packages())
        registry = self._registry(findings)
        findings += self._guarded("redis", self._redis)
        workload = NO_WORKLOAD
        if not self.blind:
            findings += self._guarded("redis settings", self._settings)
            with suppress(StoreUnavailable, redis.ResponseError):
                workload = read_workload(self.store, registry, lease=self.settings.lease)
                findings += look_at_workload(workload, version=version("callboard"))
        found, queues = look_at_rabbitmq(self.settings, self._queues(registry, workload))
        findings += found
        if queues.version:
            findings += look_at_consumer_timeout(self.settings, registry, queues, self.ways)
        findings += look_at_files(self.settings, open_storage(self.settings), workload.workers)
        if not self.blind:
            findings += self._guarded("stuck", self._stuck)
        return Report(tuple(findings), self.blind)

    def _registry(self, findings: list[Finding]) -> Registry | None:
        try:
            registry = discover(self.settings.operations)
            registry.limits(self.settings.resources)
        except OperationError as error:
            remedy = (
                "Correct the declaration, or CALLBOARD_OPERATIONS; no process starts until then."
            )
            findings.append(Finding("declarations", "problem", str(error), remedy))
            return None
        return registry

    def _redis(self) -> Iterator[Finding]:
        strict = self.settings.durability == "strict"
        yield from look_at_redis(self.store, strict=strict)
        if self.repair and strict:
            with suppress(StoreUnfit, redis.ResponseError):
                self.store.durable_by = redis_checks.check_redis(
                    self.store.redis, strict=True
                ).durable_by

    def _settings(self) -> Iterator[Finding]:
        (callbacks,) = self.store.pipeline(("ZCARD", self.store.keys("delivery_hosts")))
        keys = len(list_keys(self.store))
        lost = False
        if look_at_door(self.store) == "empty":
            with suppress(StorageUnavailable), closing(open_storage(self.settings)) as storage:
                lost = KeyMemory(storage, self.settings.namespace).is_marked()
        return look_at_settings(
            self.settings, stored_keys=keys, callbacks=callbacks, lost_keys=lost
        )

    def _stuck(self) -> Iterator[Finding]:
        lease = self.settings.lease
        return look_at_stuck(self.store, lease=lease, most=self.most, repair=self.repair)

    def _queues(self, registry: Registry | None, workload: Workload) -> set[str]:
        known = set(registry.queues()) if registry else set()
        used = {name for worker in workload.workers for name in worker.queues}
        return known | used | set(workload.queued)

    def _guarded(self, about: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
        """Take what is found; when Redis does not answer, or refuses, that is what was found."""
        found: list[Finding] = []
        try:
            found.extend(look())
        except (StoreUnavailable, redis.ResponseError) as error:
            refused = error.__cause__ or error
            if not isinstance(refused, redis.ResponseError) or outage_of(refused) == NO_DATABASE:
                self.blind = True
                found.append(_away(error))
                return found
            remedy = "See `redis rights`, then run the doctor again."
            found.append(Finding(about, "unknown", f"Redis refused the request: {refused}", remedy))
        return found


def _away(error: Exception) -> Finding:
    cause = error.__cause__
    fault = tls_fault(error)
    if isinstance(cause, redis.AuthenticationError):
        reason = str(cause)
    else:
        reason = f"{fault}." if fault else str(error)
    return Finding(
        "redis",
        "problem",
        f"Redis is unavailable: {reason}",
        "Start it, or correct CALLBOARD_REDIS_URL. Jobs cannot be checked until it answers.",
    )
