"""How an operation's jobs are run: what its declaration may say."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Final, Literal, get_args

from callboard.config import Rate
from callboard.jobs.retry_policy import RetryPolicy
from callboard.jobs.submission import OnConflict

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
QUEUE: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
MAX_RETRIES: Final = 1000
MIN_TTL: Final = timedelta(hours=1)
MAX_TTL: Final = timedelta(days=7)
MAX_RESULT: Final = 512 * 1024**2
MIN_MEMORY: Final = 64 * 1024**2
MAX_GRACE: Final = timedelta(minutes=5)

_INSIDE: Final = ("max_result_bytes", "memory_limit_bytes")
_OPTIONS: Final = ("name", "backoff", "memory_limit", "max_result")
_TIME: Final = "how long a run may take is time_limit, as time_limit='5m'"
_RETRIES: Final = "how often a failed job runs again is max_retries"
_BACKOFF: Final = "the delay before a retry is backoff, as backoff='10s..5m', or what retry decides"
_RUNNING: Final = "how many of its jobs run at once is max_running"
_PER_VALUE: Final = "max_running_per must map tenant or parameters to whole numbers from 1"
_GROUPS: Final = "capacity_groups must map names of groups to whole numbers from 1"
_KEPT: Final = "how long a final job is kept is result_ttl, as result_ttl='24h'"
_UNIQUE: Final = "jobs with equal parameters are kept from running twice by unique or unique_by"
_CALLED_HERE: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("timeout", "job_timeout", "soft_time_limit", "task_time_limit", "max_runtime"), _TIME
    ),
    **dict.fromkeys(("retries", "max_retry", "max_attempts", "attempts"), _RETRIES),
    **dict.fromkeys(
        ("autoretry_for", "throws", "retry_on", "retry_when", "dont_autoretry_for"),
        f"every exception except Failure(..., retryable=False) is retried; {_RETRIES}",
    ),
    **dict.fromkeys(
        (
            "retry_backoff",
            "retry_policy",
            "retry_backoff_max",
            "retry_jitter",
            "retry_delay",
            "default_retry_delay",
            "min_backoff",
            "max_backoff",
            "backoff_factor",
            "interval",
        ),
        _BACKOFF,
    ),
    **dict.fromkeys(
        ("rate_limit", "throttle", "rate", "max_submissions"),
        f"{_RUNNING}, and how many each tenant may submit per period is submission_rate",
    ),
    **dict.fromkeys(
        ("concurrency", "max_concurrency", "concurrency_limit", "limit"),
        _RUNNING,
    ),
    **dict.fromkeys(
        ("concurrency_key", "group", "group_by", "partition_key", "fairness_key"),
        "how many jobs of a tenant or of a parameter's value run at once is max_running_per",
    ),
    **dict.fromkeys(
        ("ttl", "expires", "result_expires", "keep_result", "failure_ttl", "results_ttl"), _KEPT
    ),
    **dict.fromkeys(
        ("singleton", "lock", "unique_for", "unique_on", "once", "dedupe", "queueing_lock"),
        _UNIQUE,
    ),
    **dict.fromkeys(
        ("queue_name", "routing_key", "exchange"),
        "the queue of its messages is queue, as queue='heavy'",
    ),
    **dict.fromkeys(("actor_name", "task_name", "job_id"), "how callers name it is name"),
    **dict.fromkeys(
        ("memory", "max_memory", "mem_limit"), "memory_limit='2GiB' needs isolation='process'"
    ),
    **dict.fromkeys(
        ("bind", "pass_context", "context"),
        "a function that has a parameter `job` gets the running job",
    ),
    **dict.fromkeys(
        ("store_results", "ignore_result", "acks_late", "track_started", "reject_on_worker_lost"),
        "every result is kept, and every message is acknowledged once that is recorded",
    ),
    **dict.fromkeys(
        ("priority", "countdown", "eta", "delay", "run_at", "labels", "tags", "callback"),
        "that is chosen for each job when it is submitted",
    ),
    **dict.fromkeys(
        ("description", "help", "doc", "summary"), "the docstring of the function describes it"
    ),
    **dict.fromkeys(
        ("schedule", "cron", "every", "periodic"),
        "schedules are defined in CALLBOARD_SCHEDULES_FILE or at /v1/schedules",
    ),
}
"""What other libraries call options, and what to say instead."""

Submitter = Literal["client", "operator", "admin"]
Isolation = Literal["thread", "process"]
Start = Literal["fork", "spawn"]
MemoryLimitKind = Literal["resident", "address_space"]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How an operation's jobs are run; see `operation` for what each means."""

    time_limit: timedelta
    max_running: int | None
    max_running_per: Mapping[str, int]
    slots: Mapping[str, int]
    max_active: int
    submission_rate: Rate | None
    capacity_groups: Mapping[str, int]
    unique: bool
    unique_by: Callable[..., Any] | None
    on_conflict: OnConflict
    max_retries: int
    retry: RetryPolicy
    isolation: Isolation
    wait: timedelta
    queue: str
    result_ttl: timedelta
    max_result_bytes: int | None = None
    start: Start = "fork"
    memory_limit_bytes: int | None = None
    memory_limit_kind: MemoryLimitKind = "resident"
    stop_grace: timedelta = timedelta(seconds=1)
    capture_logs: bool = False
    role: Submitter = "client"


def complaints(name: str, rules: Rules) -> list[str]:
    """List what is wrong with a declaration, one reason each."""
    wrong = _types(name, rules)
    if wrong:
        return wrong
    checks = [
        (NAME.fullmatch(name), "its name must be lower case letters, digits and _, at most 64"),
        (
            QUEUE.fullmatch(rules.queue),
            f"queue {rules.queue!r} must be lower case letters, digits, . _ -",
        ),
        (rules.time_limit > timedelta(0), "time_limit must be longer than 0 s"),
        (rules.max_running is None or rules.max_running >= 1, "max_running must be at least 1"),
        (
            all(number >= 1 for number in rules.max_running_per.values()),
            _PER_VALUE,
        ),
        (rules.max_active >= 1, "max_active must be at least 1"),
        (0 <= rules.max_retries <= MAX_RETRIES, f"max_retries must be from 0 to {MAX_RETRIES}"),
        (
            rules.on_conflict in ("reject", "return", "replace"),
            "on_conflict is reject, return or replace",
        ),
        *_isolation(rules),
        (rules.role in get_args(Submitter), "role is 'client', 'operator' or 'admin'"),
        (
            MIN_TTL <= rules.result_ttl <= MAX_TTL,
            "result_ttl must be from 1h to 7d",
        ),
        (
            rules.max_result_bytes is None or 1 <= rules.max_result_bytes <= MAX_RESULT,
            "max_result must be from 1B to 512MiB",
        ),
        (
            all(NAME.fullmatch(slot) and number >= 1 for slot, number in rules.slots.items()),
            "slots must map names of resources to whole numbers from 1",
        ),
        (
            all(NAME.fullmatch(each) and most >= 1 for each, most in rules.capacity_groups.items()),
            _GROUPS,
        ),
    ]
    return [complaint for holds, complaint in checks if not holds]


def _types(name: str, rules: Rules) -> list[str]:
    """List what is of another type than it must be, which nothing else can be asked of then."""
    checks = [
        (type(name) is str, "its name must be text"),
        (type(rules.queue) is str, "queue must be text"),
        (type(rules.max_active) is int, "max_active must be a whole number"),
        (type(rules.max_retries) is int, "max_retries must be a whole number"),
        (type(rules.max_running) in (int, type(None)), "max_running must be a whole number"),
        (
            all(type(each) is int for each in rules.max_running_per.values()),
            _PER_VALUE,
        ),
        (type(rules.unique) is bool, "unique must be True or False; see unique_by"),
        (
            all(type(each) is int for each in rules.slots.values()),
            "slots must map names of resources to whole numbers from 1",
        ),
        (all(type(each) is int for each in rules.capacity_groups.values()), _GROUPS),
    ]
    return [complaint for holds, complaint in checks if not holds]


def unknown_option(option: str) -> str:
    """Return what an option is called here that other libraries have, or that was misspelled."""
    if option in _CALLED_HERE:
        return f"there is no option {option!r}; {_CALLED_HERE[option]}"
    known = [*(each for each in Rules.__dataclass_fields__ if each not in _INSIDE), *_OPTIONS]
    for meant in get_close_matches(option, known, n=1):
        return f"there is no option {option!r}; did you mean {meant}?"
    return f"there is no option {option!r}"


def _isolation(rules: Rules) -> list[tuple[bool, str]]:
    limit = rules.memory_limit_bytes
    return [
        (rules.isolation in ("thread", "process"), "isolation is 'thread' or 'process'"),
        (
            limit is None or rules.isolation == "process",
            "memory_limit needs isolation='process': threads share their memory",
        ),
        (limit is None or limit >= MIN_MEMORY, "memory_limit must be at least 64MiB"),
        (
            rules.memory_limit_kind in ("resident", "address_space"),
            "memory_limit_kind is 'resident' or 'address_space'",
        ),
        (
            limit is not None or rules.memory_limit_kind == "resident",
            "memory_limit_kind needs a memory_limit",
        ),
        (rules.start in ("fork", "spawn"), "start is 'fork' or 'spawn'"),
        (
            rules.start == "fork" or rules.isolation == "process",
            "start needs isolation='process': a thread starts no process",
        ),
        (
            timedelta(0) <= rules.stop_grace <= MAX_GRACE,
            "stop_grace must be from 0s to 5m",
        ),
    ]
