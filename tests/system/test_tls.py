"""RabbitMQ and Redis with TLS: certificates and names are verified, or refused with a reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from dramatiq import Message
from redis import RedisError

from callboard.actors.broker.rabbitmq import RabbitmqBroker
from callboard.actors.encoding import install_encoding
from callboard.actors.publisher import OutgoingMessage, PublishOutcome, RabbitmqPublisher
from callboard.config import Settings, load_settings
from callboard.jobs.connection.redis_client import connect_redis
from callboard.jobs.connection.tls_faults import tls_fault
from tests.authority import Authority
from tests.eventually import eventually
from tests.logs import capture_logs
from tests.servers import RabbitMQ, RedisServer, free_port
from tests.system.stack import installation

pytestmark = pytest.mark.usefixtures("_encoding")

HOST = "localhost"
UNKNOWN = (
    "its certificate was rejected: self-signed certificate in certificate chain; CALLBOARD_TLS"
)
OTHER_NAME = "its certificate was rejected: IP address mismatch"


@dataclass(frozen=True)
class Guarded:
    """Servers with the name localhost, which require client certificates."""

    rabbitmq: RabbitMQ
    redis_server: RedisServer
    authority: Authority
    client: Path
    broker_port: int
    redis_port: int

    def settings(self, host: str = HOST, **changed: object) -> Settings:
        return load_settings(
            **{
                "broker_url": f"amqps://guest:guest@{host}:{self.broker_port}/%2F",
                "redis_url": f"rediss://{host}:{self.redis_port}/0",
                "tls_ca_file": str(self.authority.file),
                "tls_cert_file": str(self.client),
                **changed,
            }
        )


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    server, client = str(authority.issue(HOST)), authority.issue("a client")
    broker_port, redis_port = free_port(), free_port()
    rabbitmq = RabbitMQ(
        tmp_path_factory.mktemp("rabbitmq"),
        options={
            "listeners.ssl.1": f"127.0.0.1:{broker_port}",
            "ssl_options.cacertfile": str(authority.file),
            "ssl_options.certfile": server,
            "ssl_options.keyfile": server,
            "ssl_options.verify": "verify_peer",
            "ssl_options.fail_if_no_peer_cert": "true",
        },
    )
    redis_server = RedisServer(
        tmp_path_factory.mktemp("redis"),
        options={
            "tls-port": str(redis_port),
            "tls-ca-cert-file": str(authority.file),
            "tls-cert-file": server,
            "tls-key-file": server,
            "tls-auth-clients": "yes",
        },
    )
    try:
        rabbitmq.start()
        redis_server.start()
        yield Guarded(rabbitmq, redis_server, authority, client, broker_port, redis_port)
    finally:
        rabbitmq.close()
        redis_server.close()


@pytest.fixture(scope="module")
def _encoding() -> None:
    install_encoding()


def test_an_installation_runs_jobs_over_tls(
    guarded: Guarded, tmp_path: Path, namespace: str
) -> None:
    settings = guarded.settings()
    assert settings.broker_url
    assert settings.redis_url
    with installation(tmp_path, guarded.rabbitmq, guarded.redis_server, namespace) as stack:
        stack.settings |= {
            "CALLBOARD_BROKER_URL": settings.broker_url.get_secret_value(),
            "CALLBOARD_REDIS_URL": settings.redis_url.get_secret_value(),
            "CALLBOARD_TLS_CA_FILE": str(settings.tls_ca_file),
            "CALLBOARD_TLS_CERT_FILE": str(settings.tls_cert_file),
        }
        stack.start(workers=1)

        with stack.client() as client:
            jobs = [client.submit("echo", {"text": str(n)}) for n in range(20)]
            results = [client.result(job["id"], timeout=20) for job in jobs]

        assert [each["text"] for each in results] == [str(n) for n in range(20)]
        encrypted = guarded.rabbitmq.ctl("list_connections", "ssl", "client_properties")
        # One of the web process and one of the worker publish; the worker consumes on others.
        assert "false" not in encrypted
        assert encrypted.count("callboard publisher") >= 1
        assert encrypted.count("callboard consumer") >= 1


@pytest.mark.parametrize(
    ("host", "changed", "reason"),
    [
        pytest.param(HOST, {"tls_ca_file": None}, UNKNOWN, id="an unknown authority"),
        pytest.param("127.0.0.1", {}, OTHER_NAME, id="another name"),
    ],
)
def test_an_unverifiable_server_is_refused_in_a_sentence(
    guarded: Guarded, namespace: str, host: str, changed: dict[str, None], reason: str
) -> None:
    settings = guarded.settings(host, **changed)

    said = [
        _publisher_lines(settings, namespace),
        _consumer_lines(settings, namespace),
        _redis_results(settings),
    ]

    assert [each for each in said if reason not in each] == []


def test_a_server_that_requires_a_client_certificate_is_reported(
    guarded: Guarded, namespace: str
) -> None:
    settings = guarded.settings(tls_cert_file=None)

    said = [_publisher_lines(settings, namespace), _consumer_lines(settings, namespace)]

    # It sends the reason and closes; we may notice the close first.
    reasons = ("it rejected our certificate (tlsv13 alert certificate required)", "it hung up")
    assert [each for each in said if not each.startswith(reasons)] == []
    assert all("CALLBOARD_TLS_CERT_FILE" in each for each in said)
    assert _redis_results(settings)  # which closes without a reason


def test_a_server_without_tls_is_reported(guarded: Guarded, namespace: str) -> None:
    plain = f"amqps://guest:guest@{HOST}:{guarded.rabbitmq.port}/%2F"

    said = _publisher_lines(guarded.settings(broker_url=plain), namespace)

    assert said == "it does not speak TLS at this address"


def test_certificates_are_read_again_for_each_connection(
    guarded: Guarded, tmp_path: Path, namespace: str
) -> None:
    authorities = tmp_path / "authorities.pem"
    stranger = Authority(tmp_path)
    authorities.write_bytes(stranger.file.read_bytes())
    settings = guarded.settings(tls_ca_file=str(authorities))
    assert settings.broker_url
    publisher = RabbitmqPublisher(settings.broker_url.get_secret_value(), tls=settings.tls)
    client = connect_redis(settings)
    with capture_logs():
        assert publisher.publish([_outgoing(namespace)]) == [PublishOutcome.UNAVAILABLE]
    with pytest.raises(RedisError):
        client.ping()

    authorities.write_bytes(guarded.authority.file.read_bytes())

    with capture_logs():
        eventually(
            lambda: publisher.publish([_outgoing(namespace)]) == [PublishOutcome.CONFIRMED],
            what="the publisher trusts the new authority",
        )
    assert client.ping()
    publisher.close()
    client.close()


def test_the_publisher_survives_a_missing_certificate_file(
    guarded: Guarded, tmp_path: Path, namespace: str
) -> None:
    authorities = tmp_path / "authorities.pem"
    authorities.write_bytes(guarded.authority.file.read_bytes())
    settings = guarded.settings(tls_ca_file=str(authorities))
    assert settings.broker_url
    publisher = RabbitmqPublisher(settings.broker_url.get_secret_value(), tls=settings.tls)
    authorities.unlink()

    with capture_logs() as lines:
        assert publisher.publish([_outgoing(namespace)]) == [PublishOutcome.UNAVAILABLE]
        authorities.write_bytes(guarded.authority.file.read_bytes())
        eventually(
            lambda: publisher.publish([_outgoing(namespace)]) == [PublishOutcome.CONFIRMED],
            what="the publisher connects",
        )

    assert "No such file" in lines[0]["reason"]
    publisher.close()


def _publisher_lines(settings: Settings, namespace: str) -> str:
    assert settings.broker_url
    publisher = RabbitmqPublisher(
        settings.broker_url.get_secret_value(), tls=settings.tls, deadline=timedelta(seconds=5)
    )
    with capture_logs() as lines:
        assert publisher.publish([_outgoing(namespace)]) == [PublishOutcome.UNAVAILABLE]
    publisher.close()
    return str(lines[0]["reason"])


def _consumer_lines(settings: Settings, namespace: str) -> str:
    assert settings.broker_url
    url = settings.broker_url.get_secret_value()
    broker = RabbitmqBroker(url=url, tls=settings.tls, publisher=RabbitmqPublisher(url), prefetch=1)
    consumer = broker.consume(namespace)
    with capture_logs() as lines:
        assert next(consumer) is None
    consumer.close()
    return str(lines[0]["reason"])


def _redis_results(settings: Settings) -> str:
    client = connect_redis(settings)
    with pytest.raises((RedisError, OSError)) as refused:
        client.ping()
    client.close()
    return tls_fault(refused.value) or str(refused.value)


def _outgoing(queue: str) -> OutgoingMessage:
    return OutgoingMessage(Message(queue, "clustering", (), {}, {}), priority=0)
