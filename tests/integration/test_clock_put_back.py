"""After the Redis clock is set back, near events still happen soon."""

from datetime import timedelta

from callboard.jobs.dependents import check_dependencies
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.leader import lead
from callboard.jobs.reap import reap
from callboard.jobs.relay import relay_outbox
from callboard.jobs.release import release
from tests.invariants import look
from tests.job_system import LEASE, JobSystem

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
LEASE_MS = 20_000
LEADS = timedelta(seconds=4)


def put_back(job_system: JobSystem) -> None:
    """Move the clock between two ticks of the housekeeper."""
    reap(job_system.store, lease=LEASE)
    job_system.pass_time(-HOUR_MS)
    reap(job_system.store, lease=LEASE)


def test_a_lease_lasts_no_longer_when_the_clock_is_set_back(job_system: JobSystem) -> None:
    fence = job_system.running()

    put_back(job_system)
    for _ in range(5):
        job_system.pass_time(LEASE_MS // 4)
        reap(job_system.store, lease=LEASE)

    assert job_system.status(fence.job_id) == "queued"
    assert job_system.record(fence.job_id)["crashes"] == "1"


def test_a_running_job_keeps_its_lease_when_the_clock_is_set_back(job_system: JobSystem) -> None:
    fence = job_system.running()

    put_back(job_system)
    job_system.pass_time(LEASE_MS // 4)
    reap(job_system.store, lease=LEASE)

    assert job_system.status(fence.job_id) == "running"
    assert (
        look(job_system.store).members("leases")[fence.job_id]
        == job_system.now_ms + LEASE_MS * 3 // 4
    )


def test_a_wake_up_is_relayed_in_time_after_the_clock_is_set_back(
    job_system: JobSystem,
) -> None:
    silent = job_system.new_submission()
    job_system.submit(silent, publish=False)

    put_back(job_system)
    job_system.pass_time(1000)
    relay_outbox(job_system.store)

    assert job_system.take_woken() == [silent.job_id]


def test_a_reservation_lapses_in_time_after_the_clock_is_set_back(
    job_system: JobSystem,
) -> None:
    fence = job_system.running("single")
    waiting = job_system.submitted("single")
    assert job_system.claim(waiting).word == "blocked"
    release(job_system.store, fence)
    before = look(job_system.store).members("reservations")[waiting]

    put_back(job_system)

    left_ms = before - (job_system.now_ms + HOUR_MS)
    assert look(job_system.store).members("reservations")[waiting] == job_system.now_ms + left_ms


def test_a_waiting_job_is_checked_in_time_after_the_clock_is_set_back(
    job_system: JobSystem,
) -> None:
    fence = job_system.running()
    waiting = job_system.submitted(after=(fence.job_id,), after_policy="succeeded")
    job_system.redis.delete(job_system.store.keys("dependents", fence.job_id))
    finish(job_system.store, fence, encode_result(1, max_bytes=100))

    put_back(job_system)
    job_system.pass_time(MINUTE_MS)
    check_dependencies(job_system.store)

    assert job_system.status(waiting) == "queued"


def test_a_lost_job_counts_as_lost_in_time_after_the_clock_is_set_back(
    job_system: JobSystem,
) -> None:
    lost = job_system.submitted()
    waiting = job_system.submitted(after=(lost,), after_policy="succeeded")
    job_system.lose(lost)
    job_system.pass_time(MINUTE_MS)
    check_dependencies(job_system.store)

    put_back(job_system)
    for _ in range(6):
        job_system.pass_time(MINUTE_MS)
        check_dependencies(job_system.store)

    assert job_system.status(waiting) == "cancelled"


def test_the_leader_from_before_the_clock_was_set_back_leads_no_longer(
    job_system: JobSystem,
) -> None:
    key = job_system.store.keys("leader")
    assert lead(job_system.store, "dead", lasts=LEADS)
    job_system.redis.pexpire(key, HOUR_MS)

    assert lead(job_system.store, "alive", lasts=LEADS)
    assert not lead(job_system.store, "another", lasts=LEADS)
    assert job_system.redis.pttl(key) <= 4000
