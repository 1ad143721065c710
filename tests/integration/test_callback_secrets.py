"""Secrets are rotated with an overlap, shown to operators, and stored nowhere."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import standardwebhooks
from click.testing import CliRunner, Result
from fakeredis import FakeRedis, FakeServer

from callboard.actors.container import build_container
from callboard.actors.webhooks.middleware import dispatch_webhooks
from callboard.config import load_settings
from callboard.jobs.callbacks.secrets import WebhookSecrets, list_rotations, read_rotation, rotate
from callboard.jobs.store import Store
from callboard.ops.cli import main
from tests.callback_system import SIGNING_KEY, CallbackSystem, verify
from tests.eventually import eventually
from tests.logs import capture_logs
from tests.receiver import Receiver
from tests.servers import RedisServer

DAY = timedelta(days=1)


@pytest.fixture
def store() -> Store:
    return Store(FakeRedis(server=FakeServer(version=(7, 2)), protocol=2), "test")


@pytest.fixture
def callback_system() -> Iterator[CallbackSystem]:
    opened = CallbackSystem()
    yield opened
    opened.close()


def test_during_a_rotation_the_old_and_the_new_secret_verify(
    callback_system: CallbackSystem,
) -> None:
    old = callback_system.secret()
    rotate(callback_system.job_system.store, "default", overlap=DAY)
    new = callback_system.secret()

    with Receiver() as receiver:
        callback_system.job(receiver)
        callback_system.round(callback_system.dispatcher(receiver))

    (request,) = receiver.received
    assert old != new
    for secret in (old, new):
        verify(secret, request)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(callback_system.secret("other")).verify(
            request.body, dict(request.headers)
        )


def test_after_the_overlap_only_the_new_secret_signs(store: Store) -> None:
    secrets = WebhookSecrets(store, SIGNING_KEY)
    old = secrets.of("lab")

    rotate(store, "lab", overlap=timedelta(milliseconds=300))
    during = secrets.of("lab")

    assert during[1:] == old
    eventually(lambda: secrets.of("lab") == during[:1], what="the old secret signs no more")
    assert old[0] not in secrets.of("lab")


def test_a_rotation_during_an_overlap_keeps_each_secret_for_its_own_time(store: Store) -> None:
    secrets = WebhookSecrets(store, SIGNING_KEY)
    (first,) = secrets.of("lab")
    rotate(store, "lab", overlap=DAY)
    second, _ = secrets.of("lab")
    rotate(store, "lab", overlap=timedelta())

    third, *earlier = secrets.of("lab")

    assert earlier == [first]
    assert third not in (first, second)
    assert read_rotation(store, "lab").generation == 3


def test_concurrent_rotations_all_count(redis_server: RedisServer, namespace: str) -> None:
    with redis_server.connect() as client:
        store = Store(client, namespace)
        threads = [
            threading.Thread(target=rotate, args=(store, "lab"), kwargs={"overlap": DAY})
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        rotation = read_rotation(store, "lab")

    assert rotation.generation == 9
    assert [number for number, _ in rotation.earlier] == [8, 7, 6, 5, 4, 3, 2, 1]


def test_a_repeated_rotation_after_a_lost_reply_changes_nothing(store: Store) -> None:
    for _ in range(2):
        store.run(
            "rotate_secret", store.keys("secrets"), tenant="lab", overlap_ms=1000, token="same"
        )

    assert read_rotation(store, "lab").generation == 2


def test_the_listing_has_tenants_that_rotated_or_submitted(store: Store) -> None:
    store.redis.sadd(store.keys("tenants"), "lab", "shop")
    rotate(store, "shop", overlap=DAY)
    rotate(store, "team", overlap=DAY)

    listed = {name: each.generation for name, each in list_rotations(store).items()}

    assert listed == {"lab": 1, "shop": 2, "team": 2}


def _secrets(server: RedisServer, *words: str, key: str | None = None) -> Result:
    environment = {
        "CALLBOARD_BROKER_URL": "amqp://127.0.0.1",
        "CALLBOARD_REDIS_URL": server.url,
        "CALLBOARD_NAMESPACE": "test",
        "CALLBOARD_SIGNING_KEY": key,
    }
    return CliRunner().invoke(main, ["secrets", *words], env=environment)


@pytest.mark.usefixtures("redis")
def test_the_command_shows_the_secret_that_signs(redis_server: RedisServer) -> None:
    key = SIGNING_KEY.get_secret_value()
    store = Store(redis_server.connect(), "test")
    secrets = WebhookSecrets(store, SIGNING_KEY)

    first = _secrets(redis_server, "show", "lab", key=key)
    rotated = _secrets(redis_server, "rotate", "lab", "--overlap", "7d")
    second = _secrets(redis_server, "show", "lab", key=key)

    new, old = (secret.get_secret_value() for secret in secrets.of("lab"))
    assert (first.stdout, second.stdout) == (f"{old}\n", f"{new}\n")
    assert first.stderr == ""
    assert "generation 2 now signs" in rotated.stderr
    assert "Generation 1 also signs until" in second.stderr
    assert key not in first.output + rotated.output + second.output
    store.redis.close()


@pytest.mark.usefixtures("redis")
def test_the_command_lists_generations_and_no_secrets(redis_server: RedisServer) -> None:
    empty = _secrets(redis_server, "list")
    _secrets(redis_server, "rotate", "lab", "--overlap", "0s")
    _secrets(redis_server, "rotate", "shop")

    table = _secrets(redis_server, "list").stdout.splitlines()
    rows = json.loads(_secrets(redis_server, "list", "--json").stdout)

    assert "No tenant" in empty.stderr
    assert [line.split()[:2] for line in table[1:]] == [["lab", "2"], ["shop", "2"]]
    assert [(row["tenant"], row["earlier_until"] is None) for row in rows] == [
        ("lab", True),
        ("shop", False),
    ]
    assert "whsec" not in repr(rows) + repr(table)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["show", "lab"], "CALLBOARD_SIGNING_KEY"),
        (["show", "no such tenant"], "64 letters"),
        (["rotate", "lab", "--overlap", "31d"], "at most 30d"),
        (["rotate", "lab", "--overlap", "soon"], "is not a duration"),
    ],
)
def test_the_command_reports_errors(redis_server: RedisServer, words: list[str], why: str) -> None:
    done = _secrets(redis_server, *words)

    assert done.exit_code == 2
    assert why in done.stderr
    assert not done.stdout


def test_the_one_process_server_always_has_its_first_secrets() -> None:
    key = SIGNING_KEY.get_secret_value()
    environment = {"CALLBOARD_SIGNING_KEY": key}

    shown = CliRunner().invoke(main, ["secrets", "show", "lab"], env=environment)
    rotated = CliRunner().invoke(main, ["secrets", "rotate", "lab"], env=environment)

    assert shown.stdout.startswith("whsec_")
    assert rotated.exit_code == 2
    assert "rotations are stored in Redis" in rotated.stderr


def test_a_short_signing_key_is_refused_without_being_quoted() -> None:
    done = CliRunner().invoke(
        main, ["secrets", "show", "lab"], env={"CALLBOARD_SIGNING_KEY": "hush-hush"}
    )

    assert done.exit_code == 2
    assert "CALLBOARD_SIGNING_KEY" in done.stderr
    assert "fewer than 32" in done.stderr
    assert "hush-hush" not in done.output


def test_a_worker_without_a_signing_key_reports_that_it_sends_no_callbacks() -> None:
    container = build_container(load_settings())

    with capture_logs() as lines:
        dispatch_webhooks(container, lambda _: b"")

    assert [(each["event"], each["log_level"]) for each in lines] == [("webhooks_skipped", "info")]
    container.close()
