"""Whether RabbitMQ lets a worker keep a message for as long as its job may run."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

import httpx

from callboard.config import Settings
from callboard.config.duration import format_duration
from callboard.config.values import is_loopback
from callboard.jobs.connection.tls_faults import tls_fault
from callboard.jobs.registry import Registry
from callboard.jobs.server_versions import numbers_of
from callboard.ops.doctor.checks.rabbitmq import Queues
from callboard.ops.doctor.result import CheckResult

# From this version on, classic queues have no such timeout.
_QUORUM_ALONE: Final = (4, 3)
_ASKED_S: Final = 20.0
_QUESTION: Final = "application:get_env(rabbit, consumer_timeout)."
_LISTENERS: Final = "[application:get_env(rabbit, K) || K <- [tcp_listeners, ssl_listeners]]."
_LOOK: Final = f"Check it yourself: rabbitmqctl eval '{_QUESTION}' (in ms; undefined is none)"


@dataclass(frozen=True)
class Ways:
    """How to read RabbitMQ's settings, as the operator chose.

    Attributes:
        management_url: of its management plugin; its user is that of the broker's URL by default.
        rabbitmqctl: a command line that begins with it or leads to it, such as
            `docker compose exec -T rabbitmq rabbitmqctl`.
    """

    management_url: str | None = None
    rabbitmqctl: str | None = None


def check_consumer_timeout(
    settings: Settings, registry: Registry | None, queues: Queues, ways: Ways
) -> Iterator[CheckResult]:
    """Compare the timeout with the longest time limit of the operations known here."""
    longest = max((each.rules.time_limit for each in registry or ()), default=None)
    if longest is None:
        yield CheckResult("consumer_timeout", "unknown", "No operations are loaded here.", _LOOK)
        return
    limit = format_duration(longest)
    if settings.queue_type == "classic" and numbers_of(queues.version) >= _QUORUM_ALONE:
        yield CheckResult(
            "consumer_timeout", "ok", "Classic queues have no timeout in this version."
        )
        return
    try:
        timeout = _read(settings, queues, ways)
    except (OSError, ValueError, httpx.HTTPError, subprocess.SubprocessError) as error:
        yield _unknown(limit, f": {_reason(error)}")
        return
    if timeout is None:
        yield _unknown(limit, "")
        return
    if timeout.max_allowed is None or timeout.max_allowed > longest:
        says = f"{timeout.says}; the longest time limit is {limit}."
        yield CheckResult("consumer_timeout", "ok", says)
        return
    yield CheckResult(
        "consumer_timeout",
        "warning",
        f"{timeout.says}, but a job may run for {limit}: its worker would lose its connection.",
        "Raise consumer_timeout above the time limit, as deploy/rabbitmq.conf does.",
    )


@dataclass(frozen=True)
class _Timeout:
    max_allowed: timedelta | None
    says: str


def _unknown(limit: str, why: str) -> CheckResult:
    return CheckResult(
        "consumer_timeout",
        "unknown",
        f"The timeout for unacknowledged messages is unknown{why}. It must be more than "
        f"{limit}, the longest time limit; RabbitMQ's default is 30m.",
        f"{_LOOK}, or pass --management-url or --rabbitmqctl.",
    )


def _read(settings: Settings, queues: Queues, ways: Ways) -> _Timeout | None:
    """Read the policy first: it overrides the node's own setting."""
    if ways.management_url is not None:
        policies = _by_policy(settings, queues, ways.management_url)
        if policies:
            milliseconds = min(policies)
            length = format_duration(timedelta(milliseconds=milliseconds))
            return _Timeout(timedelta(milliseconds=milliseconds), f"A policy sets {length}")
    if ways.rabbitmqctl is not None:
        return _by_command(ways.rabbitmqctl)
    return _by_local_command(settings)


def _by_policy(settings: Settings, queues: Queues, url: str) -> list[int]:
    """Return the timeouts of policies for our queues; nothing unless every queue has one."""
    broker = "" if settings.broker_url is None else settings.broker_url.get_secret_value()
    parts, given = urlsplit(broker), _address(url)
    user, password = given.username or parts.username, given.password or parts.password
    virtual_host = quote(unquote(parts.path[1:]) or "/", safe="")
    netloc = given.netloc.rpartition("@")[2]
    found: list[int] = []
    with httpx.Client(
        base_url=f"{given.scheme}://{netloc}{given.path.rstrip('/')}",
        auth=(unquote(user or "guest"), unquote(password or "guest")),
        timeout=_ASKED_S,
        verify=settings.tls.context(),
        trust_env=False,  # a proxy would see the password
    ) as client:
        for name in queues.there:
            answer = client.get(f"/api/queues/{virtual_host}/{quote(name, safe='')}")
            answer.raise_for_status()
            queue: Any = answer.json()
            policy = queue.get("effective_policy_definition") if isinstance(queue, dict) else None
            if isinstance(policy, dict) and "consumer-timeout" in policy:
                found.append(int(policy["consumer-timeout"]))
    return found if found and len(found) == len(queues.there) else []


def _address(url: str) -> SplitResult:
    try:
        given = urlsplit(url)
        if given.scheme in ("http", "https") and given.hostname and given.port != 0:
            return given
    except ValueError:
        pass  # as below, without the command line, which may hold a password
    raise ValueError("--management-url is not a URL such as http://host:15672")


def _by_local_command(settings: Settings) -> _Timeout | None:
    """Ask the node of this host, if it is the one of CALLBOARD_BROKER_URL."""
    broker = "" if settings.broker_url is None else settings.broker_url.get_secret_value()
    parts = urlsplit(broker)
    command = shutil.which("rabbitmqctl")
    if command is None or not is_loopback(parts.hostname or ""):
        return None
    port = parts.port or (5671 if parts.scheme == "amqps" else 5672)
    try:
        listeners = _ask(command, _LISTENERS)
    except (OSError, ValueError, subprocess.SubprocessError):
        # The operator did not ask for this way, so its absence is no problem.
        return None
    return _by_command(command) if re.search(rf"\b{port}\b", listeners) else None


def _by_command(command: str) -> _Timeout:
    told = re.search(r"\{ok,\s*(\w+)\}|undefined", said := _ask(command, _QUESTION))
    if told is None:
        raise ValueError(f"rabbitmqctl printed {said[:100]!r}")
    if not (told[1] or "").isdigit():
        return _Timeout(None, "RabbitMQ has no consumer_timeout")
    allowed = timedelta(milliseconds=int(told[1]))
    return _Timeout(allowed, f"RabbitMQ's consumer_timeout is {format_duration(allowed)}")


def _ask(command: str, question: str) -> str:
    done = subprocess.run(  # noqa: S603 — the command is the operator's own
        [*shlex.split(command), "--quiet", "eval", question],
        capture_output=True,
        text=True,
        timeout=_ASKED_S,
        check=False,
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise ValueError(
            lines[0].rstrip(".") if lines else f"rabbitmqctl exited with {done.returncode}"
        )
    return done.stdout.strip()


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"the management plugin answered {error.response.status_code}"
    if isinstance(error, httpx.HTTPError):
        fault = tls_fault(error) or type(error).__name__
        return f"the management plugin did not answer ({fault})"
    if isinstance(error, subprocess.TimeoutExpired):
        return "rabbitmqctl did not finish in time"
    return str(error)
