"""Checks that live workers run what waits and do the maintenance."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from callboard.jobs.clock import milliseconds
from callboard.jobs.limit import paused_slots, waiting_at
from callboard.jobs.orphans import Orphans, read_orphans
from callboard.jobs.record import pairs
from callboard.jobs.registry import Registry
from callboard.jobs.store import Store
from callboard.jobs.workers import Worker, list_workers
from callboard.ops.doctor.checks.waiting import (
    check_late_schedules,
    check_orphans,
    check_paused,
    counted,
)
from callboard.ops.doctor.result import CheckResult

LATE_OUTBOX: Final = timedelta(seconds=30)
LATE_DUE: Final = timedelta(seconds=30)
LATE_TICK: Final = timedelta(seconds=30)
QUIET_HOUSE: Final = timedelta(seconds=15)
LEASE_GRACE: Final = timedelta(seconds=10)


@dataclass(frozen=True)
class Workload:
    """The workers, and what waits for them.

    Attributes:
        active: how many active jobs each operation has.
        queued: how many jobs wait for a worker, by queue.
        reaped_ago: when expired leases were last reaped; None if never.
        late_leases: how many expired leases are overdue to be reaped.
        late_due: how many scheduled jobs are overdue to be queued.
        late_outbox: how many messages are overdue to be published.
        paused: how many jobs each paused slot holds back.
        late_schedules: the schedules whose tick is overdue.
        orphans: the messages that no worker could read.
    """

    workers: Sequence[Worker]
    active: Mapping[str, int]
    queued: Mapping[str, int]
    reaped_ago: timedelta | None
    late_leases: int
    late_due: int
    late_outbox: int
    outbox: int
    paused: Mapping[str, int] = field(default_factory=dict)
    late_schedules: Sequence[str] = ()
    orphans: Orphans = field(default_factory=Orphans)


def read_workload(store: Store, registry: Registry | None, *, lease: timedelta) -> Workload:
    """Read it in a few round trips.

    Args:
        store: the store.
        registry: the operations that are known here, as web knows them.
        lease: of running jobs.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    now = store.now_ms()
    late_lease = now - milliseconds(lease / 2 + LEASE_GRACE)
    replies = store.pipeline(
        ("HGETALL", store.keys("ticks")),
        ("ZCOUNT", store.keys("leases"), "-inf", late_lease),
        ("ZCOUNT", store.keys("due"), "-inf", now - milliseconds(LATE_DUE)),
        ("ZCOUNT", store.keys("outbox"), "-inf", now - milliseconds(LATE_OUTBOX)),
        ("ZCARD", store.keys("outbox")),
        ("ZRANGE", store.keys("operations"), 0, -1),
        ("SMEMBERS", store.keys("queues")),
        ("ZRANGE", store.keys("schedules"), "-inf", now - milliseconds(LATE_TICK), "BYSCORE"),
    )
    paused = sorted(paused_slots(store))
    operations = {name.decode() for name in replies[5]} | {each.name for each in registry or ()}
    queues = {name.decode() for name in replies[6]} | set(registry.queues() if registry else ())
    reaped_ms = pairs(replies[0]).get("reap")
    return Workload(
        workers=list_workers(store),
        active=_sizes(store, "active_operation", operations),
        queued=_sizes(store, "queued", queues),
        reaped_ago=None if reaped_ms is None else timedelta(milliseconds=now - int(reaped_ms)),
        late_leases=replies[1],
        late_due=replies[2],
        late_outbox=replies[3],
        outbox=replies[4],
        paused=dict(zip(paused, waiting_at(store, paused), strict=True)) if paused else {},
        late_schedules=tuple(name.decode() for name in replies[7]),
        orphans=read_orphans(store),
    )


def check_workload(workload: Workload, *, version: str) -> Iterator[CheckResult]:
    """Report what waits in vain, and for what.

    Args:
        workload: as it was read.
        version: of this program.
    """
    yield from _workers(workload, version)
    yield from _threads(workload.workers)
    yield from _unknown(workload)
    yield from _unheard(workload)
    yield from _house(workload)
    yield from _outbox(workload)
    yield from check_paused(workload.paused)
    yield from check_late_schedules(workload.late_schedules)
    yield from check_orphans(workload.orphans)


def _workers(workload: Workload, version: str) -> Iterator[CheckResult]:
    workers = workload.workers
    if not workers:
        yield CheckResult(
            "workers",
            "problem",
            "No worker has sent a heartbeat for 30 s: no jobs run, and there is no housekeeping.",
            "Start a worker with callboardctl worker, or check its log.",
        )
        return
    running = sum(len(worker.running) for worker in workers)
    threads = sum(worker.threads for worker in workers)
    plural = "s are alive" if len(workers) > 1 else " is alive"
    says = f"{len(workers)} worker{plural}, with {running} of {threads} threads busy."
    yield CheckResult("workers", "ok", says)
    others = sorted({worker.version for worker in workers} - {version})
    if others:
        yield CheckResult(
            "workers version",
            "note",
            f"Workers run {', '.join(other or '?' for other in others)}, this is {version}.",
            "This is normal during a deployment; otherwise restart the older workers.",
        )


def _threads(workers: Sequence[Worker]) -> Iterator[CheckResult]:
    for worker in workers:
        where = f"{worker.host} ({worker.pid})"
        if worker.dead_threads:
            yield CheckResult(
                "workers threads",
                "problem",
                f"{worker.dead_threads} of {worker.threads} threads of {where} are dead.",
                "Send SIGTERM; the process manager then restarts it.",
            )
        if worker.stuck_threads:
            yield CheckResult(
                "workers threads",
                "warning",
                f"{worker.stuck_threads} of {worker.threads} threads of {where} run functions "
                "that ignore a request to stop.",
                'See the logs of these jobs; isolation="process" makes such functions stop.',
                worker.running[:3],
            )


def _unknown(workload: Workload) -> Iterator[CheckResult]:
    known = {name for worker in workload.workers for name in worker.operations}
    lost = {name: count for name, count in workload.active.items() if name not in known and count}
    if lost and workload.workers:
        yield CheckResult(
            "operations",
            "problem",
            f"{counted(lost)} of operations that no live worker knows.",
            "Start workers with the modules that declare them (CALLBOARD_OPERATIONS), or cancel "
            "the jobs; queued ones fail after 10 minutes.",
        )
    elif workload.workers:
        yield CheckResult("operations", "ok", "Workers know the operations of all active jobs.")


def _unheard(workload: Workload) -> Iterator[CheckResult]:
    heard = {name for worker in workload.workers for name in worker.queues}
    lost = {name: count for name, count in workload.queued.items() if name not in heard and count}
    if lost and workload.workers:
        yield CheckResult(
            "queues",
            "problem",
            f"{counted(lost)} in queues that no live worker consumes.",
            "Start workers whose operations use these queues. Jobs of an operation whose queue "
            "changed move automatically.",
        )


def _house(workload: Workload) -> Iterator[CheckResult]:
    late = [
        f"{count} {what}"
        for count, what in (
            (workload.late_leases, "expired leases"),
            (workload.late_due, "overdue scheduled jobs"),
        )
        if count
    ]
    ago = workload.reaped_ago
    if workload.workers and (ago is None or ago > QUIET_HOUSE):
        since = "ever" if ago is None else f"for {ago.total_seconds():,.0f} s"
        yield CheckResult(
            "housekeeper",
            "problem",
            f"No housekeeping has run {since}, although workers are alive.",
            "Look for maintenance_task_failed and loop_failed in the logs of workers; "
            "restart them.",
        )
    elif late:
        yield CheckResult(
            "housekeeper",
            "problem",
            f"Housekeeping is late: {' and '.join(late)}.",
            "Look for maintenance_task_failed in the logs of workers."
            if workload.workers
            else "Start a worker.",
        )
    elif workload.workers and ago is not None:
        yield CheckResult("housekeeper", "ok", f"Housekeeping ran {ago.total_seconds():.1f} s ago.")


def _outbox(workload: Workload) -> Iterator[CheckResult]:
    if workload.late_outbox:
        yield CheckResult(
            "outbox",
            "problem",
            f"{workload.late_outbox} of {workload.outbox} messages are late by 30 s or more.",
            "RabbitMQ is unavailable or blocked, or no worker publishes; jobs start afterwards.",
        )
    else:
        yield CheckResult(
            "outbox", "ok", f"No message is late; {workload.outbox} are waiting to be published."
        )


def _sizes(store: Store, line: str, names: AbstractSet[str]) -> dict[str, int]:
    sizes = store.pipeline(*(("ZCARD", store.keys(line, name)) for name in names))
    return dict(zip(names, sizes, strict=True))
