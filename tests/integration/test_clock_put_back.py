"""The clock of Redis is put back, and what was to happen soon happens soon all the same."""

from datetime import timedelta

from callboard.jobs.leader import lead
from callboard.jobs.reap import reap
from callboard.jobs.relay import relay_outbox
from callboard.jobs.release import release
from tests.invariants import look
from tests.world import LEASE, World

HOUR_MS = 3_600_000
LEASE_MS = 20_000
LEADS = timedelta(seconds=4)


def put_back(world: World) -> None:
    """Let the clock jump between two ticks of the housekeeper."""
    reap(world.store, lease=LEASE)
    world.pass_time(-HOUR_MS)
    reap(world.store, lease=LEASE)


def test_a_lease_lasts_no_longer_for_a_clock_that_was_put_back(world: World) -> None:
    fence = world.running()

    put_back(world)
    for _ in range(5):
        world.pass_time(LEASE_MS // 4)
        reap(world.store, lease=LEASE)

    assert world.status(fence.job_id) == "queued"
    assert world.record(fence.job_id)["crashes"] == "1"


def test_a_running_job_keeps_its_lease_when_the_clock_is_put_back(world: World) -> None:
    fence = world.running()

    put_back(world)
    world.pass_time(LEASE_MS // 4)
    reap(world.store, lease=LEASE)

    assert world.status(fence.job_id) == "running"
    assert look(world.store).members("leases")[fence.job_id] == world.now_ms + LEASE_MS * 3 // 4


def test_a_wake_up_is_relayed_in_time_although_the_clock_was_put_back(world: World) -> None:
    silent = world.new_submission()
    world.submit(silent, publish=False)

    put_back(world)
    world.pass_time(1000)
    relay_outbox(world.store)

    assert world.take_woken() == [silent.job_id]


def test_a_reservation_lapses_in_time_although_the_clock_was_put_back(world: World) -> None:
    fence = world.running("single")
    waiting = world.submitted("single")
    assert world.claim(waiting).word == "blocked"
    release(world.store, fence)
    before = look(world.store).members("reservations")[waiting]

    put_back(world)

    left_ms = before - (world.now_ms + HOUR_MS)
    assert look(world.store).members("reservations")[waiting] == world.now_ms + left_ms


def test_who_led_before_the_clock_was_put_back_leads_no_longer(world: World) -> None:
    key = world.store.keys("leader")
    assert lead(world.store, "dead", lasts=LEADS)
    world.redis.pexpire(key, HOUR_MS)

    assert lead(world.store, "alive", lasts=LEADS)
    assert not lead(world.store, "another", lasts=LEADS)
    assert world.redis.pttl(key) <= 4000
