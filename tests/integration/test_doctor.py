"""`callboardctl doctor` with real servers: what it finds, repairs and leaves behind."""

import json
import secrets
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from redis import Redis

from callboard.jobs.limit import limit
from callboard.jobs.reap import reap
from callboard.jobs.store import Store
from callboard.jobs.workers import heartbeat_worker
from callboard.ops.cli import main
from tests.job_system import LEASE
from tests.servers import RabbitMQ, RedisServer, free_port

NOBODY = "ffffffff-0000-7000-8000-000000000000"


class Installation:
    """The settings of an installation, and the doctor's report on it."""

    def __init__(self, redis_url: str, broker_url: str, folder: Path) -> None:
        self.namespace = f"test-{secrets.token_hex(4)}"
        self.settings = {
            "CALLBOARD_REDIS_URL": redis_url,
            "CALLBOARD_BROKER_URL": broker_url,
            "CALLBOARD_NAMESPACE": self.namespace,
            "CALLBOARD_OPERATIONS": "examples.curation",
            "CALLBOARD_STORAGE_URL": str(folder / "files"),
            "CALLBOARD_MAX_FILE_BYTES": "1MiB",
            "PATH": "",  # so that the machine's rabbitmqctl, which takes seconds, is not found
        }

    def doctor(self, *options: str, **settings: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """Return the exit code, and the results by subject."""
        done = CliRunner().invoke(
            main, ["doctor", "--json", *options], env={**self.settings, **settings}
        )
        assert done.stdout, done.output
        return done.exit_code, {each["about"]: each for each in json.loads(done.stdout)["results"]}


@pytest.fixture
def installation(
    redis: Redis, redis_server: RedisServer, rabbitmq: RabbitMQ, tmp_path: Path
) -> Installation:
    """An installation with a live worker and a housekeeper that has run."""
    made = Installation(redis_server.url, rabbitmq.url, tmp_path)
    store = Store(redis, made.namespace)
    limit(store, {"operation:gene_clustering": 1}, source="declared")
    said = {"host": "h", "pid": "1", "version": "0.1.0", "threads": "4", "queues": "default"}
    heartbeat_worker(store, "w", said, operations=["gene_clustering", "phenotype_clustering"])
    reap(store, lease=LEASE)
    return made


def test_a_missing_redis_database_is_reported_as_such(
    installation: Installation,
) -> None:
    url = urlsplit(installation.settings["CALLBOARD_REDIS_URL"])._replace(path="/9999").geturl()

    code, found = installation.doctor(CALLBOARD_REDIS_URL=url)

    assert code == 2
    assert "does not have the database that CALLBOARD_REDIS_URL names" in str(found["redis"])


def test_a_good_installation_has_no_problem_and_the_doctor_leaves_nothing_behind(
    installation: Installation, redis: Redis, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    keys = set(redis.keys())

    code, found = installation.doctor()

    assert code == 0, [each for each in found.values() if each["level"] == "problem"]
    assert {found[name]["level"] for name in ("redis rights", "redis channels", "workers")} == {
        "ok"
    }
    assert {found[name]["level"] for name in ("rabbitmq rights", "rabbitmq alarms")} == {"ok"}
    assert found["stuck"]["level"] == "ok"
    assert set(redis.keys()) == keys
    assert installation.namespace not in rabbitmq.ctl("list_queues", "name")
    assert list(tmp_path.iterdir()) == []


def test_a_place_without_a_holder_is_a_problem_until_it_is_repaired(
    installation: Installation, redis: Redis
) -> None:
    place = f"{{{installation.namespace}}}:slot:operation:gene_clustering"
    redis.zadd(place, {f"{NOBODY}:1": -1})

    before, looked = installation.doctor()
    assert redis.exists(place)
    during, repaired = installation.doctor("--repair")
    after, again = installation.doctor()

    assert (before, during, after) == (1, 0, 0)
    assert looked["stuck slot"]["level"] == "problem"
    assert NOBODY in looked["stuck slot"]["examples"][0]
    assert repaired["stuck slot"]["repaired"]
    assert again["stuck"]["level"] == "ok"
    assert not redis.exists(place)


def test_a_queue_with_other_arguments_is_shown_with_the_differences(
    installation: Installation, rabbitmq: RabbitMQ
) -> None:
    name = f"{installation.namespace}.default"
    with rabbitmq.connect() as connection:
        connection.channel().queue_declare(name, durable=True, arguments={"x-max-priority": 3})

        code, found = installation.doctor()

        connection.channel().queue_delete(name)
    assert code == 0
    assert found["rabbitmq queues"]["level"] == "warning"
    assert "x-max-priority" in found["rabbitmq queues"]["examples"][0]
    assert name in found["rabbitmq consumers"]["message"]


def test_missing_permissions_of_the_redis_user_are_named(
    installation: Installation, redis: Redis, redis_server: RedisServer
) -> None:
    rules = ["on", ">hush", "~*", "&*", "+@all", "-zadd"]
    redis.execute_command("ACL", "SETUSER", "doctor-test", *rules)
    url = redis_server.url.replace("redis://", "redis://doctor-test:hush@")

    code, found = installation.doctor(CALLBOARD_REDIS_URL=url)

    redis.execute_command("ACL", "DELUSER", "doctor-test")
    assert code == 1
    assert found["redis rights"]["level"] == "problem"
    assert "zadd" in found["redis rights"]["message"]
    assert "hush" not in json.dumps(found)


def test_a_user_of_rabbitmq_who_may_do_too_little_is_told_what(
    installation: Installation, rabbitmq: RabbitMQ
) -> None:
    rabbitmq.ctl("add_user", "doctor-test", "hush")
    rabbitmq.ctl("set_permissions", "doctor-test", "^$", "^$", ".*")
    url = rabbitmq.url.replace("guest:guest", "doctor-test:hush")

    code, found = installation.doctor(CALLBOARD_BROKER_URL=url)

    rabbitmq.ctl("delete_user", "doctor-test")
    assert code == 1
    assert found["rabbitmq rights"]["level"] == "problem"
    assert "may not use queues" in found["rabbitmq rights"]["message"]
    assert "set_permissions" in found["rabbitmq rights"]["remedy"]
    assert "hush" not in json.dumps(found)


def test_consumer_timeout_is_compared_with_the_longest_time_limit(
    installation: Installation, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    command = tmp_path / "ctl"
    variables = " ".join(f"{k}={shlex.quote(v)}" for k, v in rabbitmq._environment.items())
    command.write_text(f'#!/bin/sh\nexec /usr/bin/env -i {variables} {rabbitmq._ctl} "$@"\n')
    command.chmod(0o755)

    rabbitmq.ctl("eval", "application:set_env(rabbit, consumer_timeout, 7200000).")
    _code, enough = installation.doctor("--rabbitmqctl", str(command))
    rabbitmq.ctl("eval", "application:set_env(rabbit, consumer_timeout, 60000).")
    _code, short = installation.doctor("--rabbitmqctl", str(command))
    rabbitmq.ctl("eval", "application:set_env(rabbit, consumer_timeout, 1800000).")
    _code, unknown = installation.doctor("--rabbitmqctl", "/nowhere/rabbitmqctl")

    assert enough["consumer_timeout"]["level"] == "ok"
    assert short["consumer_timeout"]["level"] == "warning"
    assert "is 1m, but a job may run for 30m" in short["consumer_timeout"]["message"]
    assert unknown["consumer_timeout"]["level"] == "unknown"


def test_a_memory_alarm_of_rabbitmq_is_a_problem(
    installation: Installation, rabbitmq: RabbitMQ
) -> None:
    rabbitmq.ctl("set_vm_memory_high_watermark", "0.000001")

    code, found = installation.doctor()

    rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")
    assert code == 1
    assert found["rabbitmq alarms"]["level"] == "problem"


def test_unavailable_servers_are_reported_and_without_redis_the_exit_code_is_2(
    installation: Installation, tmp_path: Path
) -> None:
    nowhere = free_port()
    (tmp_path / "files").write_text("no folder")

    without_rabbitmq, lacks_rabbitmq = installation.doctor(
        CALLBOARD_BROKER_URL=f"amqp://me:hush@127.0.0.1:{nowhere}"
    )
    without_redis, lacks_redis = installation.doctor(
        CALLBOARD_REDIS_URL=f"redis://:hush@127.0.0.1:{nowhere}"
    )

    assert (without_rabbitmq, without_redis) == (1, 2)
    assert lacks_rabbitmq["rabbitmq"]["level"] == "problem"
    assert lacks_rabbitmq["stuck"]["level"] == "ok"
    assert lacks_redis["redis"]["level"] == "problem"
    assert "stuck" not in lacks_redis
    assert "hush" not in json.dumps([lacks_rabbitmq, lacks_redis])
    assert lacks_redis["storage"]["level"] == "problem"


def test_without_servers_there_is_nothing_to_check() -> None:
    done = CliRunner().invoke(main, ["doctor"])

    assert done.exit_code == 2
    assert "the one-process server has no servers to check" in done.stderr
