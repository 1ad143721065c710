"""The doctor says what waits for an operator or for another worker: pauses, ticks, messages."""

from datetime import timedelta

from callboard.jobs.clock import moment
from callboard.jobs.ids import new_job_id
from callboard.jobs.limit import limit
from callboard.jobs.orphans import count_unreadable, keep_orphan
from callboard.jobs.workers import heartbeat_worker
from callboard.ops.doctor.checks.workload import LATE_TICK, check_workload, read_workload
from callboard.ops.doctor.result import CheckResult
from tests.job_system import LEASE, JobSystem
from tests.ticks import NAME, Ticks, set_next


def examined(job_system: JobSystem) -> dict[str, CheckResult]:
    """Give what the doctor says, by what it is about."""
    workload = read_workload(job_system.store, None, lease=LEASE)
    return {each.about: each for each in check_workload(workload, version="1")}


def test_a_pause_that_holds_jobs_back_is_a_warning_with_their_number(
    job_system: JobSystem,
) -> None:
    limit(job_system.store, {"operation:free": 0}, source="pause")
    idle = examined(job_system)["paused"]
    for job_id in [job_system.submitted() for _ in range(2)]:
        job_system.claim(job_id)
    holding = examined(job_system)["paused"]

    limit(job_system.store, {"operation:free": None}, source="pause")

    assert (idle.level, idle.message) == ("note", "Paused, with no job waiting: free.")
    assert (holding.level, holding.message) == ("warning", "2 jobs (free) blocked by a pause.")
    assert "paused" not in examined(job_system)


def test_a_tick_that_waits_for_a_worker_is_a_warning_with_its_schedule(
    job_system: JobSystem,
) -> None:
    Ticks(job_system).put()
    in_time = examined(job_system)

    set_next(
        job_system.store, NAME, moment(job_system.store.now_ms()) - LATE_TICK - timedelta(seconds=1)
    )
    late = examined(job_system)["schedules"]

    assert "schedules" not in in_time
    assert (late.level, late.examples) == ("warning", (NAME,))
    assert "1 schedule has an overdue tick" in late.message


def test_messages_that_no_worker_can_read_are_counted(job_system: JobSystem) -> None:
    none = examined(job_system)
    for number in range(40):
        keep_orphan(
            job_system.store,
            b"message %d" % number,
            job_id=new_job_id(),
            operation="free",
            queue="default",
            made_as=99,
        )
    count_unreadable(job_system.store)

    found = examined(job_system)

    assert not {"messages of newer versions", "messages"} & set(none)
    kept, others = found["messages of newer versions"], found["messages"]
    assert (kept.level, others.level) == ("warning", "note")
    assert "40 without a record are kept, the first since" in kept.message
    assert "1 were not Callboard's" in others.message


def test_jobs_in_a_queue_without_a_worker_are_a_problem(job_system: JobSystem) -> None:
    job_system.submitted()
    heartbeat_worker(job_system.store, "w", {"queues": "other"}, operations=["free"])

    found = examined(job_system)["queues"]

    assert (found.level, found.message) == (
        "problem",
        "1 job (default) in queues that no live worker consumes.",
    )
