"""The checked address is used, and the given name is verified."""

import ssl
from pathlib import Path

import pytest

from callboard.actors.webhooks.name_lookup import Lookup
from callboard.actors.webhooks.sender import WebhookSender
from callboard.jobs.callbacks.retry_delay import Attempted
from callboard.jobs.callbacks.url import CallbackRules
from tests.authority import Authority
from tests.receiver import Receiver, answering, hanging


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def _sent(
    receiver: Receiver,
    trusted: ssl.SSLContext,
    host: str = "hooks.example",
    *,
    deadline_s: float = 5.0,
) -> Attempted:
    rules = CallbackRules(networks=("127.0.0.0/8",), ports=(receiver.port,))
    lookup = Lookup(lambda _: ["127.0.0.1"])
    sender = WebhookSender(rules, lookup=lookup, tls=trusted, deadline_s=deadline_s)
    return sender.send(f"https://{host}:{receiver.port}/hook?token=hush", {}, b"{}")


def test_the_host_name_is_sent_and_verified_on_the_pinned_connection(authority: Authority) -> None:
    with Receiver(tls=authority.certify("hooks.example")) as receiver:
        attempted = _sent(receiver, authority.trusted())

    (request,) = receiver.received
    assert attempted.succeeded
    assert request.server_name == "hooks.example"
    assert request.headers["host"] == f"hooks.example:{receiver.port}"


def test_an_ip_address_is_verified_like_a_name(authority: Authority) -> None:
    with Receiver(tls=authority.certify("127.0.0.1")) as receiver:
        assert _sent(receiver, authority.trusted(), "127.0.0.1").succeeded


@pytest.mark.parametrize("wrong", ["name", "authority", "time"])
def test_a_server_that_cannot_prove_its_name_gets_nothing(
    authority: Authority, wrong: str, tmp_path: Path
) -> None:
    trusted = (Authority(tmp_path) if wrong == "authority" else authority).trusted()
    name = "other.example" if wrong == "name" else "hooks.example"

    with Receiver(tls=authority.certify(name, days=-1 if wrong == "time" else 1)) as receiver:
        attempted = _sent(receiver, trusted)

        assert receiver.received == []
    assert attempted.code is None
    assert attempted.problem.startswith("its certificate is not accepted: ")
    assert "hush" not in attempted.problem


def test_only_the_systems_authorities_are_trusted_by_default(authority: Authority) -> None:
    with Receiver(tls=authority.certify("127.0.0.1")) as receiver:
        rules = CallbackRules(networks=("127.0.0.0/8",), ports=(receiver.port,))

        attempted = WebhookSender(rules).send(f"https://127.0.0.1:{receiver.port}/", {}, b"{}")

    assert attempted.problem.startswith("its certificate is not accepted: ")


def test_a_server_without_tls_gets_nothing(authority: Authority) -> None:
    with Receiver(answering()) as receiver:
        attempted = _sent(receiver, authority.trusted(), deadline_s=1)

        assert receiver.received == []
    assert not attempted.succeeded


def test_the_deadline_applies_to_tls(authority: Authority) -> None:
    with Receiver(hanging, tls=authority.certify("hooks.example")) as receiver:
        attempted = _sent(receiver, authority.trusted(), deadline_s=0.5)

    assert attempted.problem == "it took too long"
