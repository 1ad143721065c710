"""Names that resolve differently at the second lookup, by a real name server."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import dns.exception
import dns.resolver
import dnslib
from dnslib.server import BaseResolver, DNSServer

from callboard.actors.webhooks.name_lookup import Lookup
from callboard.actors.webhooks.sender import WebhookSender
from callboard.jobs.callbacks.url import CallbackRules
from tests.receiver import Receiver

NAME: Final = "rebinding.example"
INNER: Final = "127.0.0.2"


class NameServer(BaseResolver):  # type: ignore[misc]
    """Answers with one list of addresses after another, repeating the last; stores the queries."""

    def __init__(self, *answers: Sequence[str] | threading.Event) -> None:
        self._answers = list(answers)
        self.asked = 0

    def resolve(self, request: Any, _handler: Any) -> Any:
        """Answer one query."""
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        reply = request.reply()
        if isinstance(answer, threading.Event):
            answer.wait(20)
        elif answer:
            for address in answer:
                reply.add_answer(dnslib.RR(NAME, dnslib.QTYPE.A, rdata=dnslib.A(address), ttl=0))
        else:
            reply.header.rcode = dnslib.RCODE.NXDOMAIN
        return reply


@contextmanager
def _asking(answers: NameServer) -> Iterator[Lookup]:
    server = DNSServer(answers, address="127.0.0.1", port=0)
    server.start_thread()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = server.server.server_address[1]

    def ask(name: str) -> list[str]:
        try:
            return [record.to_text() for record in resolver.resolve(name, "A", lifetime=20)]
        except dns.exception.DNSException as error:
            raise OSError from error

    try:
        yield Lookup(ask)
    finally:
        server.server.shutdown()
        server.server.server_close()


def _rules(port: int) -> CallbackRules:
    # One loopback address plays the public one, all others are private.
    return CallbackRules(networks=("127.0.0.1/32",), ports=(port,))


def test_a_name_that_changes_after_the_check_is_connected_to_the_checked_address() -> None:
    names = NameServer(["127.0.0.1"], [INNER])

    with Receiver() as receiver, _asking(names) as lookup:
        sender = WebhookSender(_rules(receiver.port), lookup=lookup)
        url = f"http://{NAME}:{receiver.port}/"

        first = sender.send(url, {}, b"{}")

        assert first.succeeded
        assert names.asked == 1
        assert sender.send(url, {}, b"{}").problem == "the host is not a public address"
        assert receiver.connections == 1


def test_one_private_address_among_public_ones_is_refused() -> None:
    answers = [["127.0.0.1", INNER], [INNER, "127.0.0.1"], ["169.254.169.254"]]

    with Receiver() as receiver, _asking(NameServer(*answers)) as lookup:
        sender = WebhookSender(_rules(receiver.port), lookup=lookup)
        url = f"http://{NAME}:{receiver.port}/"
        attempts = [sender.send(url, {}, b"{}") for _ in answers]

        assert receiver.connections == 0
    assert {each.problem for each in attempts} == {"the host is not a public address"}
    assert all(each.retryable for each in attempts)


def test_a_name_that_resolves_again_is_reached_again() -> None:
    with Receiver() as receiver, _asking(NameServer([], ["127.0.0.1"])) as lookup:
        sender = WebhookSender(_rules(receiver.port), lookup=lookup)
        url = f"http://{NAME}:{receiver.port}/"

        assert sender.send(url, {}, b"{}").problem == "the host has no address"
        assert sender.send(url, {}, b"{}").succeeded


def test_a_hanging_name_server_ends_the_attempt_at_its_deadline() -> None:
    released = threading.Event()

    with Receiver() as receiver, _asking(NameServer(released)) as lookup:
        sender = WebhookSender(_rules(receiver.port), lookup=lookup, deadline_s=0.3)

        attempted = sender.send(f"http://{NAME}:{receiver.port}/", {}, b"{}")
        released.set()

    assert attempted.problem == "it took too long"
    assert attempted.took_ms < 2_000
