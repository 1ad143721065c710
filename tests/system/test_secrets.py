"""Marked secrets take every path, and appear in no log, error, message or store."""

import hashlib
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pydantic import SecretStr

from callboard.jobs.callbacks.secrets import derive
from tests.eventually import eventually
from tests.receiver import Receiver, answering
from tests.servers import RabbitMQ, RedisServer
from tests.system.marked import Confided, Withheld, found, in_redis
from tests.system.stack import Stack, Started, installation

USER: Final = "marked"
FINAL: Final = ("succeeded", "failed", "cancelled")


@pytest.fixture
def withheld() -> Withheld:
    return Withheld()


@pytest.fixture
def confided() -> Confided:
    return Confided()


@pytest.fixture
def guarded_redis(tmp_path: Path, withheld: Withheld) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder, options={"requirepass": withheld.redis_password})
    server.url = f"redis://:{withheld.redis_password}@127.0.0.1:{server.port}/0"
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def stack(
    tmp_path: Path,
    rabbitmq: RabbitMQ,
    guarded_redis: RedisServer,
    namespace: str,
    withheld: Withheld,
) -> Iterator[Stack]:
    _let_in(rabbitmq, withheld.broker_password, tmp_path)
    with installation(tmp_path, rabbitmq, guarded_redis, namespace) as made:
        made.settings |= {
            "CALLBOARD_BROKER_URL": _broker_url(rabbitmq, withheld.broker_password),
            "CALLBOARD_SIGNING_KEY": withheld.signing_key,
            "CALLBOARD_API_KEYS": f"lab:admin:{_hashed(withheld.api_key)}",
            "CALLBOARD_CALLBACK_NETWORKS": "127.0.0.0/8",
            "CALLBOARD_CALLBACK_RETRIES": "100ms",
            # This port has no listener, so every storage request fails.
            "CALLBOARD_STORAGE_URL": "s3://a-bucket/files",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "known-to-all",
            "AWS_SECRET_ACCESS_KEY": withheld.storage_secret,
            "CALLBOARD_LOG_LEVEL": "debug",
        }
        yield made


@pytest.mark.timeout(300)
def test_no_secret_is_exposed(
    stack: Stack, rabbitmq: RabbitMQ, withheld: Withheld, confided: Confided
) -> None:
    answers: list[httpx.Response] = []
    with (
        Receiver(*[answering(500, body=b"no")] * 8) as receiver,
        httpx.Client(
            base_url=stack.url,
            timeout=10,
            event_hooks={"response": [lambda each: (each.read(), answers.append(each))[1]]},
        ) as http,
    ):
        stack.settings["CALLBOARD_CALLBACK_PORTS"] = str(receiver.port)
        stack.start(workers=1)
        http.headers["Authorization"] = f"Bearer {withheld.api_key}"
        url = f"{receiver.url}/?token={confided.callback_token}"
        _submit_what_fails(http, withheld, confided, url)
        _ask_wrongly(http, withheld, confided)
        refusals = _break_protocol(stack, withheld, confided)
        said = _operate(stack, rabbitmq, withheld)
        eventually(lambda: _all_final(http), what="all jobs have ended", timeout=20)
        receiver.await_requests(2, timeout=20)
        _publish_rubbish(stack, rabbitmq, confided)
        _let_servers_fail(stack, http, confided)
        messages = _messages(stack, rabbitmq, http, confided)
        kept = in_redis(stack.store.redis)
    for started in stack.started:
        started.end()

    logs = b"\n".join(each.log.read_bytes() for each in stack.started)
    everything = [logs, kept, *messages, *said, *refusals, *(_shown(each) for each in answers)]
    everything += [path.read_bytes() for path in _files_of(stack)]
    assert [(names, each) for each in everything if (names := found(withheld, each))] == []
    derived = derive(SecretStr(withheld.signing_key), "lab", 1).get_secret_value().encode()
    assert not any(derived in each for each in everything)
    assert found(confided, b"\n".join([logs, *said])) == []
    # A caller may read its own input, but not in answers about permissions or failures.
    others = [each for each in answers if each.status_code in {401, 403, 500, 503}]
    assert [names for each in others if (names := found(confided, each.content))] == []
    # The search is meaningful only if the secrets were in their proper places.
    assert {"parameter", "callback_token", "label"} <= set(found(confided, kept))
    assert found(confided, messages[0])
    assert b"blurt" in logs
    assert {401, 404, 413, 422, 503} <= {each.status_code for each in answers}


def _submit_what_fails(
    http: httpx.Client, withheld: Withheld, confided: Confided, callback: str
) -> None:
    text = {"text": confided.parameter}
    common = {"labels": {"project": confided.label}, "callback": {"url": callback}}
    for operation in ("blurt", "dawdle", "hand_back", "echo"):
        http.post("/v1/jobs", json={"operation": operation, "params": text, **common})
    key = {"Idempotency-Key": withheld.idempotency_key}
    for number in (1, 2):
        params = {"text": f"{confided.parameter} {number}"}
        http.post("/v1/jobs", json={"operation": "echo", "params": params}, headers=key)
    http.post("/v1/batches", json={"jobs": [{"operation": "blurt", "params": text}] * 2})
    http.post("/v1/files", files={"file": ("a.txt", confided.parameter.encode())})


def _ask_wrongly(http: httpx.Client, withheld: Withheld, confided: Confided) -> None:
    mark = confided.parameter
    for headers in (
        {"Authorization": f"Bearer {withheld.wrong_api_key}"},
        {"Authorization": f"Basic {withheld.wrong_api_key}"},
        {"Authorization": "", "X-API-Key": withheld.wrong_api_key},
        {"Authorization": withheld.wrong_api_key},
    ):
        http.get("/v1/jobs", headers=headers)
    http.get(f"/v1/jobs?api_key={withheld.wrong_api_key}")
    http.get(f"/v1/jobs/{withheld.wrong_api_key}")
    http.get(f"/v1/jobs?label={mark}&unknown={mark}")
    http.get(f"/{mark}")
    http.post("/v1/jobs", json={"operation": "echo", "params": {"text": {"deep": mark}}})
    http.post("/v1/jobs", json={"operation": mark, "params": {}})
    http.post("/v1/jobs", content=f'{{"operation": "{mark}', headers=_JSON)
    http.post("/v1/jobs", content=b'"' + mark.encode() * 100_000 + b'"', headers=_JSON)
    bad = {"url": f"https://me:{mark}@hooks.example.com/{mark}"}
    http.post("/v1/jobs", json={"operation": "echo", "params": {}, "callback": bad})


def _break_protocol(stack: Stack, withheld: Withheld, confided: Confided) -> list[bytes]:
    """Send requests with secrets that gunicorn itself refuses."""
    key = withheld.api_key.encode()
    mark = confided.parameter.encode()
    return [
        _answer_to(stack.port, request)
        for request in (
            b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization : Bearer " + key + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nX-API-Key: \x00" + key + b"\r\n\r\n",
            b"GET /" + mark + b" HTTP/" + mark + b"\r\n\r\n",
            b"GET /?k=" + mark * 600 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + mark + b"\r\n\r\n",
        )
    ]


def _answer_to(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def _operate(stack: Stack, rabbitmq: RabbitMQ, withheld: Withheld) -> list[bytes]:
    """Run the operators' commands, also with an invalid form of each secret."""
    wrong_redis = f"redis://:{withheld.wrong_password}@127.0.0.1:{stack.redis_server.port}/0"
    wrong_broker = _broker_url(rabbitmq, withheld.wrong_password)
    wrong = {"CALLBOARD_BROKER_URL": wrong_broker, "CALLBOARD_REDIS_URL": wrong_redis}
    running = [
        _command(stack, "doctor", "--json"),
        _command(stack, "doctor", **wrong),
        _command(stack, "keys", "list", CALLBOARD_REDIS_URL=wrong_redis),
        _command(stack, "secrets", "list", CALLBOARD_SIGNING_KEY=withheld.wrong_password),
    ]
    said = [_output_of(each) for each in running]
    stack.worker(**wrong)
    eventually(
        lambda: b"consumer_disconnected" in stack.started[-1].log.read_bytes(),
        what="a worker with wrong passwords complains",
        timeout=20,
    )
    return said


def _command(stack: Stack, *arguments: str, **settings: str) -> Started:
    command = [str(Path(sys.executable).with_name("callboardctl")), *arguments]
    return stack.spawn(command, "-".join(arguments), **settings)


def _output_of(started: Started) -> bytes:
    started.process.wait(60)
    output = started.log.read_bytes()
    assert output, f"{started.log.name} is empty"
    assert b"No such command" not in output
    return output


def _all_final(http: httpx.Client) -> bool:
    jobs: list[dict[str, Any]] = http.get("/v1/jobs?limit=100").json()["items"]
    for job in jobs:
        http.get(f"/v1/jobs/{job['id']}/callbacks")
    return all(job["status"] in FINAL for job in jobs)


def _publish_rubbish(stack: Stack, rabbitmq: RabbitMQ, confided: Confided) -> None:
    """Let the worker refuse an unreadable message."""
    with rabbitmq.connect() as connection:
        channel = connection.channel()
        channel.basic_publish("", _queue(stack), confided.parameter.encode())
        eventually(
            lambda: b"message_rejected" in stack.started[1].log.read_bytes(),
            what="the worker rejects the message",
        )


def _let_servers_fail(stack: Stack, http: httpx.Client, confided: Confided) -> None:
    """Send requests during a Redis outage, and wait for recovery."""
    stack.redis_server.kill()
    http.post("/v1/jobs", json={"operation": "blurt", "params": {"text": confided.parameter}})
    http.get("/readyz")
    stack.redis_server.start()
    eventually(stack.ready, what="web is ready again", timeout=20)


def _messages(
    stack: Stack, rabbitmq: RabbitMQ, http: httpx.Client, confided: Confided
) -> list[bytes]:
    """Take a message from its queue, without a worker."""
    for started in stack.started[1:]:
        started.end()
    body = {"operation": "echo", "params": {"text": confided.parameter}}
    http.post("/v1/jobs", json=body)
    with rabbitmq.connect() as connection:
        channel = connection.channel()
        got = eventually(lambda: _take(channel, _queue(stack)), what="the message is there")
        channel.queue_delete(_queue(stack))
    return [got]


def _take(channel: BlockingChannel, queue: str) -> bytes:
    _method, properties, body = channel.basic_get(queue, auto_ack=True)
    return b"" if body is None else body + repr(properties).encode()


def _files_of(stack: Stack) -> list[Path]:
    return [path for path in (stack.folder / "redis").rglob("*.aof") if path.is_file()]


def _shown(answer: httpx.Response) -> bytes:
    return repr(answer.headers.multi_items()).encode() + answer.content


def _queue(stack: Stack) -> str:
    return f"{stack.settings['CALLBOARD_NAMESPACE']}.default"


def _broker_url(rabbitmq: RabbitMQ, password: str) -> str:
    return f"amqp://{USER}:{password}@127.0.0.1:{rabbitmq.port}/%2F"


def _let_in(rabbitmq: RabbitMQ, password: str, folder: Path) -> None:
    """Add a user, by one command since each takes seconds."""
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    definitions = {
        "users": [{"name": USER, "password": password, "tags": ""}],
        "permissions": [{"user": USER, "vhost": "/", **everything}],
    }
    file = folder / "definitions.json"
    file.write_text(json.dumps(definitions))
    rabbitmq.ctl("import_definitions", str(file))


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


_JSON: Final = {"Content-Type": "application/json"}
