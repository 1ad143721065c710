"""Runs every check of an installation, from this machine to the last stuck job."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import redis

from callboard.actors.container import open_storage
from callboard.config import Settings
from callboard.jobs import redis_checks
from callboard.jobs.api_keys import list_keys, look_at_door
from callboard.jobs.connection.tls_faults import tls_fault
from callboard.jobs.errors import OperationError, StorageUnavailable, StoreUnavailable, StoreUnfit
from callboard.jobs.key_memory import KeyMemory
from callboard.jobs.outages import NO_DATABASE, outage_of
from callboard.jobs.registry import Registry, discover
from callboard.jobs.store import Store
from callboard.ops.doctor.checks.consumer_timeout import Ways, check_consumer_timeout
from callboard.ops.doctor.checks.rabbitmq import check_rabbitmq
from callboard.ops.doctor.checks.records import MAX_STUCK, check_records
from callboard.ops.doctor.checks.redis import check_redis
from callboard.ops.doctor.checks.settings import check_packages, check_settings
from callboard.ops.doctor.checks.storage import check_files
from callboard.ops.doctor.checks.workload import Workload, check_workload, read_workload
from callboard.ops.doctor.result import CheckResult

NO_WORKLOAD: Final = Workload((), {}, {}, None, 0, 0, 0, 0)


@dataclass(frozen=True)
class CheckReport:
    """The results of all checks.

    Attributes:
        blind: whether Redis could not be read.
    """

    results: tuple[CheckResult, ...]
    blind: bool


@dataclass
class CheckRun:
    """Checks everything; changes nothing but what it repairs if told to.

    Args:
        settings: those of web and workers.
        store: its Redis.
        ways: how to read RabbitMQ's own settings.
        most: how many entries of each sorted set, and keys of each kind, are checked.
        repair: whether to repair what can be repaired.
    """

    settings: Settings
    store: Store
    ways: Ways
    most: int = MAX_STUCK
    repair: bool = False
    blind: bool = False

    def run(self) -> CheckReport:
        """Check everything, even if parts do not answer."""
        results = list(check_packages())
        registry = self._registry(results)
        results += self._guarded("redis", self._redis)
        workload = NO_WORKLOAD
        if not self.blind:
            results += self._guarded("redis settings", self._settings)
            with suppress(StoreUnavailable, redis.ResponseError):
                workload = read_workload(self.store, registry, lease=self.settings.lease)
                results += check_workload(workload, version=version("callboard"))
        found, queues = check_rabbitmq(self.settings, self._queues(registry, workload))
        results += found
        if queues.version:
            results += check_consumer_timeout(self.settings, registry, queues, self.ways)
        results += check_files(self.settings, open_storage(self.settings), workload.workers)
        if not self.blind:
            results += self._guarded("stuck", self._stuck)
        return CheckReport(tuple(results), self.blind)

    def _registry(self, results: list[CheckResult]) -> Registry | None:
        try:
            registry = discover(self.settings.operations)
            registry.limits(self.settings.resources)
        except OperationError as error:
            remedy = (
                "Correct the declaration, or CALLBOARD_OPERATIONS; no process starts until then."
            )
            results.append(CheckResult("declarations", "problem", str(error), remedy))
            return None
        return registry

    def _redis(self) -> Iterator[CheckResult]:
        strict = self.settings.durability == "strict"
        yield from check_redis(self.store, strict=strict)
        if self.repair and strict:
            with suppress(StoreUnfit, redis.ResponseError):
                self.store.durable_by = redis_checks.check_redis(
                    self.store.redis, strict=True
                ).durable_by

    def _settings(self) -> Iterator[CheckResult]:
        (callbacks,) = self.store.pipeline(("ZCARD", self.store.keys("delivery_hosts")))
        keys = len(list_keys(self.store))
        lost = False
        if look_at_door(self.store) == "empty":
            with suppress(StorageUnavailable), closing(open_storage(self.settings)) as storage:
                lost = KeyMemory(storage, self.settings.namespace).is_marked()
        return check_settings(self.settings, stored_keys=keys, callbacks=callbacks, lost_keys=lost)

    def _stuck(self) -> Iterator[CheckResult]:
        lease = self.settings.lease
        return check_records(self.store, lease=lease, most=self.most, repair=self.repair)

    def _queues(self, registry: Registry | None, workload: Workload) -> set[str]:
        known = set(registry.queues()) if registry else set()
        used = {name for worker in workload.workers for name in worker.queues}
        return known | used | set(workload.queued)

    def _guarded(self, about: str, look: Callable[[], Iterable[CheckResult]]) -> list[CheckResult]:
        """Collect results; a Redis that does not answer, or refuses, is a result as well."""
        found: list[CheckResult] = []
        try:
            found.extend(look())
        except (StoreUnavailable, redis.ResponseError) as error:
            refused = error.__cause__ or error
            if not isinstance(refused, redis.ResponseError) or outage_of(refused) == NO_DATABASE:
                self.blind = True
                found.append(_away(error))
                return found
            remedy = "See `redis rights`, then run the doctor again."
            found.append(
                CheckResult(about, "unknown", f"Redis refused the request: {refused}", remedy)
            )
        return found


def _away(error: Exception) -> CheckResult:
    cause = error.__cause__
    fault = tls_fault(error)
    if isinstance(cause, redis.AuthenticationError):
        reason = str(cause)
    else:
        reason = f"{fault}." if fault else str(error)
    return CheckResult(
        "redis",
        "problem",
        f"Redis is unavailable: {reason}",
        "Start it, or correct CALLBOARD_REDIS_URL. Jobs cannot be checked until it answers.",
    )
