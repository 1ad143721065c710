"""A Redis that answers but refuses, because of permissions, role, memory or disk, is an outage."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from redis import Redis, ResponseError

from callboard.actors.container import build_container
from callboard.config import load_settings
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.keys import Keys
from callboard.jobs.renew import renew
from tests.api_app import ADD, ApiApp
from tests.eventually import eventually
from tests.job_system import LEASE, JobSystem
from tests.logs import capture_logs
from tests.servers import RedisServer, free_port

SUCCESS = encode_result(1, max_bytes=100)
USER, PASSWORD = "refused", "hush-hush"
Change = Callable[[Redis], Any]


def rights(*rules: str) -> Change:
    return lambda admin: admin.execute_command("ACL", "SETUSER", USER, *rules)


def setting(name: str, value: str) -> Change:
    return lambda admin: admin.config_set(name, value)


def as_replica(admin: Redis) -> None:
    admin.replicaof("127.0.0.1", free_port())


def as_stale_replica(admin: Redis) -> None:
    admin.config_set("replica-serve-stale-data", "no")
    as_replica(admin)


def without_disk(admin: Redis) -> None:
    """Let a snapshot fail: a folder has the name of its file."""
    _snapshot(admin).mkdir()
    admin.config_set("save", "900 1")
    eventually(lambda: _snapshot_fails(admin), what="the snapshot fails")


def _snapshot_fails(admin: Redis) -> bool:
    """Start a snapshot, unless one is running, and return whether the last one failed."""
    with suppress(ResponseError):
        admin.bgsave(schedule=True)
    return bool(admin.info("persistence")["rdb_last_bgsave_status"] == "err")


def _snapshot(admin: Redis) -> Path:
    folder, name = admin.config_get("dir")["dir"], admin.config_get("dbfilename")["dbfilename"]
    return Path(folder) / name


REFUSALS: dict[str, tuple[Change, str]] = {
    "no commands that write": (rights("-@write"), "denies the user permissions"),
    "no scripts": (rights("-@scripting"), "denies the user permissions"),
    "no keys": (rights("resetkeys", "~other:*"), "denies the user permissions"),
    "no command at all": (rights("-@all"), "denies the user permissions"),
    "a user that is off": (rights("off"), "rejects the user or password"),
    "another password": (rights("resetpass", ">another"), "rejects the user or password"),
    "a replica": (as_replica, "is a replica, which accepts no writes"),
    "a stale replica": (as_stale_replica, "is a replica without its primary"),
    "a disk that cannot be written": (without_disk, "cannot write to its disk"),
    "too few replicas": (setting("min-replicas-to-write", "1"), "has too few replicas"),
}


def allow_all(admin: Redis) -> None:
    admin.execute_command(
        "ACL", "SETUSER", USER, "reset", "on", f">{PASSWORD}", "~*", "&*", "+@all"
    )
    admin.replicaof("NO", "ONE")
    admin.config_set("replica-serve-stale-data", "yes")
    admin.config_set("min-replicas-to-write", 0)
    admin.config_set("maxmemory", 0)
    admin.config_set("save", "")
    if (snapshot := _snapshot(admin)).is_dir():
        snapshot.rmdir()


class Refusing:
    """A Redis as the user of an installation sees it, and its operator's actions."""

    def __init__(self, admin: Redis, url: str) -> None:
        self.admin = admin
        self.url = url.replace("redis://", f"redis://{USER}:{PASSWORD}@")

    def connect(self) -> Redis:
        return Redis.from_url(self.url, protocol=2, socket_timeout=5)

    @contextmanager
    def refusing(self, change: Change) -> Iterator[None]:
        change(self.admin)
        # After a changed password, existing connections keep their permissions.
        self.admin.execute_command("CLIENT", "KILL", "USER", USER)
        try:
            yield
        finally:
            allow_all(self.admin)


@pytest.fixture
def refusing(redis: Redis, redis_server: RedisServer) -> Iterator[Refusing]:
    allow_all(redis)
    yield Refusing(redis, redis_server.url)
    allow_all(redis)
    redis.execute_command("ACL", "DELUSER", USER)


@pytest.mark.parametrize("name", REFUSALS)
def test_a_result_that_redis_refuses_is_stored_once_redis_accepts_it(
    refusing: Refusing, name: str
) -> None:
    change, says = REFUSALS[name]
    job_system = JobSystem(refusing.connect())
    fence = job_system.running()
    command = ("EVAL", "redis.call('DEL', KEYS[1])", 1, job_system.store.keys("headroom"))

    with refusing.refusing(change):
        for refused in (
            lambda: finish(job_system.store, fence, SUCCESS),
            lambda: renew(job_system.store, [fence], lease=LEASE),
            lambda: job_system.store.pipeline(command),
            lambda: job_system.store.pipeline(command, atomic=True),
        ):
            with pytest.raises(StoreUnavailable, match=says):
                refused()

    assert finish(job_system.store, fence, SUCCESS) == "finished"


@pytest.mark.parametrize("name", REFUSALS)
def test_while_redis_refuses_writes_no_request_ends_in_a_500(refusing: Refusing, name: str) -> None:
    change, says = REFUSALS[name]
    api_app = ApiApp(refusing.connect(), connect=refusing.connect)
    job_id = api_app.submit().json["id"]

    with refusing.refusing(change):
        ready = api_app.http.simulate_get("/readyz")
        submitted = api_app.submit()
        answers = [
            (method, path, api_app.http.simulate_request(method, path, json={}))
            for method, path in _requests(api_app, job_id)
        ]

    api_app.close()
    assert (submitted.status_code, submitted.json["code"]) == (503, "STORE_UNAVAILABLE")
    assert says in submitted.json["detail"]
    assert int(submitted.headers["Retry-After"]) > 0
    assert (ready.status_code, ready.json["checks"]["redis"]["status"]) == (503, "down")
    assert says in ready.json["checks"]["redis"]["detail"]
    faults = [(m, path, a.status_code) for m, path, a in answers if a.status_code == 500]
    assert not faults


def _requests(api_app: ApiApp, job_id: str) -> Iterator[tuple[str, str]]:
    values = {"job_id": job_id, "name": "add", "file_id": job_id, "batch_id": job_id}
    for route in api_app.routes():
        path = route.template
        for name, value in values.items():
            path = path.replace("{" + name + "}", value)
        for method in route.roles:
            if not path.endswith("/events"):
                yield method, path


def test_a_full_redis_ends_jobs_and_reports_that_it_refuses_new_ones(refusing: Refusing) -> None:
    api_app = ApiApp(refusing.connect(), connect=refusing.connect)
    job_id = api_app.submit().json["id"]

    with refusing.refusing(setting("maxmemory", "1")):
        ready = api_app.http.simulate_get("/readyz")
        submitted = api_app.submit()
        api_app.succeed(job_id, 3)

    api_app.close()
    assert (submitted.status_code, submitted.json["code"]) == (503, "STORE_UNAVAILABLE")
    assert "no memory left" in submitted.json["detail"]
    assert (ready.status_code, ready.json["status"]) == (200, "degraded")
    assert ready.json["checks"]["redis"]["status"] == "full"
    assert api_app.get(job_id).json["result"] == 3


def test_without_channel_permissions_jobs_are_recorded_and_waits_are_answered(
    refusing: Refusing,
) -> None:
    with refusing.refusing(rights("resetchannels")), ThreadPoolExecutor(1) as pool:
        api_app = ApiApp(refusing.connect(), connect=refusing.connect)
        ready = api_app.http.simulate_get("/readyz").json
        accepted = api_app.submit()
        waiting = pool.submit(api_app.submit, ADD, headers={"Prefer": "wait=30"})
        eventually(lambda: api_app.events.waiting == 1, what="it waits")
        began = time.monotonic()
        api_app.succeed(api_app.publisher.published[-1].submission.job_id, 3)
        answered = waiting.result(20)
        took = time.monotonic() - began

    api_app.close()
    assert (ready["status"], ready["checks"]["redis"]["status"]) == ("degraded", "mute")
    assert accepted.status_code == 202
    assert refusing.admin.hget(Keys("test")("job", accepted.json["id"]), "version") is not None
    assert (answered.status_code, answered.json["result"]) == (200, 3)
    assert took < 5


def test_without_channel_permissions_running_jobs_can_be_cancelled(refusing: Refusing) -> None:
    job_system = JobSystem(refusing.connect())
    fence = job_system.running()

    with refusing.refusing(rights("resetchannels")):
        _word, token = job_system.ask_cancel(fence.job_id)
        word = job_system.confirm_cancel(fence.job_id, token)
        told = renew(job_system.store, [fence], lease=LEASE)

    assert word == "cancelling"
    assert told == {fence.job_id: "cancel"}


@pytest.mark.parametrize("name", [*REFUSALS, "no channels", "full"])
def test_a_starting_process_reports_what_redis_refuses_and_continues(
    refusing: Refusing, name: str
) -> None:
    others = {
        "no channels": (rights("resetchannels"), "denies the user permissions"),
        "full": (setting("maxmemory", "1"), "has no memory left"),
    }
    change, says = {**REFUSALS, **others}[name]
    container = build_container(
        load_settings(redis_url=refusing.url, broker_url="amqp://127.0.0.1:1")
    )

    with refusing.refusing(change), capture_logs() as logs:
        container.check_store()

    container.close()
    said = [
        line["reason"] for line in logs if line["event"] in ("store_refused", "store_check_failed")
    ]
    assert any(says in reason for reason in said), logs
    assert PASSWORD not in str(logs)
