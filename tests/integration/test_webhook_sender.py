"""One request to one receiver: whatever it does, the attempt ends in time with an outcome."""

import socket
import struct
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from callboard.actors.webhooks.deadline import Deadline, DeadlineExceeded
from callboard.actors.webhooks.name_lookup import MAX_LOOKUPS, Lookup, NameUnknown, Resolver
from callboard.actors.webhooks.sender import WebhookSender
from callboard.jobs.callbacks.retry_delay import Attempted
from callboard.jobs.callbacks.url import CallbackRules
from tests.eventually import eventually
from tests.receiver import Connection, Receiver, answering, hanging, refusing_port

BODY = b'{"type":"job.succeeded"}'


def _sender(
    port: int, *, deadline_s: float = 5.0, resolver: Resolver | None = None
) -> WebhookSender:
    rules = CallbackRules(networks=("127.0.0.0/8",), ports=(port,))
    lookup = Lookup(resolver) if resolver else Lookup()
    return WebhookSender(rules, lookup=lookup, deadline_s=deadline_s)


def _sent(receiver: Receiver, *, deadline_s: float = 5.0) -> Attempted:
    sender = _sender(receiver.port, deadline_s=deadline_s)
    return sender.send(receiver.url, {"Content-Type": "application/json"}, BODY)


def test_a_receiver_gets_the_exact_request_and_its_status_decides() -> None:
    with Receiver(answering(201, body=b"thanks")) as receiver:
        attempted = _sent(receiver)

    (request,) = receiver.received
    assert attempted.succeeded
    assert (attempted.code, attempted.problem) == (201, "")
    assert request.line == "POST /hook?token=hush HTTP/1.1"
    assert request.body == BODY
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-length"] == str(len(BODY))
    assert request.headers["connection"] == "close"


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_any_2xx_is_a_success(status: int) -> None:
    with Receiver(answering(status)) as receiver:
        assert _sent(receiver).succeeded


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
def test_any_other_status_is_a_failure(status: int) -> None:
    with Receiver(answering(status)) as receiver:
        attempted = _sent(receiver)

    assert (attempted.code, attempted.succeeded) == (status, False)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(status: int) -> None:
    with Receiver() as elsewhere:
        with Receiver(answering(status, f"Location: {elsewhere.url}")) as receiver:
            attempted = _sent(receiver)

        assert (attempted.code, attempted.succeeded) == (status, False)
        assert attempted.problem == "redirects are not followed"
        assert elsewhere.connections == 0


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as proxy, Receiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

        assert _sent(receiver).succeeded
        assert proxy.connections == 0


def _dripping_headers(connection: Connection) -> None:
    connection.drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000, every=0.05)


def _flooding_with_hints(connection: Connection) -> None:
    while not connection.closing.is_set():
        connection.say(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 100)


def _dripping_hints(connection: Connection) -> None:
    connection.drip(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000, every=0.01)


@pytest.mark.parametrize("behaviour", [hanging, _dripping_headers, _dripping_hints])
def test_a_missing_answer_ends_the_attempt_at_its_deadline(behaviour: object) -> None:
    with Receiver(behaviour) as receiver:  # type: ignore[arg-type]
        began = time.monotonic()
        attempted = _sent(receiver, deadline_s=0.5)

        assert time.monotonic() - began < 2
    assert attempted == Attempted(problem="it took too long", took_ms=attempted.took_ms)
    assert attempted.took_ms >= 500


def test_an_endless_body_does_not_change_the_outcome() -> None:
    def drips(connection: Connection) -> None:
        connection.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        connection.drip(b"x" * 1000, every=0.05)

    def floods(connection: Connection) -> None:
        connection.say(b"HTTP/1.1 200 OK\r\n\r\n")
        sent = 0
        while sent < 2**30:
            connection.say(b"x" * 65_536)
            sent += 65_536

    with Receiver(drips, floods) as receiver:
        began = time.monotonic()

        assert _sent(receiver, deadline_s=0.4).succeeded
        assert _sent(receiver).succeeded
        assert time.monotonic() - began < 3


def test_a_receiver_that_finishes_its_answer_late_sees_no_broken_connection() -> None:
    ends: list[bytes] = []

    def lasting(connection: Connection) -> None:
        connection.say(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok")
        connection.closing.wait(0.1)
        connection.say(b"ay")
        ends.append(connection.socket.recv(10))

    with Receiver(lasting) as receiver:
        assert _sent(receiver).succeeded
        eventually(lambda: ends == [b""], what="the connection ends in order")


def _resetting(connection: Connection) -> None:
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        (_resetting, "the connection broke"),
        (lambda _: None, "there was no HTTP response"),
        (lambda c: c.say(b"220 smtp.example ESMTP\r\n"), "there was no HTTP response"),
        (lambda c: c.say(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 120_000), "there was no HTTP response"),
        (
            lambda c: c.say(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 90_000),
            "there was no HTTP response",
        ),
        (_flooding_with_hints, "the response is too long"),
        (lambda c: c.say(b"HTTP/1.1 101 Switching\r\n\r\n"), "there was no HTTP response"),
    ],
)
def test_an_invalid_answer_fails_the_attempt(behaviour: object, problem: str) -> None:
    with Receiver(behaviour) as receiver:  # type: ignore[arg-type]
        attempted = _sent(receiver)

    assert not attempted.succeeded
    assert attempted.problem == problem


def test_informational_responses_and_old_http_versions_are_understood() -> None:
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    old = b"HTTP/1.0 202 Accepted\r\n\r\nwith a body until the end"
    early = answering(413)

    with Receiver(
        lambda c: c.say(hints + b"HTTP/1.1 204 No\r\n\r\n"), lambda c: c.say(old), early
    ) as receiver:
        codes = [_sent(receiver).code for _ in range(3)]

    assert codes == [204, 202, 413]


def test_a_closed_port_fails_the_attempt_at_once() -> None:
    with refusing_port() as port:
        attempted = _sender(port).send(f"http://127.0.0.1:{port}/", {}, BODY)

    assert attempted.problem == "the connection was refused"
    assert attempted.retryable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(minutes=2)),
        ("0", timedelta()),
        ("99999999999999999999", timedelta(days=7)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", timedelta()),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(days=7)),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(value: str, expected: timedelta) -> None:
    with Receiver(answering(503, f"Retry-After: {value}")) as receiver:
        assert _sent(receiver).retry_after == expected


def test_a_retry_after_date_is_read_as_the_time_until_then() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)

    with Receiver(answering(429, f"Retry-After: {at}")) as receiver:
        attempted = _sent(receiver)

    assert attempted.retry_after is not None
    assert timedelta(minutes=55) < attempted.retry_after <= timedelta(hours=1)


@pytest.mark.parametrize("value", ["soon", "-1", "1.5", "Thu, 99 Foo 2026", "²", ""])
def test_an_invalid_retry_after_is_ignored(value: str) -> None:
    with Receiver(lambda c: c.say(f"HTTP/1.1 429 X\r\nRetry-After: {value}\r\n\r\n".encode())) as r:
        attempted = _sent(r)

    assert (attempted.code, attempted.retry_after) == (429, None)


def test_an_address_not_allowed_here_is_left_to_another_worker() -> None:
    with Receiver() as receiver:
        sender = WebhookSender(CallbackRules(ports=(receiver.port,)))

        attempted = sender.send(receiver.url, {}, BODY)

        assert receiver.connections == 0
    assert attempted.retryable
    assert "hush" not in repr(attempted)


def test_a_header_that_cannot_be_written_fails_the_attempt() -> None:
    with Receiver() as receiver:
        attempted = _sender(receiver.port).send(receiver.url, {"X-Y": "a\r\nb"}, BODY)

        assert receiver.received == []
    assert attempted.problem == "the request cannot be written as HTTP"


def test_a_name_is_looked_up_once_and_the_checked_address_is_used() -> None:
    answers = iter([["127.0.0.1"], ["192.0.2.1"]])
    asked: list[str] = []

    def changing(name: str) -> Sequence[str]:
        asked.append(name)
        return next(answers)

    with Receiver() as receiver:
        sender = _sender(receiver.port, resolver=changing)
        url = f"http://hooks.example:{receiver.port}/"

        first, second = sender.send(url, {}, BODY), sender.send(url, {}, BODY)

        assert receiver.received[0].headers["host"] == f"hooks.example:{receiver.port}"
    assert first.succeeded
    assert second.problem == "the host is not a public address"
    assert asked == ["hooks.example", "hooks.example"]


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with Receiver() as receiver:
        sender = _sender(receiver.port, resolver=lambda _: ["127.7.7.7", "127.0.0.1"])

        assert sender.send(f"http://hooks.example:{receiver.port}/", {}, BODY).succeeded


def test_a_hanging_lookup_ends_with_the_attempt() -> None:
    released = threading.Event()

    def hang(_: str) -> Sequence[str]:
        released.wait(20)
        return ["127.0.0.1"]

    lookup = Lookup(hang)
    try:
        for _ in range(MAX_LOOKUPS + 2):
            with pytest.raises(DeadlineExceeded):
                lookup.addresses("hooks.example", Deadline(0.02))
    finally:
        released.set()

    assert lookup.addresses("hooks.example", Deadline(5)) == ["127.0.0.1"]


def test_an_unknown_name_fails_the_attempt() -> None:
    def unknown(_: str) -> Sequence[str]:
        raise socket.gaierror

    attempted = _sender(443, resolver=unknown).send("https://nowhere.example/", {}, BODY)

    assert attempted.problem == "the host has no address"
    with pytest.raises(NameUnknown):
        Lookup().addresses("nowhere.invalid", Deadline(10))


def test_the_system_resolves_its_own_name() -> None:
    assert "127.0.0.1" in Lookup().addresses("localhost", Deadline(10))
