"""Keys in Redis: what they grant, for how long, and what wrong ones cost."""

import json
from typing import Any

import fakeredis
import pytest
import redis as redis_client
from click.testing import CliRunner, Result
from falcon import Response, testing

from callboard.api.authentication import REMEMBER_S, Authentication, Keyring
from callboard.api.request import Request
from callboard.config import ApiKey, Role
from callboard.jobs.api_keys import create_key, list_keys, revoke_key
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.store import Store
from callboard.ops.cli import main
from tests.api_app import ApiApp, hash_of
from tests.servers import RedisServer

WELL_FORMED = "cbk_" + "A" * 43
SERVERS = {"broker_url": "amqp://127.0.0.1", "redis_url": "redis://127.0.0.1"}


class Counting(fakeredis.FakeRedis):
    """Counts its pipelines, and can simulate an outage."""

    trips = 0
    away = False

    def pipeline(self, *args: Any, **kwargs: Any) -> Any:
        self.trips += 1
        if self.away:
            raise redis_client.ConnectionError("away")
        return super().pipeline(*args, **kwargs)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def client() -> Counting:
    return Counting(server=fakeredis.FakeServer(version=(7, 2)), protocol=2)


@pytest.fixture
def store(client: Counting) -> Store:
    return Store(client, "test")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _keyring(store: Store, clock: Clock, *configured: ApiKey, required: bool = False) -> Keyring:
    return Keyring(configured, store, required=required, clock=clock)


def test_a_key_grants_its_tenant_and_role(api_app: ApiApp) -> None:
    key, made = create_key(api_app.store, tenant="acme", role="client")

    job = api_app.submit(headers=_bearer(key))
    refused = api_app.http.simulate_get("/v1/workers", headers=_bearer(key))

    assert job.status_code == 202
    assert api_app.publisher.published[0].submission.tenant == "acme"
    assert refused.status_code == 403
    assert key not in str(made)
    assert made.sha256 not in str(made)


def test_the_first_key_ends_anonymous_access(api_app: ApiApp) -> None:
    key, _made = create_key(api_app.store, tenant="acme", role="viewer")

    let_in = api_app.http.simulate_get("/v1/operations", headers=_bearer(key))
    without = api_app.http.simulate_get("/v1/operations")

    assert (let_in.status_code, without.status_code) == (200, 401)


def test_redis_is_asked_at_most_every_five_seconds_whether_there_are_keys(
    store: Store, client: Counting, clock: Clock
) -> None:
    keyring = _keyring(store, clock)
    assert not keyring.is_required()
    create_key(store, tenant="acme", role="viewer")
    before = client.trips

    soon = keyring.is_required()
    clock.now += REMEMBER_S

    assert (soon, keyring.is_required(), client.trips) == (False, True, before + 1)


def test_keys_can_be_required_before_one_exists() -> None:
    api_app = ApiApp(require_keys=True, **SERVERS)

    assert api_app.http.simulate_get("/v1/operations").status_code == 401
    assert api_app.http.simulate_get("/healthz").status_code == 200


def test_a_revoked_key_stops_working_within_five_seconds(store: Store, clock: Clock) -> None:
    keyring = _keyring(store, clock, required=True)
    key, made = create_key(store, tenant="acme", role="admin")
    assert keyring.find(key) is not None

    assert revoke_key(store, made)
    clock.now += REMEMBER_S

    assert keyring.find(key) is None
    assert not revoke_key(store, made)


def test_a_long_response_can_check_that_its_key_is_still_valid(store: Store, clock: Clock) -> None:
    key, made = create_key(store, tenant="acme", role="viewer")
    roles: dict[str, dict[str, Role | None]] = {"/v1/jobs": {"GET": "viewer"}}
    authentication = Authentication(_keyring(store, clock), roles)
    request = Request(testing.create_environ(headers=_bearer(key)))
    request.uri_template = "/v1/jobs"
    authentication.process_resource(request, Response(), None, None)
    before = request.context.admitted()

    revoke_key(store, made)
    clock.now += REMEMBER_S

    assert (before, request.context.admitted()) == (True, False)


def test_a_known_key_costs_one_round_trip_in_five_seconds(
    store: Store, client: Counting, clock: Clock
) -> None:
    keyring = _keyring(store, clock, required=True)
    key, _made = create_key(store, tenant="acme", role="admin")
    before = client.trips

    callers = {keyring.find(key) for _ in range(50)}

    assert (len(callers), client.trips) == (1, before + 1)


def test_malformed_keys_are_refused_without_asking_redis(
    store: Store, client: Counting, clock: Clock
) -> None:
    keyring = _keyring(store, clock, required=True)

    found = [
        keyring.find(text) for text in ("", "x" * 10_000, WELL_FORMED + "A", "cbk_ü" + "A" * 42)
    ]

    assert (found, client.trips) == ([None] * 4, 0)


def test_wrong_keys_take_no_memory(store: Store, clock: Clock) -> None:
    keyring = _keyring(store, clock, required=True)

    for number in range(2_000):
        assert keyring.find(f"cbk_{number:043d}") is None

    assert keyring.size == 0
    assert store.redis.dbsize() == 0


def test_keys_of_the_settings_work_without_redis(
    store: Store, client: Counting, clock: Clock
) -> None:
    keyring = _keyring(store, clock, ApiKey("acme", "viewer", hash_of("secret")))
    client.away = True

    caller = keyring.find("secret")

    assert caller is not None
    assert (caller.tenant, caller.role, keyring.is_required()) == ("acme", "viewer", True)
    with pytest.raises(StoreUnavailable):
        keyring.find(WELL_FORMED)


def test_a_process_that_never_reached_redis_admits_no_anonymous_request(client: Counting) -> None:
    client.away = True
    api_app = ApiApp(client)

    answer = api_app.http.simulate_get("/v1/operations")

    assert answer.status_code == 503
    assert answer.json["code"] == "STORE_UNAVAILABLE"


def test_callers_of_one_tenant_are_distinguished_by_their_keys(store: Store, clock: Clock) -> None:
    keyring = _keyring(store, clock, ApiKey("acme", "viewer", hash_of("secret")))
    key, made = create_key(store, tenant="acme", role="admin")

    stored, configured = keyring.find(key), keyring.find("secret")

    assert stored is not None
    assert configured is not None
    assert stored.identity == f"acme:{made.id}"
    assert stored.identity != configured.identity


@pytest.mark.parametrize("raw", ["", "{", "[]", '{"id": "x"}', '{"role": "root"}', "null"])
def test_an_unreadable_key_entry_grants_nothing(store: Store, clock: Clock, raw: str) -> None:
    store.redis.hset(store.keys("api_keys"), hash_of(WELL_FORMED), raw)

    assert _keyring(store, clock, required=True).find(WELL_FORMED) is None
    assert list_keys(store) == []


@pytest.mark.parametrize("tenant", ["", "a b", "a:b", "ü", "x" * 65])
def test_a_tenant_name_has_the_same_format_as_in_the_settings(store: Store, tenant: str) -> None:
    with pytest.raises(ValueError, match="tenant"):
        create_key(store, tenant=tenant, role="viewer")


def _keys(server: RedisServer, *words: str, **settings: str) -> Result:
    environment = {
        "CALLBOARD_REDIS_URL": server.url,
        "CALLBOARD_BROKER_URL": "amqp://127.0.0.1",
        "CALLBOARD_NAMESPACE": "test",
        **settings,
    }
    return CliRunner().invoke(main, ["keys", *words], env=environment)


def _create(server: RedisServer, role: Role, name: str = "") -> Result:
    return _keys(server, "create", "--tenant", "acme", "--role", role, "--name", name)


@pytest.mark.usefixtures("redis")
def test_the_command_prints_only_the_new_key_and_only_once(redis_server: RedisServer) -> None:
    created = _create(redis_server, "client", "nightly run")
    listed = _keys(redis_server, "list")
    (row,) = json.loads(_keys(redis_server, "list", "--json").stdout)

    key = created.stdout.strip()
    assert created.stdout == f"{key}\n"
    assert len(key) == 47
    assert (row["tenant"], row["role"], row["name"]) == ("acme", "client", "nightly run")
    for said in (listed.output, json.dumps(row), created.stderr):
        assert key not in said
        assert hash_of(key) not in said
    assert row["id"] in listed.stdout


@pytest.mark.usefixtures("redis")
def test_the_command_revokes_by_id_and_keeps_the_last_key_unless_forced(
    redis_server: RedisServer,
) -> None:
    for role in ("client", "admin"):
        assert _create(redis_server, role).exit_code == 0
    first, last = (row["id"] for row in json.loads(_keys(redis_server, "list", "--json").stdout))

    assert _keys(redis_server, "revoke", first).exit_code == 0
    assert _keys(redis_server, "revoke", first).exit_code == 2
    kept = _keys(redis_server, "revoke", last)
    forced = _keys(redis_server, "revoke", last, CALLBOARD_REQUIRE_KEYS="true")

    assert (kept.exit_code, forced.exit_code) == (2, 0)
    assert "last key" in kept.stderr
    assert json.loads(_keys(redis_server, "list", "--json").stdout) == []


@pytest.mark.usefixtures("redis")
def test_the_command_lists_the_keys_of_the_settings_and_cannot_revoke_them(
    redis_server: RedisServer,
) -> None:
    settings = {"CALLBOARD_API_KEYS": f"acme:viewer:{hash_of('secret')}"}

    (row,) = json.loads(_keys(redis_server, "list", "--json", **settings).stdout)
    revoked = _keys(redis_server, "revoke", row["id"], **settings)

    assert row["kept_in"] == "settings"
    assert hash_of("secret") not in json.dumps(row)
    assert (revoked.exit_code, "CALLBOARD_API_KEYS" in revoked.stderr) == (2, True)


def test_without_servers_the_command_explains_where_keys_are_stored() -> None:
    done = CliRunner().invoke(main, ["keys", "create", "--tenant", "acme", "--role", "viewer"])

    assert done.exit_code == 2
    assert "keys are stored in Redis" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("known", [False, True])
def test_the_document_requires_a_key_once_redis_has_one(api_app: ApiApp, known: bool) -> None:
    if known:
        create_key(api_app.store, tenant="team", role="viewer")

    document = api_app.http.simulate_get("/openapi.json").json

    assert ({} in document["security"]) is not known
