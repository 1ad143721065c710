"""How an operation's jobs are run: what its declaration may say."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from jobs.submission import OnConflict

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
QUEUE: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
MOST_RETRIES: Final = 1000
SHORTEST_TTL: Final = timedelta(hours=1)
LONGEST_TTL: Final = timedelta(days=7)
LARGEST_RESULT: Final = 512 * 1024**2
LEAST_MEMORY: Final = 64 * 1024**2
LONGEST_GRACE: Final = timedelta(minutes=5)

Isolation = Literal["thread", "process"]
Start = Literal["fork", "spawn"]
MemoryLimitKind = Literal["resident", "address_space"]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How an operation's jobs are run; see `operation` for what each means."""

    time_limit: timedelta
    max_running: int | None
    slots: Mapping[str, int]
    max_active: int
    unique: bool
    unique_by: Callable[[dict[str, Any]], Any] | None
    on_conflict: OnConflict
    max_retries: int
    shortest_backoff: timedelta
    longest_backoff: timedelta
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


def complaints(name: str, rules: Rules) -> list[str]:
    """List what is wrong with a declaration, one reason each."""
    checks = [
        (NAME.fullmatch(name), "its name must be lower case letters, digits and _, at most 64"),
        (
            QUEUE.fullmatch(rules.queue),
            f"queue {rules.queue!r} must be lower case letters, digits, . _ -",
        ),
        (rules.time_limit > timedelta(0), "time_limit must be longer than nothing"),
        (rules.max_running is None or rules.max_running >= 1, "max_running must be at least 1"),
        (rules.max_active >= 1, "max_active must be at least 1"),
        (0 <= rules.max_retries <= MOST_RETRIES, f"max_retries must be from 0 to {MOST_RETRIES}"),
        (
            rules.on_conflict in ("reject", "return", "replace"),
            "on_conflict is reject, return or replace",
        ),
        *_isolation(rules),
        (
            SHORTEST_TTL <= rules.result_ttl <= LONGEST_TTL,
            "result_ttl must be from 1h to 7d",
        ),
        (
            rules.max_result_bytes is None or 1 <= rules.max_result_bytes <= LARGEST_RESULT,
            "max_result must be from 1B to 512MiB",
        ),
        (
            all(NAME.fullmatch(slot) and number >= 1 for slot, number in rules.slots.items()),
            "slots must map names of resources to whole numbers from 1",
        ),
    ]
    return [complaint for holds, complaint in checks if not holds]


def _isolation(rules: Rules) -> list[tuple[bool, str]]:
    limit = rules.memory_limit_bytes
    return [
        (rules.isolation in ("thread", "process"), "isolation is 'thread' or 'process'"),
        (
            limit is None or rules.isolation == "process",
            "memory_limit needs isolation='process': threads share their memory",
        ),
        (limit is None or limit >= LEAST_MEMORY, "memory_limit must be at least 64MiB"),
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
            timedelta(0) <= rules.stop_grace <= LONGEST_GRACE,
            "stop_grace must be from 0s to 5m",
        ),
    ]
