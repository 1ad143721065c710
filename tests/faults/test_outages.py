"""Redis is unavailable or refuses writes for several leases; no run is repeated, no result lost."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.eventually import eventually
from tests.faults.site import LEASE_S, Site, await_begins, open_site, outcomes
from tests.servers import RabbitMQ, RedisServer, free_port
from tests.system.notes import begun, read_notes

AWAY_S = 3.5 * LEASE_S
"""Also longer than the reply timeout."""


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with open_site(folder, rabbitmq, redis_server, "faults-outages") as site:
        site.start()
        yield site


def pause_and_resume(server: RedisServer) -> None:
    """Suspend Redis, then resume it."""
    server.pause()
    wait_out(AWAY_S)
    server.resume()


def kill_and_restart(server: RedisServer) -> None:
    """Kill Redis, and restart it with its data."""
    wait_out(2.5)  # what is younger than two seconds may not be in the append-only file yet
    server.kill()
    wait_out(AWAY_S)
    server.start()


def revoke_and_grant_permissions(server: RedisServer) -> None:
    """Deny the user all writes, as an operator may by mistake, then restore them."""
    with server.connect() as operator:
        operator.execute_command("ACL", "SETUSER", "default", "-@write", "resetchannels")
        try:
            wait_out(AWAY_S)
        finally:
            operator.execute_command("ACL", "SETUSER", "default", "+@all", "allchannels")


def demote_and_promote(server: RedisServer) -> None:
    """Turn Redis into a replica, which stays readable."""
    with server.connect() as operator:
        operator.replicaof("127.0.0.1", free_port())
        try:
            wait_out(AWAY_S)
        finally:
            operator.replicaof("NO", "ONE")


def wait_out(seconds: float) -> None:
    """Let real time pass: an outage has a length."""
    ends_at = time.monotonic() + seconds
    eventually(lambda: time.monotonic() > ends_at, what="the outage is over", timeout=seconds + 5)


@pytest.mark.parametrize(
    "outage",
    [pause_and_resume, kill_and_restart, revoke_and_grant_permissions, demote_and_promote],
)
def test_an_outage_of_redis_repeats_no_run_and_loses_no_result(
    site: Site, outage: Callable[[RedisServer], None]
) -> None:
    path = site.notes()
    long, short = ({"seconds": seconds, "path": str(path)} for seconds in (AWAY_S + 4, 4))

    with site.client() as client:
        jobs = [client.submit("wait", long)["id"] for _ in range(2)]
        jobs += [client.submit("wait", short)["id"] for _ in range(4)]
        await_begins(path, 6)
        outage(site.redis_server)
        ended = outcomes(client, jobs)

    assert [(job["status"], job["attempt"]) for job in ended] == [("succeeded", 1)] * 6
    assert len(begun(read_notes(path))) == 6
    assert [site.record(job_id)["crashes"] for job_id in jobs] == ["0"] * 6
