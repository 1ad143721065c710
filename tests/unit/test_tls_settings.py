"""TLS has its own settings, and no URL can weaken it."""

from pathlib import Path

import pytest

from callboard.config import ConfigurationError, load_settings
from callboard.config.tls import TLS
from tests.authority import Authority

BROKER = "amqps://guest:hush-broker@rabbit.example"
REDIS = "rediss://:hush-redis@redis.example"


@pytest.mark.parametrize(
    "query",
    [
        "ssl_cert_reqs=none",
        "ssl_cert_reqs=optional",
        "ssl_cert_reqs=",
        "ssl_check_hostname=false",
        "db=1&ssl_cert_reqs=required&ssl_cert_reqs=none",
        "ssl%5Fcert_reqs=none",
        "ssl_exclude_verify_flags=VERIFY_X509_STRICT",
    ],
)
def test_a_redis_url_cannot_turn_verification_off(query: str) -> None:
    with pytest.raises(ConfigurationError, match=r"CALLBOARD_REDIS_URL .*always verified") as said:
        load_settings(broker_url=BROKER, redis_url=f"{REDIS}/0?{query}")

    assert "hush" not in str(said.value)


def test_a_rabbitmq_url_cannot_override_tls() -> None:
    with pytest.raises(ConfigurationError, match=r"CALLBOARD_BROKER_URL .*ssl_options"):
        load_settings(broker_url=f"{BROKER}/?ssl_options={{'protocol': 2}}", redis_url=REDIS)


def test_a_url_may_repeat_the_enforced_options() -> None:
    url = f"{REDIS}/0?ssl_cert_reqs=required"

    settings = load_settings(broker_url=BROKER, redis_url=url)

    assert settings.redis_url
    assert settings.redis_url.get_secret_value() == url


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"

    with pytest.raises(
        ConfigurationError, match=r"CALLBOARD_TLS_CA_FILE .*missing.pem.*no such file"
    ):
        load_settings(tls_ca_file=str(missing))


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")

    with pytest.raises(ConfigurationError, match="CALLBOARD_TLS_CA_FILE contains no certificates"):
        load_settings(tls_ca_file=str(empty))


def test_a_key_must_match_its_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    one, other = str(authority.issue("one")), str(authority.issue("other"))

    with pytest.raises(ConfigurationError, match="CERT_FILE cannot be used with its key"):
        load_settings(tls_cert_file=one, tls_key_file=other)
    with pytest.raises(ConfigurationError, match="KEY_FILE is set but CALLBOARD_TLS_CERT_FILE"):
        load_settings(tls_key_file=other)


def test_names_are_checked_whatever_the_files(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    contexts = [TLS().context(), TLS(authority.file, authority.issue("me")).context()]

    assert all(context.check_hostname and context.verify_mode.value == 2 for context in contexts)
