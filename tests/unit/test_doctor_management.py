"""How the doctor reads RabbitMQ's management plugin, or another server in its place."""

import base64
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from callboard import operation
from callboard.config import Settings
from callboard.jobs.registry import Registry
from callboard.ops.doctor.checks.consumer_timeout import Ways, check_consumer_timeout
from callboard.ops.doctor.checks.rabbitmq import Queues
from callboard.ops.doctor.result import CheckResult
from tests.authority import Authority

A_DAY = {"effective_policy_definition": {"consumer-timeout": 86_400_000}}


@operation(time_limit="2h")
def slow() -> int:
    """Take its time."""
    return 0


class Plugin(ThreadingHTTPServer):
    """Answers the same for each queue, and records the requests."""

    def __init__(self, said: object) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.said = said
        self.asked: list[tuple[str, str]] = []

    def url(self, user: str = "", scheme: str = "http") -> str:
        return f"{scheme}://{user}127.0.0.1:{self.server_port}"


class Asked(BaseHTTPRequestHandler):
    server: Plugin

    def do_GET(self) -> None:
        _, _, credentials = self.headers.get("Authorization", "").partition(" ")
        self.server.asked.append((self.path, base64.b64decode(credentials).decode()))
        body = json.dumps(self.server.said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: object) -> None:
        pass


@contextmanager
def plugin(said: object = A_DAY, certified: Authority | None = None) -> Iterator[Plugin]:
    served = Plugin(said)
    if certified is not None:
        context = certified.certify("127.0.0.1")
        served.socket = context.wrap_socket(served.socket, server_side=True)
    thread = threading.Thread(target=served.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield served
    finally:
        served.shutdown()
        thread.join()
        served.server_close()


def look(url: str, there: Sequence[str] = ("callboard.default",), **settings: Any) -> CheckResult:
    """Return the result for consumer_timeout, without rabbitmqctl because RabbitMQ is remote."""
    given = {"broker_url": "amqp://fox:den@rabbit/a%2Fb", "redis_url": "redis://r", **settings}
    queues = Queues("3.13.0", dict.fromkeys(there, 1))
    (found,) = check_consumer_timeout(Settings(**given), Registry([slow]), queues, Ways(url))
    return found


def test_a_policy_for_all_queues_is_read_as_the_brokers_user() -> None:
    with plugin() as served:
        found = look(served.url(), there=("callboard.default", "callboard.heavy"))

    assert (found.level, found.message) == (
        "ok",
        "A policy sets 1d; the longest time limit is 2h.",
    )
    assert served.asked == [
        ("/api/queues/a%2Fb/callboard.default", "fox:den"),
        ("/api/queues/a%2Fb/callboard.heavy", "fox:den"),
    ]


def test_the_user_in_the_url_is_preferred() -> None:
    with plugin() as served:
        look(served.url("eyes:w%40tch@"))

    assert [user for _, user in served.asked] == ["eyes:w@tch"]


def test_the_password_is_never_sent_to_a_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with plugin() as proxy, plugin() as served:
        monkeypatch.setenv("HTTP_PROXY", proxy.url())
        monkeypatch.setenv("http_proxy", proxy.url())
        found = look(served.url())

    assert (found.level, proxy.asked) == ("ok", [])


@pytest.mark.parametrize("said", [[], "no queue", {"effective_policy_definition": []}, None])
def test_an_answer_without_a_policy_is_unknown(said: object) -> None:
    with plugin(said) as served:
        found = look(served.url())

    assert found.level == "unknown"


@pytest.mark.parametrize("url", ["host:15672", "http://host:abc", "http://[::1", "ftp://host", ""])
def test_an_invalid_url_is_reported_without_its_password(url: str) -> None:
    found = look(url.replace("host", "eyes:secret@host"))

    assert found.level == "unknown"
    assert "--management-url is not a URL such as http://host:15672" in found.message
    assert "secret" not in repr(found)


def test_https_is_verified_with_the_authorities_of_the_settings(tmp_path: Path) -> None:
    ours = Authority(tmp_path)

    with plugin(certified=ours) as served:
        known = look(served.url(scheme="https"), tls_ca_file=ours.file)
        unknown = look(served.url("eyes:secret@", scheme="https"))

    assert known.level == "ok"
    assert unknown.level == "unknown"
    assert "its certificate was rejected" in unknown.message
    assert [user for _, user in served.asked] == ["fox:den"]
