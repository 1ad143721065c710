"""`Operation.submit` accepts what HTTP accepts, also within a job, if a worker can run it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callboard.config import load_settings
from callboard.config.environment import bare_environment
from callboard.jobs.errors import (
    DependencyMissing,
    DuplicateJob,
    InvalidParameters,
    OperationError,
    UnknownOperation,
)
from callboard.jobs.ids import new_job_id
from callboard.jobs.operation import Operation
from callboard.jobs.read import read
from callboard.jobs.record import Record
from callboard.ops import connect
from callboard.ops.submissions import serve_operations
from tests.eventually import eventually
from tests.integration.test_embedded_worker import Embedded
from tests.system.stack import ROOT

OPERATIONS = "tests.integration.submitting_operations"


@pytest.fixture(scope="module")
def running() -> Iterator[Embedded]:
    made = Embedded(
        "submit-from-python",
        operations=OPERATIONS,
        signing_key="signing-key-of-a-test-that-is-long-enough",
        callback_networks="127.0.0.0/8",
        shutdown_grace="0s",
    )
    serve_operations(made.container)
    made.start()
    yield made
    made.stop()


def operation(running: Embedded, name: str) -> Operation:
    return running.container.registry.get(name)


def record(running: Embedded, job_id: str, tenant: str = "default") -> Record:
    return read(running.store, job_id, tenant=tenant)


def test_submit_from_python_accepts_the_options_of_a_submission(running: Embedded) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)

    job_id = operation(running, "echo").submit(
        text="a",
        tenant="team-7",
        priority=9,
        labels={"project": "x"},
        run_at=later,
        result_ttl="2h",
        callback={"url": "https://127.0.0.1:8443/hook", "events": ["job.failed"]},
    )

    found = record(running, job_id, "team-7")
    assert (found.tenant, found.priority, found.labels) == ("team-7", 9, {"project": "x"})
    assert found.status == "scheduled"
    assert found.scheduled_for is not None
    assert abs(found.scheduled_for - later) < timedelta(seconds=1)


@pytest.mark.parametrize("delay", [90, "90s", timedelta(seconds=90)])
def test_a_delay_is_seconds_a_duration_or_a_timedelta(running: Embedded, delay: Any) -> None:
    job_id = operation(running, "echo").submit(text="a", delay=delay)

    found = record(running, job_id)
    assert found.scheduled_for is not None
    wait = found.scheduled_for - found.created_at
    assert timedelta(seconds=89) < wait < timedelta(seconds=91)


def test_equal_idempotency_keys_create_one_job(running: Embedded) -> None:
    submit = operation(running, "echo").submit

    ids = {submit(text="once", idempotency_key="k-1") for _ in range(3)}

    assert len(ids) == 1


def test_parameters_in_a_mapping_may_have_names_of_options(running: Embedded) -> None:
    named = operation(running, "ranked")

    by_name = named.submit(priority="high")
    by_mapping = named.submit({"priority": "high"}, priority=8)

    assert running.ended(by_name).result == "high"
    assert running.ended(by_mapping).result == "high"
    assert (record(running, by_name).priority, record(running, by_mapping).priority) == (5, 8)


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"priority": 11}, "/priority"),
        ({"priority": "9"}, "/priority"),
        ({"labels": {"a b": "x"}}, "/labels/a b"),
        ({"delay": "soon"}, "/delay"),
        ({"delay": -1}, "/delay_seconds"),
        ({"run_at": datetime(2030, 1, 1)}, "/run_at"),  # noqa: DTZ001 — that is what is wrong
        ({"result_ttl": "1s"}, "/result_ttl_seconds"),
        ({"callback": "http://plain.example/"}, "/callback/url"),
        ({"tenant": "a b"}, "/tenant"),
        ({"after": "one"}, "/after"),
        ({"after": ["one"]}, "/after/0"),
        ({"after_policy": "maybe"}, "/after_policy"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_a_submission_that_http_would_refuse_is_refused(
    running: Embedded, options: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidParameters) as refused:
        operation(running, "echo").submit(text="a", **options)

    assert [where for where, _detail in refused.value.errors] == [pointer]


def test_a_duplicate_is_refused_or_returns_the_active_job(running: Embedded) -> None:
    first = operation(running, "once").submit(text="a", delay=60)
    other = operation(running, "shared").submit(text="a", delay=60)

    with pytest.raises(DuplicateJob) as refused:
        operation(running, "once").submit(text="a")
    same = operation(running, "shared").submit(text="a")

    assert refused.value.job_id == first
    assert same == other


def test_a_function_submits_a_job_that_depends_on_its_other_jobs(running: Embedded) -> None:
    last = running.ended(operation(running, "pipeline").submit(text="part")).result

    ended = running.ended(last)

    parts = [record(running, each) for each in ended.after]
    assert (ended.status, ended.result, len(parts)) == ("succeeded", "index", 2)
    assert ended.started_at is not None
    assert all(each.finished_at and each.finished_at <= ended.started_at for each in parts)


def test_an_unknown_job_cannot_be_a_dependency(running: Embedded) -> None:
    nobody = new_job_id()

    heard = running.ended(operation(running, "never_waits").submit(text=nobody)).result
    with pytest.raises(DependencyMissing) as refused:
        operation(running, "echo").submit(text="a", after=[nobody])

    assert heard == [nobody, f"No job has the id {nobody}."]
    assert (refused.value.job_id, refused.value.index) == (nobody, 0)


@pytest.mark.parametrize("name", ["parent", "parent_async", "parent_apart", "parent_in_a_thread"])
def test_a_function_submits_jobs_for_its_own_tenant(running: Embedded, name: str) -> None:
    parent = operation(running, name).submit(text="child", tenant="team-8")
    eventually(lambda: record(running, parent, "team-8").final, what="the parent ends", timeout=60)
    child = record(running, parent, "team-8").result

    assert isinstance(child, str), record(running, parent, "team-8").error
    tenant = "default" if name == "parent_in_a_thread" else "team-8"
    found = record(running, child, tenant)
    assert (found.operation, found.priority) == ("echo", 7)


@pytest.mark.parametrize("name", ["owner", "owner_apart"])
def test_a_function_knows_the_tenant_of_its_job(running: Embedded, name: str) -> None:
    job_id = operation(running, name).submit(tenant="team-8")

    eventually(lambda: record(running, job_id, "team-8").final, what="the job ends", timeout=60)

    assert record(running, job_id, "team-8").result == "team-8"


@pytest.mark.parametrize("name", ["parent_of_a_duplicate", "parent_of_a_duplicate_apart"])
def test_a_function_gets_the_reason_for_a_refused_submission(running: Embedded, name: str) -> None:
    first = operation(running, "once").submit(text=name, delay=60)

    ended = running.ended(operation(running, name).submit(text=name), timeout=60)

    assert ended.result == ["DuplicateJob", first, "InvalidParameters", "/text"]


def test_without_servers_or_a_worker_submit_raises_an_error() -> None:
    container = connect(load_settings(namespace="not-started", operations=OPERATIONS))

    with (
        closing(container),
        pytest.raises(OperationError, match="no worker would run the job: this"),
    ):
        container.registry.get("echo").submit(text="a")


def test_without_a_connection_submit_raises_an_error() -> None:
    """In a separate process, because other tests connect this one."""
    program = (
        "from tests.integration.submitting_operations import echo\n"
        "from callboard.jobs.errors import OperationError\n"
        "from callboard.ops import connect\n"
        "for _ in range(2):\n"
        "    try:\n"
        "        echo.submit(text='a')\n"
        "    except OperationError as error:\n"
        "        print(error)\n"
        "    connect().close()\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=bare_environment(CALLBOARD_OPERATIONS=OPERATIONS),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.count("is not connected, so no worker would run the job") == 2, done.stderr


def test_an_operation_of_another_installation_is_refused(running: Embedded) -> None:
    foreign = Operation(lambda: None, "foreign", operation(running, "echo").rules)

    with pytest.raises(UnknownOperation):
        foreign.submit()
