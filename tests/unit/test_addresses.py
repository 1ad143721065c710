"""URLs of RabbitMQ and Redis are parsed completely, or refused in a sentence without secrets."""

import pika
import pytest
from redis.connection import parse_url

from callboard.actors.amqp import connection_parameters
from callboard.config import ConfigurationError, load_settings
from callboard.jobs.connection.redis_client import connect_redis

BROKER = "amqp://u:hush-broker@rabbit.example"
REDIS = "redis://:hush-redis@redis.example"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (f"{REDIS}?foo=bar", "it must not contain foo; valid options are db, pass"),
        (f"{REDIS}/0?decode_responses=true", "it must not contain decode_responses"),
        (f"{REDIS}/0?socket_timeout=0", "it must not contain socket_timeout"),
        (f"{REDIS}/0?protocol=3", "it must not contain protocol"),
        (f"{REDIS}/0?encoding=latin-1", "it must not contain encoding"),
        (f"{REDIS}/0?max_connections=1", "it must not contain max_connections"),
        (f"{REDIS}/0?db=one", "its option db must be a database number"),
        (f"{REDIS}?db=1&db=2", "it contains db twice"),
        (f"{REDIS}/0?db=1", "it names a database twice"),
        (f"{REDIS}?password=", "its option password must be a password"),
        (f"{REDIS}/one", "not a database number"),
        (f"{REDIS}/-1", "not a database number"),
        (f"{REDIS}/0/1", "not a database number"),
        (f"{REDIS}/²", "not a database number"),
        (f"{REDIS}:0/", "its port is not a number from 1 to 65535"),
        (f"{REDIS}:65536/", "its port is not a number from 1 to 65535"),
        ("redis://:hush?redis@redis.example/0", "it is not a valid URL"),
        ("redis://:hush#redis@redis.example/0", "it is not a valid URL"),
        ("redis://:hush/redis@redis.example/0", "it is not a valid URL"),
        ("redis://u:12?hush-redis@redis.example/0", "it contains a # or [?] in the wrong place"),
        ("redis://u:12#hush-redis@redis.example/0", "it contains a # or [?] in the wrong place"),
        ("redis://:hush redis@redis.example", "it contains a space or control character"),
        ("redis://:hush\nredis@redis.example", "it contains a space or control character"),
        ("redis://:hush%ff@redis.example", "percent-encoded bytes that are not UTF-8"),
        ("redis:/redis.example", "it must begin with redis:// or rediss:// or unix://"),
        ("redis.example:6379", "it must begin with redis://"),
        (f"redis://{'a' * 64}.example", "its host is not a valid host name"),
        ("redis://a..example", "its host is not a valid host name"),
        ("redis://[::1", "it is not a valid URL"),
        ("unix://run/redis.sock", "it names no host: a socket's path begins with a /"),
        ("unix:///", "it names no host: a socket's path begins with a /"),
        ("unix:///run/redis.sock?foo=bar", "it must not contain foo"),
    ],
)
def test_an_unusable_redis_url_is_refused_by_name(url: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^CALLBOARD_REDIS_URL .*{sentence}") as refusal:
        load_settings(broker_url=BROKER, redis_url=url)

    assert "hush" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (f"{BROKER}?foo=bar", "it must not contain foo; valid options are blocked"),
        (f"{BROKER}/?heartbeat=abc", "its option heartbeat must be a number"),
        (f"{BROKER}/?heartbeat=", "its option heartbeat must be a number"),
        (f"{BROKER}/?heartbeat=1&heartbeat=2", "it contains heartbeat twice"),
        (f"{BROKER}/?blocked_connection_timeout=-1", "must be a number"),
        (f"{BROKER}/?channel_max=1", "it must not contain channel_max"),
        (f"{BROKER}/?client_properties={{}}", "it must not contain client_properties"),
        (f"{BROKER}/?tcp_options=1", "it must not contain tcp_options"),
        (f"{BROKER}/a/b", "its virtual host contains a /; write it as %2F"),
        (f"{BROKER}//", "its virtual host contains a /; write it as %2F"),
        ("amqp://u@rabbit.example", "it names a user without a password"),
        (f"{BROKER}:port", "it is not a valid URL"),
        (f"{BROKER}:0", "its port is not a number from 1 to 65535"),
        ("amqp://u:hush/broker@rabbit.example", "it is not a valid URL"),
        ("amqp://u:12/hush-broker@rabbit.example/v", "its virtual host contains a /"),
        ("amqp:rabbit.example", "it must begin with amqp:// or amqps://"),
        (f"amqp://{'a' * 64}.example", "its host is not a valid host name"),
    ],
)
def test_an_unusable_rabbitmq_url_is_refused_by_name(url: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^CALLBOARD_BROKER_URL .*{sentence}") as refusal:
        load_settings(broker_url=url, redis_url=REDIS)

    assert "hush" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("redis://h", {"host": "h"}),
        ("REDIS://h:1/3\n", {"host": "h", "port": 1, "db": 3}),
        ("redis://h/?db=3", {"host": "h", "db": 3}),
        ("redis://u%40x:p%2F%3F%23@h", {"host": "h", "username": "u@x", "password": "p/?#"}),
        ("redis://:p%w@h", {"host": "h", "password": "p%w"}),
        ("redis://[::1]:7/1", {"host": "::1", "port": 7, "db": 1}),
        (
            "unix:///run/redis.sock?db=2&username=u&password=p%20w",
            {"path": "/run/redis.sock", "db": 2, "username": "u", "password": "p w"},
        ),
    ],
)
def test_a_redis_url_is_parsed_as_intended(url: str, read: dict[str, object]) -> None:
    settings = load_settings(broker_url=BROKER, redis_url=url)

    with connect_redis(settings) as client:
        options = client.connection_pool.connection_kwargs

    assert settings.redis_url
    assert read.items() <= parse_url(settings.redis_url.get_secret_value()).items()
    assert read.items() <= options.items()
    assert (options["decode_responses"], options["protocol"]) == (False, 2)


@pytest.mark.parametrize(
    ("url", "host", "vhost"),
    [
        ("amqp://h", "h", "/"),
        ("AMQP://h/", "h", "/"),
        (" amqp://h/%2F\n", "h", "/"),
        ("amqp://h/team%2Fone?heartbeat=30&connection_timeout=10", "h", "team/one"),
        ("amqps://h/v?socket_timeout=1.5&blocked_connection_timeout=0", "h", "v"),
    ],
)
def test_a_rabbitmq_url_is_parsed_as_intended(url: str, host: str, vhost: str) -> None:
    settings = load_settings(broker_url=url, redis_url=REDIS)

    assert settings.broker_url
    parameters = connection_parameters(settings.broker_url.get_secret_value(), name="test")

    assert (parameters.host, parameters.virtual_host) == (host, vhost)
    assert (parameters.heartbeat, parameters.blocked_connection_timeout) == (20, 300)
    assert isinstance(parameters, pika.URLParameters)
