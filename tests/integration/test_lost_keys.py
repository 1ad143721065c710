"""Lost API keys never open access, neither for a running nor for a new process."""

from pathlib import Path
from typing import Any

import fakeredis
import pytest

from callboard.api.authentication import REMEMBER_S, Keyring
from callboard.jobs.api_keys import create_key, revoke_key
from callboard.jobs.files.storage import Storage
from callboard.jobs.key_memory import KeyMemory
from callboard.jobs.store import Store
from tests.api_app import ApiApp
from tests.servers import free_port


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Installation:
    """A Redis, a storage, and the keyrings of web processes."""

    def __init__(self, folder: Path) -> None:
        self.redis = fakeredis.FakeRedis(server=fakeredis.FakeServer(version=(7, 2)), protocol=2)
        self.store = Store(self.redis, "test")
        self.folder = folder
        self.clock = Clock()

    def process(self) -> Keyring:
        memory = KeyMemory(Storage(str(self.folder)), "test")
        return Keyring((), self.store, required=False, memory=memory, clock=self.clock)

    def pass_time(self) -> None:
        self.clock.now += REMEMBER_S


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "files")


def test_a_process_that_has_seen_keys_denies_access_once_redis_loses_them(
    installation: Installation,
) -> None:
    keyring = installation.process()
    key, _ = create_key(installation.store, tenant="acme", role="client")
    assert keyring.find(key) is not None

    installation.redis.flushall()
    installation.pass_time()

    assert keyring.is_required()
    assert keyring.lost
    assert keyring.find(key) is None


def test_processes_learn_of_keys_that_others_have_seen(
    installation: Installation,
) -> None:
    open_before = installation.process()
    assert not open_before.is_required()
    create_key(installation.store, tenant="acme", role="client")
    assert installation.process().is_required()

    installation.redis.flushall()
    installation.pass_time()

    assert open_before.is_required()
    started_after = installation.process()
    assert started_after.is_required()
    assert started_after.lost


def test_new_keys_work_after_a_loss(installation: Installation) -> None:
    keyring = installation.process()
    create_key(installation.store, tenant="acme", role="client")
    assert keyring.is_required()
    installation.redis.flushall()
    installation.pass_time()
    assert keyring.is_required()

    key, _ = create_key(installation.store, tenant="acme", role="client")
    installation.pass_time()

    assert keyring.find(key) is not None
    assert keyring.is_required()
    assert not keyring.lost


def test_an_operator_opens_access_explicitly(installation: Installation) -> None:
    keyring = installation.process()
    _, made = create_key(installation.store, tenant="acme", role="client")
    assert keyring.is_required()

    revoke_key(installation.store, made, opens=True)
    installation.pass_time()

    assert not keyring.is_required()
    assert not installation.process().is_required()


def test_a_key_created_after_an_opening_closes_access_permanently(
    installation: Installation,
) -> None:
    keyring = installation.process()
    _, made = create_key(installation.store, tenant="acme", role="client")
    revoke_key(installation.store, made, opens=True)
    create_key(installation.store, tenant="acme", role="client")
    assert keyring.is_required()

    installation.redis.flushall()
    installation.pass_time()

    assert keyring.is_required()


def test_readiness_reports_lost_keys_and_every_request_is_refused(tmp_path: Path) -> None:
    with_servers: dict[str, Any] = {
        "redis_url": f"redis://127.0.0.1:{free_port()}",
        "broker_url": f"amqp://127.0.0.1:{free_port()}",
        "storage_url": str(tmp_path / "files"),
    }
    client = fakeredis.FakeRedis(server=fakeredis.FakeServer(version=(7, 2)), protocol=2)
    running = ApiApp(client, **with_servers)
    key, _ = create_key(running.store, tenant="acme", role="client")
    assert running.submit(headers={"Authorization": f"Bearer {key}"}).status_code == 202

    client.flushall()
    started_anew = ApiApp(client, **with_servers)
    ready = started_anew.http.simulate_get("/readyz")

    assert running.submit().status_code == 401
    assert started_anew.submit().status_code == 401
    assert ready.json["status"] == "degraded"
    assert "lost its API keys" in ready.json["checks"]["keys"]["detail"]
    running.close()
    started_anew.close()
