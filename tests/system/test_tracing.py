"""One request, followed through a whole installation: its id, its spans, its log lines."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.eventually import eventually
from tests.servers import RabbitMQ, RedisServer
from tests.system.otlp_receiver import Received, attributes_of, receiving
from tests.system.stack import Stack, installation

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACED = {
    "traceparent": f"00-{TRACE}-{PARENT}-01",
    "tracestate": "rojo=1",
    "X-Request-ID": "followed-1",
}
KEY = "cbk_" + "hushkey" * 6 + "x"
SECRETS = ("hush", KEY)


@pytest.fixture(scope="module")
def followed(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[tuple[Received, list[str], dict[str, str]]]:
    """The spans, logs and jobs of an installation that has stopped.

    Every secret in it contains `hush`.
    """
    redis_server.connect().flushall()
    folder = tmp_path_factory.mktemp("followed")
    with (
        receiving() as received,
        installation(folder, rabbitmq, redis_server, "followed") as stack,
    ):
        stack.settings |= {
            "CALLBOARD_BROKER_URL": user_of(rabbitmq, "followed", "hush-broker"),
            # Redis accepts any password from a user that needs none.
            "CALLBOARD_REDIS_URL": redis_server.url.replace("//", "//default:hush-redis@"),
            "CALLBOARD_LOG_LEVEL": "debug",
            "CALLBOARD_API_KEYS": f"acme:admin:{hashlib.sha256(KEY.encode()).hexdigest()}",
            "CALLBOARD_TELEMETRY": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.url,
            # So that the stop sends all spans.
            "OTEL_BSP_SCHEDULE_DELAY": "60000",
        }
        stack.start(workers=1)
        jobs = use(stack)
        for started in stack.started:
            started.end()
        yield received, [started.log.read_text() for started in stack.started], jobs


def user_of(rabbitmq: RabbitMQ, name: str, password: str) -> str:
    """Create a user of this session's RabbitMQ, and return the URL with their password."""
    module, everything = "rabbit_auth_backend_internal", '<<".*">>, <<".*">>, <<".*">>'
    rabbitmq.ctl(
        "eval",
        f'{module}:add_user(<<"{name}">>, <<"{password}">>, <<"tests">>), '
        f'{module}:set_permissions(<<"{name}">>, <<"/">>, {everything}, <<"tests">>).',
    )
    return rabbitmq.url.replace("guest:guest", f"{name}:{password}")


def use(stack: Stack) -> dict[str, str]:
    """Run jobs that succeed, fail and cannot start, and request unknown addresses."""
    jobs = {}
    with httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {KEY}"}) as http:
        for operation, params in (
            ("echo", {"text": "hush-parameter"}),
            ("quote", {"secret": "hush-parameter"}),
            ("trace_in_thread", {}),
        ):
            body = {"operation": operation, "params": params}
            job = http.post("/v1/jobs", json=body, headers=TRACED).json()
            jobs[operation] = job["id"]
            ended = httpx.get(job["links"]["self"], headers={"X-API-Key": KEY, "Prefer": "wait=20"})
            eventually(
                lambda job=job: (
                    http.get(f"/v1/jobs/{job['id']}").json()["status"] in {"succeeded", "failed"}
                ),
                what=f"{operation} ends, now {ended.text}",
            )
        http.post("/v1/jobs", json={"operation": "echo", "params": {"hush-name": "hush"}})
        http.post("/v1/jobs", content=b'{"hush": ')
    httpx.get(f"{stack.url}/v1/jobs?api_key=hush-in-query", headers={"X-API-Key": "hush-wrong"})
    return jobs


def lines_where(logs: list[str], **wanted: object) -> list[dict[str, Any]]:
    parsed = [json.loads(line) for log in logs for line in log.splitlines() if line[:1] == "{"]
    return [line for line in parsed if wanted.items() <= line.items()]


def test_a_run_is_linked_to_the_request_which_is_a_child_of_the_clients_span(
    followed: tuple[Received, list[str], dict[str, str]],
) -> None:
    received, _logs, jobs = followed

    (web, request), *_ = (
        found
        for found in received.spans("POST /v1/jobs")
        if attributes_of(found[1]).get("callboard.request_id") == "followed-1"
    )
    (worker, run) = received.spans("run echo")[0]
    assert (web, worker) == ("callboard-web", "callboard-worker")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert request.trace_state == "rojo=1"
    assert run.parent_span_id == b""
    assert run.trace_id != request.trace_id
    assert [(link.trace_id, link.span_id) for link in run.links] == [
        (request.trace_id, request.span_id)
    ]
    assert run.kind == run.SPAN_KIND_CONSUMER
    wanted = {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": "followed.default",
        "callboard.job.id": jobs["echo"],
        "callboard.tenant": "acme",
        "callboard.attempt": 1,
        "callboard.outcome": "succeeded",
    }
    assert wanted.items() <= attributes_of(run).items()


def test_a_stopping_process_exports_its_remaining_spans(
    followed: tuple[Received, list[str], dict[str, str]],
) -> None:
    received, _logs, _jobs = followed

    ((_service, last),) = received.spans("GET /v1/jobs")
    assert attributes_of(last)["http.response.status_code"] == 401


def test_a_functions_own_span_is_a_child_of_its_run(
    followed: tuple[Received, list[str], dict[str, str]],
) -> None:
    received, _logs, _jobs = followed

    ((_service, run),) = received.spans("run trace_in_thread")
    ((_service, own),) = received.spans("work in thread")
    assert (own.trace_id, own.parent_span_id) == (run.trace_id, run.span_id)


def test_every_failed_attempt_is_an_error_with_the_same_link(
    followed: tuple[Received, list[str], dict[str, str]],
) -> None:
    received, _logs, _jobs = followed

    runs = [span for _service, span in received.spans("run quote")]
    assert sorted(attributes_of(run)["callboard.attempt"] for run in runs) == [1, 2]
    assert {run.status.code for run in runs} == {run.status.STATUS_CODE_ERROR for run in runs}
    assert len({link.span_id for run in runs for link in run.links}) == 1


def test_web_and_worker_identify_a_request_in_the_same_way(
    followed: tuple[Received, list[str], dict[str, str]],
) -> None:
    _received, (web, worker), jobs = followed

    asked = lines_where(
        [web], event="request_handled", request_id="followed-1", tenant="acme", status=202
    )
    assert len(asked) == len(jobs)
    run = {"job": jobs["echo"], "request_id": "followed-1", "tenant": "acme", "attempt": 1}
    (ended,) = lines_where([worker], event="run_ended", operation="echo", **run)
    (started,) = lines_where([worker], event="run_started", operation="echo", **run)
    assert (ended["outcome"], ended["level"], started["level"]) == ("succeeded", "info", "info")
    assert ended["trace_id"] == started["trace_id"]
    own = lines_where([worker], job=jobs["trace_in_thread"], request_id="followed-1")
    assert {"said by logging", "said by structlog"} <= {line["event"] for line in own}


def test_no_log_line_or_span_has_a_key_a_password_or_a_parameter(
    followed: tuple[Received, list[str], dict[str, str]],
) -> None:
    received, logs, _jobs = followed

    told = [line for log in logs for line in log.splitlines()]
    spans = [str(span) for _service, span in received.spans("run quote")]
    assert len(told) > 20
    assert [line for line in (*told, *spans) if any(secret in line for secret in SECRETS)] == []
