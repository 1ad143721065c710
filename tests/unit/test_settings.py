"""Settings are read once, and an invalid one is refused in one sentence without secrets."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from callboard.config import ApiKey, ConfigurationError, Rate, Settings, load_settings
from tools.settings_reference import render

BROKER = "amqp://somebody:hush-broker@rabbit.example:5672/%2F"
REDIS = "redis://:hush-redis@redis.example:6379/0"
HASH = "ab" * 32
SECRETS = ("hush-broker", "hush-redis", HASH, "hush-key")


def test_without_any_variable_everything_runs_in_one_process_on_loopback() -> None:
    settings = load_settings()

    assert settings.embedded
    assert settings.host == "127.0.0.1"
    assert settings.port == 8000


def test_values_are_read_in_common_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBOARD_BROKER_URL", BROKER)
    monkeypatch.setenv("CALLBOARD_REDIS_URL", REDIS)
    monkeypatch.setenv("CALLBOARD_LEASE", "1m")
    monkeypatch.setenv("CALLBOARD_MAX_BODY_BYTES", "2MiB")
    monkeypatch.setenv("CALLBOARD_RESOURCES", "gpu=1, license=3,")
    monkeypatch.setenv("CALLBOARD_OPERATIONS", "team.clustering, team.reports")
    monkeypatch.setenv("CALLBOARD_TRUSTED_PROXIES", "10.0.0.0/8,::1")
    monkeypatch.setenv("CALLBOARD_API_KEYS", f"lab:client:{HASH},ops:admin:{'CD' * 32}")
    monkeypatch.setenv("CALLBOARD_HOST", "0.0.0.0")
    monkeypatch.setenv("CALLBOARD_LOG_LEVEL", "WARNING")

    settings = load_settings()

    assert not settings.embedded
    assert settings.lease == timedelta(minutes=1)
    assert settings.max_body_bytes == 2 * 1024**2
    assert settings.resources == {"gpu": 1, "license": 3}
    assert settings.operations == ("team.clustering", "team.reports")
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1")
    assert settings.api_keys == (
        ApiKey(tenant="lab", role="client", sha256=HASH),
        ApiKey(tenant="ops", role="admin", sha256="cd" * 32),
    )
    assert settings.log_level == "warning"


def test_names_of_platforms_are_read_and_our_own_take_precedence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOUDAMQP_URL", BROKER)
    monkeypatch.setenv("REDIS_URL", REDIS)
    monkeypatch.setenv("PORT", "5000")
    monkeypatch.setenv("CALLBOARD_PORT", "5001")

    settings = load_settings()

    assert settings.broker_url
    assert settings.broker_url.get_secret_value() == BROKER
    assert settings.redis_url
    assert settings.redis_url.get_secret_value() == REDIS
    assert settings.port == 5001


def test_callback_targets_are_read_as_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBOARD_SIGNING_KEY", "hush-key" * 4)
    monkeypatch.setenv("CALLBOARD_CALLBACK_HOSTS", "Hooks.example.com, *.example.org,192.0.2.1,::1")
    monkeypatch.setenv("CALLBOARD_CALLBACK_NETWORKS", "10.0.0.0/8,fd00::/8")
    monkeypatch.setenv("CALLBOARD_CALLBACK_PORTS", "443, 8080")
    monkeypatch.setenv("CALLBOARD_CALLBACK_RETRIES", "5s,1m")

    settings = load_settings()

    assert settings.signing_key is not None
    assert settings.signing_key.get_secret_value() == "hush-key" * 4
    assert "hush-key" not in repr(settings)
    assert settings.callback_hosts == ("hooks.example.com", "*.example.org", "192.0.2.1", "::1")
    assert settings.callback_networks == ("10.0.0.0/8", "fd00::/8")
    assert settings.callback_ports == (443, 8080)
    assert settings.callback_retries == (timedelta(seconds=5), timedelta(minutes=1))


def test_a_callback_is_tried_again_for_three_days() -> None:
    waits = load_settings().callback_retries

    assert len(waits) == 9
    assert timedelta(days=3) < sum(waits, timedelta()) < timedelta(days=4)


@pytest.mark.parametrize(
    ("written", "rate", "window_s"),
    [
        ("100/10s", Rate(100, timedelta(seconds=10)), 10),
        (" 1 / 1d ", Rate(1, timedelta(days=1)), 86_400),
        ("1000000/1", Rate(1_000_000, timedelta(seconds=1)), 1),
    ],
)
def test_a_rate_is_read_as_requests_per_period(
    written: str, rate: Rate, window_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLBOARD_RATE_LIMIT", written)

    settings = load_settings()

    assert settings.rate_limit == rate
    assert rate.window_s == window_s
    assert load_settings(rate_limit=str(rate)).rate_limit == rate


def test_rates_of_submissions_are_read_by_operation() -> None:
    settings = load_settings(submission_rates="add=30/1m, parse_document = 1/10s,")

    assert settings.submission_rates == {
        "add": Rate(30, timedelta(minutes=1)),
        "parse_document": Rate(1, timedelta(seconds=10)),
    }


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBOARD_THREADS", "")

    assert load_settings().threads == 4


def test_an_override_takes_precedence_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBOARD_PORT", "5001")

    assert load_settings(port=5002, lease="5s").port == 5002


def test_settings_cannot_be_changed() -> None:
    settings = load_settings()

    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"BROKER_URL": BROKER}, "CALLBOARD_BROKER_URL is set but CALLBOARD_REDIS_URL is not"),
        ({"REDIS_URL": REDIS}, "CALLBOARD_REDIS_URL is set but CALLBOARD_BROKER_URL is not"),
        ({"BROKER_URL": "http://u:hush-key@h"}, "CALLBOARD_BROKER_URL .* must begin with amqp://"),
        ({"BROKER_URL": "hush-key"}, "CALLBOARD_BROKER_URL is not valid: it must begin"),
        ({"BROKER_URL": "amqp://u:hush-key@h:port"}, "it is not a valid URL"),
        ({"BROKER_URL": "amqp://"}, "it names no host"),
        ({"REDIS_URL": "rediss://"}, "CALLBOARD_REDIS_URL is not valid: it names no host"),
        ({"REDIS_URL": "amqp://:hush-key@h"}, "redis:// or rediss:// or unix://"),
        ({"NAMESPACE": "My Team"}, "CALLBOARD_NAMESPACE is not valid"),
        ({"NAMESPACE": "a" * 33}, "CALLBOARD_NAMESPACE is not valid"),
        ({"PORT": "http"}, "CALLBOARD_PORT is not valid: .* integer"),
        ({"PORT": "70000"}, "CALLBOARD_PORT is not valid: .*65535"),
        ({"THREADS": "0"}, "CALLBOARD_THREADS is not valid: .*1"),
        ({"WEB_CONCURRENCY": "65"}, "CALLBOARD_WEB_CONCURRENCY is not valid: .*64"),
        ({"LEASE": "soon"}, "CALLBOARD_LEASE is not valid: 'soon' is not a duration"),
        ({"LEASE": "500ms"}, "CALLBOARD_LEASE is not valid: it must be between 1s and 1h"),
        ({"SHUTDOWN_GRACE": "2h"}, "CALLBOARD_SHUTDOWN_GRACE is not valid: .*between 0s and 1h"),
        ({"SIGNING_KEY": "hush-key"}, "CALLBOARD_SIGNING_KEY .*fewer than 32 characters"),
        ({"CALLBACK_HOSTS": "https://x.example"}, "is not a host or a pattern"),
        ({"CALLBACK_HOSTS": "*"}, "is not a host or a pattern"),
        ({"CALLBACK_NETWORKS": "10.0.0.1/8"}, "CALLBOARD_CALLBACK_NETWORKS .* 10.0.0.0/8"),
        ({"CALLBACK_PORTS": "443,0"}, "'0' is not a TCP port"),
        ({"CALLBACK_PORTS": "443,https"}, "'https' is not a TCP port"),
        ({"CALLBACK_RETRIES": "5s,soon"}, "'soon' is not a duration"),
        ({"CALLBACK_RETRIES": "8d"}, "between 0s and 7d"),
        ({"MAX_BODY_BYTES": "5TB"}, "unknown unit 'TB'"),
        ({"MAX_BODY_BYTES": "1B"}, "between 1KiB and 1GiB"),
        ({"MAX_RESULT_BYTES": "32KiB"}, "INLINE_RESULT_BYTES is larger than"),
        ({"QUEUE_TYPE": "stream"}, "CALLBOARD_QUEUE_TYPE is not valid: .*'classic' or 'quorum'"),
        ({"DURABILITY": "strict"}, "CALLBOARD_DURABILITY=strict needs a persistent Redis"),
        ({"RESOURCES": "gpu"}, "'gpu' is not a resource with a number"),
        ({"RESOURCES": "gpu=-1"}, "'gpu=-1' is not a resource"),
        ({"RESOURCES": "gpu=1,gpu=2"}, "'gpu' is set twice"),
        ({"OPERATIONS": "team/clustering.py"}, "is not the name of a Python module"),
        ({"RATE_LIMIT": "100"}, "'100' is not a number per period, such as 100/10s"),
        ({"RATE_LIMIT": "many/10s"}, "CALLBOARD_RATE_LIMIT is not valid: 'many/10s' is not"),
        ({"RATE_LIMIT": "-1/10s"}, "'-1/10s' is not a number per period"),
        ({"RATE_LIMIT": "0/10s"}, "it must allow 1 to 1000000, not 0"),
        ({"RATE_LIMIT": "1000001/10s"}, "it must allow 1 to 1000000"),
        ({"RATE_LIMIT": f"{'9' * 5000}/10s"}, "it must allow 1 to 1000000"),
        ({"RATE_LIMIT": "100/soon"}, "'soon' is not a duration"),
        ({"RATE_LIMIT": "100/999ms"}, "it must be between 1s and 1d"),
        ({"RATE_LIMIT": "100/25h"}, "it must be between 1s and 1d"),
        ({"RATE_LIMIT": "100/1500ms"}, "'1500ms' is not a whole number of seconds"),
        ({"CAPACITY_GROUPS": "desk"}, "'desk' is not a capacity group with a number from 1"),
        ({"CAPACITY_GROUPS": "desk=0"}, "'desk=0' is not a capacity group"),
        ({"CAPACITY_GROUPS": "desk=1,desk=2"}, "the capacity group 'desk' is set twice"),
        ({"SUBMISSION_RATES": "30/1m"}, "'30/1m' is not an operation with a rate, such as"),
        ({"SUBMISSION_RATES": "add=30"}, "'30' is not a number per period, such as 100/10s"),
        ({"SUBMISSION_RATES": "add=1/1m,add=2/1m"}, "the operation 'add' is set twice"),
        ({"TRUSTED_PROXIES": "proxy.example"}, "is not an IP address or network"),
        ({"API_KEYS": "hush-key"}, "entry 1 is not written as tenant:role:sha256"),
        ({"API_KEYS": "lab:client:hush-key"}, "entry 1 does not end in a SHA-256"),
        ({"API_KEYS": f"lab:root:{HASH}"}, "entry 1 has an unknown role"),
        ({"API_KEYS": f"a:client:{HASH},b:admin:{HASH}"}, "two entries have the same hash"),
        ({"HOST": "0.0.0.0"}, "would expose the one-process server to the network"),
        ({"HOST": "::", "API_KEYS": f"a:client:{HASH}"}, "would expose the one-process server"),
        (
            {"HOST": "0.0.0.0", "BROKER_URL": BROKER, "REDIS_URL": REDIS},
            "would give everyone access; set CALLBOARD_API_KEYS or CALLBOARD_REQUIRE_KEYS=true",
        ),
        ({"REQUIRE_KEYS": "true"}, "CALLBOARD_REQUIRE_KEYS=true needs CALLBOARD_API_KEYS"),
        ({"REQUIRE_KEYS": "perhaps"}, "CALLBOARD_REQUIRE_KEYS is not valid: .*boolean"),
        ({"FAULT_POINTS": "after_submit"}, "it needs CALLBOARD_TESTING=true"),
        ({"TESTING": "perhaps"}, "CALLBOARD_TESTING is not valid: .*boolean"),
        ({"LEESE": "10s"}, "CALLBOARD_LEESE is not a setting; did you mean CALLBOARD_LEASE"),
    ],
)
def test_an_invalid_configuration_is_refused_in_one_sentence_without_secrets(
    variables: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"CALLBOARD_{name}", value)

    with pytest.raises(ConfigurationError, match=sentence) as refusal:
        load_settings()

    assert "\n" not in str(refusal.value)
    assert not any(secret in _everything_said(refusal.value) for secret in SECRETS)


def test_an_open_host_needs_keys_in_the_settings_or_required_keys() -> None:
    open_to_all = {"broker_url": BROKER, "redis_url": REDIS, "host": "0.0.0.0"}

    assert load_settings(**open_to_all, require_keys=True).api_keys == ()
    assert not load_settings(**open_to_all, api_keys=f"lab:client:{HASH}").require_keys
    with pytest.raises(ConfigurationError, match="would give everyone access"):
        load_settings(**open_to_all)


def test_an_error_names_the_platform_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDAMQP_URL", "http://rabbit.example")

    with pytest.raises(ConfigurationError, match=r"^CLOUDAMQP_URL is not valid"):
        load_settings()


def test_variables_of_the_client_are_not_reported_as_misspelt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CALLBOARD_URL", "http://127.0.0.1:8000")
    monkeypatch.setenv("CALLBOARD_API_KEY", "hush-key")

    assert load_settings().api_keys == ()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_needs_no_keys(host: str) -> None:
    assert load_settings(host=host).host == host


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    settings = load_settings(
        broker_url=BROKER, redis_url=REDIS, api_keys=f"lab:client:{HASH}", host="0.0.0.0"
    )

    assert not any(secret in f"{settings!r} {settings!s}" for secret in SECRETS)


def test_a_validation_error_shows_no_value() -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings(broker_url="amqp://u:hush-broker@h:port")

    assert "hush-broker" not in str(refusal.value)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "gunicorn's processes need a shared RabbitMQ and Redis"),
        ({"CALLBOARD_THREADS": "many"}, "CALLBOARD_THREADS is not valid"),
    ],
)
def test_a_process_that_cannot_start_prints_one_line_and_exits_with_2(
    variables: dict[str, str], sentence: str
) -> None:
    command = Path(sys.executable).with_name("callboardctl")

    ended = subprocess.run(
        [command, "web"],
        env={"PATH": os.defpath, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert sentence in ended.stderr


@pytest.mark.check
def test_the_reference_page_is_what_the_declarations_say() -> None:
    page = Path("docs/reference/settings.md").read_text("utf-8")

    assert page == render(), "run `make reference`"


@pytest.mark.check
def test_every_setting_has_a_meaning() -> None:
    silent = [name for name, field in Settings.model_fields.items() if not field.description]

    assert not silent


def _everything_said(error: BaseException | None) -> str:
    said = ""
    while error is not None:
        said += f"{error!r} {error} {getattr(error, '__notes__', '')}"
        error = error.__cause__ or error.__context__
    return said
