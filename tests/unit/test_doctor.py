"""How the doctor judges what it reads, and how it prints it."""

import io
import json
import re
from datetime import timedelta
from importlib.resources import files
from typing import Any

import pytest
from rich.console import Console

from callboard.config import Settings
from callboard.jobs.redis_checks import ServerInfo, checks
from callboard.jobs.redis_permissions import TRIED
from callboard.jobs.workers import Worker
from callboard.ops.doctor.checks.settings import check_packages, check_settings
from callboard.ops.doctor.checks.workload import Workload, check_workload
from callboard.ops.doctor.output import as_json, show
from callboard.ops.doctor.result import CheckResult

pytestmark = pytest.mark.check

GOOD: dict[str, Any] = {
    "redis_version": "7.2.4",
    "aof_enabled": 1,
    "maxmemory_policy": "noeviction",
    "maxmemory": 1000,
    "used_memory": 10,
    "connected_slaves": 1,
}
FINDINGS = (
    CheckResult("redis memory", "ok", "Redis uses 1 MiB of 9 MiB."),
    CheckResult(
        "consumer_timeout",
        "problem",
        "RabbitMQ's consumer_timeout is 30m, and a job may run for 2h: " + "word " * 30,
        "Raise consumer_timeout above the time limit, as deploy/rabbitmq.conf does.",
        ("01a201d6-6bb7-710b-ac9e-d05f7cec6712 (queued, \x1b[31mno message)",),
    ),
)


def worker(**chosen: Any) -> Worker:
    said: dict[str, Any] = {
        "id": "w",
        "host": "h",
        "pid": 1,
        "version": "1",
        "queues": ("default",),
        "operations": ("add",),
        "threads": 4,
        "running": (),
        "since": None,
        "last_heartbeat_at": None,
    }
    said |= {"stuck_threads": 0, "dead_threads": 0, **chosen}
    return Worker(**said)


def workload(**chosen: Any) -> Workload:
    said: dict[str, Any] = {
        "workers": (worker(),),
        "active": {"add": 3},
        "queued": {"default": 3},
        "reaped_ago": timedelta(seconds=1),
        "late_leases": 0,
        "late_due": 0,
        "late_outbox": 0,
        "outbox": 0,
    }
    return Workload(**{**said, **chosen})


def bad(found: Any) -> set[tuple[str, str]]:
    return {(each.about, each.level) for each in found if each.level not in ("ok", "note")}


@pytest.mark.parametrize(
    ("changed", "appendfsync", "about", "weight"),
    [
        ({"redis_version": "6.0.9"}, "always", "version", "problem"),
        ({"aof_enabled": 0}, None, "persistence", "problem"),
        ({"aof_last_write_status": "err"}, "always", "persistence", "problem"),
        ({}, "no", "persistence", "warning"),
        ({"maxmemory_policy": "allkeys-lru"}, "always", "eviction", "problem"),
        ({"used_memory": 900}, "always", "memory", "warning"),
        ({"used_memory": 1001}, "always", "memory", "problem"),
        ({"maxmemory": 0}, "always", "memory", "note"),
        ({"role": "slave"}, "always", "replicas", "problem"),
        ({"connected_slaves": 0}, "always", "replicas", "note"),
        ({"redis_version": "7.0.0"}, "everysec", "durability", "problem"),
    ],
)
def test_redis_settings_that_can_lose_jobs_are_rated(
    changed: dict[str, Any], appendfsync: str | None, about: str, weight: str
) -> None:
    good = list(checks(ServerInfo(GOOD, "always"), strict=True))
    found = list(checks(ServerInfo({**GOOD, **changed}, appendfsync), strict=True))

    assert {each.weight for each in good} == {"ok"}
    assert [each.weight for each in found if each.about == about] == [weight]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, set()),
        ({"workers": ()}, {("workers", "problem")}),
        ({"active": {"gone": 1}}, {("operations", "problem")}),
        ({"queued": {"slow": 1}}, {("queues", "problem")}),
        ({"queued": {"slow": 0}, "active": {"gone": 0}}, set()),
        ({"reaped_ago": None}, {("housekeeper", "problem")}),
        ({"reaped_ago": timedelta(minutes=1)}, {("housekeeper", "problem")}),
        ({"late_leases": 1}, {("housekeeper", "problem")}),
        ({"late_due": 1}, {("housekeeper", "problem")}),
        ({"late_outbox": 1}, {("outbox", "problem")}),
        ({"workers": (worker(stuck_threads=1),)}, {("workers threads", "warning")}),
        ({"workers": (worker(dead_threads=1),)}, {("workers threads", "problem")}),
    ],
)
def test_jobs_that_wait_in_vain_are_reported(
    changed: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    assert bad(check_workload(workload(**changed), version="1")) == expected


def test_outdated_or_missing_packages_are_named() -> None:
    wanted = [
        "pika>=99",
        "nobody-has-this>=1; extra == 'server'",
        "falcon<100,>=98; extra == 'server'",
        "gunicorn[gevent]<100,>=1; extra == 'server'",
        "rich>=1",
        'old>=1; extra == "telemetry"',
    ]

    (found,) = [each for each in check_packages(wanted) if each.about == "packages"]

    assert found.level == "problem"
    assert re.search(r"pika [\d.]+ \(< 99\), nobody-has-this \(not installed\), ", found.message)
    assert re.search(r", falcon [\d.]+ \(< 98\)\.", found.message)
    assert bad(check_packages()) == set()


def test_dangerous_settings_are_reported_without_secrets() -> None:
    settings = Settings(
        broker_url="amqp://me:hush@rabbit.example",
        redis_url="redis://:hush@redis.example",
        testing=True,
        trusted_proxies="10.0.0.0/8",
    )

    found = list(check_settings(settings, stored_keys=0, callbacks=1))

    assert bad(found) == {
        ("settings keys", "warning"),
        ("settings callbacks", "problem"),
        ("settings testing", "problem"),
    }
    assert [each.about for each in found].count("settings tls") == 2
    assert "hush" not in repr(found)


def test_every_command_that_a_script_sends_is_tested() -> None:
    folder = files("callboard.jobs.scripts")
    texts = [each.read_text() for each in folder.iterdir() if each.name.endswith(".lua")]
    texts += [each.read_text() for each in (folder / "shared").iterdir()]

    sent = {name for text in texts for name in re.findall(r"redis\.p?call\(\s*'([A-Z]+)'", text)}

    assert sent - {line.split()[0] for line in TRIED} == {"PUBLISH"}


@pytest.mark.parametrize("width", [80, 120])
def test_a_table_fits_the_terminal_and_shows_everything_with_the_worst_first(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)

    show(console, FINDINGS)

    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert all(len(line) <= width for line in lines)
    assert lines[0].startswith("problem  consumer_timeout")
    assert " ".join(lines).count("word") == 30
    assert "\x1b" not in "".join(lines)
    assert lines[-1] == "1 problem, 1 ok."


def test_through_a_pipe_each_result_is_a_tab_separated_line() -> None:
    console = Console(file=io.StringIO(), width=40)

    show(console, FINDINGS)

    assert isinstance(console.file, io.StringIO)
    first, second = console.file.getvalue().splitlines()
    assert first.split("\t")[:2] == ["problem", "consumer_timeout"]
    assert second.split("\t")[:3] == ["ok", "redis memory", "Redis uses 1 MiB of 9 MiB."]


def test_json_has_every_result_and_their_count() -> None:
    document = json.loads(as_json(FINDINGS))

    assert document["levels"]["problem"] == 1
    assert [each["about"] for each in document["results"]] == ["redis memory", "consumer_timeout"]
    assert document["results"][0]["remedy"] is None
