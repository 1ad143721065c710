"""The guards that can be removed, one at a time, and the invariants that detect each removal."""

from dataclasses import dataclass
from typing import Final, Literal

Way = Literal["machine", "chaos"]


@dataclass(frozen=True)
class Guard:
    """A line that guarantees a promise.

    Attributes:
        file: the file that contains it.
        line: the exact text, which occurs once.
        without: the text that replaces it.
        invariants: one of these must be violated and named.
        way: the state machine, or a chaos run if one process is not enough.
        seconds: within which it must be found: of a processor for the state machine, which does
            nothing but compute, and by the clock for a chaos run.
    """

    name: str
    file: str
    line: str
    without: str
    invariants: tuple[str, ...]
    way: Way = "machine"
    seconds: float = 120.0


_SCRIPTS: Final = "jobs/scripts"
_SHARED: Final = f"{_SCRIPTS}/shared"
_CHAOS_SECONDS: Final = 900.0

GUARDS: Final = (
    Guard(
        "fence",
        f"{_SHARED}/lease.lua",
        "\n    and tonumber(job.attempt) == attempt and job.token == token",
        "",
        ("one-outcome", "one-lease", "fence"),
    ),
    Guard(
        "fence of saved states",
        f"{_SCRIPTS}/save_state.lua",
        " or not holds_fence(job, attempt, token)",
        " or holds_fence(job, attempt, token) == nil",
        ("fence", "saved"),
    ),
    Guard(
        "slot count",
        f"{_SHARED}/acquire.lua",
        "while free_places(slot) < places do",
        "while false do",
        ("limits",),
    ),
    Guard(
        "places of a value",
        f"{_SHARED}/slot.lua",
        "local named = value_class_of(slot) or slot",
        "local named = slot",
        ("limits", "reservations"),
    ),
    Guard(
        "fair turn",
        f"{_SHARED}/turn.lua",
        "    turn = math.max(turn, tonumber(last or 0) + 1)\n",
        "",
        ("turns",),
    ),
    Guard(
        "outbox",
        f"{_SHARED}/outbox.lua",
        "  redis.call('ZADD', key_outbox(), now + relay_grace_ms, id)\n",
        "",
        ("outbox",),
    ),
    Guard(
        "unique key",
        f"{_SHARED}/submission.lua",
        "redis.call('SET', key_unique(fields.tenant, fields.operation, fields.fingerprint), id)",
        "local _ = id",
        ("unique",),
    ),
    Guard(
        "reservation",
        f"{_SHARED}/acquire.lua",
        "tonumber(worst[2]) <= rank",
        "tonumber(worst[2]) == -1",
        ("reservations",),
    ),
    Guard(
        "one claim",
        f"{_SCRIPTS}/claim_job.lua",
        "if job.status ~= 'queued' then",
        "if job.status ~= 'queued' and job.token == token then",
        ("one-lease", "claims"),
    ),
    Guard(
        "end of a lease",
        f"{_SCRIPTS}/reap_leases.lua",
        "redis.call('ZRANGE', leases, '-inf', now, 'BYSCORE'",
        "redis.call('ZRANGE', leases, '-inf', now + lease_ms, 'BYSCORE'",
        ("one-lease",),
    ),
    Guard(
        "idempotency key",
        f"{_SHARED}/submission.lua",
        "    if kept[2] then",
        "    if false then",
        ("idempotent", "submissions"),
    ),
    Guard(
        "tombstone",
        f"{_SCRIPTS}/recover_job.lua",
        "if redis.call('ZSCORE', key_tombstones(), job_id .. ' ' .. fields.tenant) "
        "then return answer('tombstoned') end\n",
        "",
        ("purged-stays",),
    ),
    Guard(
        "places are returned",
        f"{_SHARED}/slot.lua",
        "      redis.call('ZREM', key_slot(slot[1]), id .. ':' .. place)\n",
        "",
        ("places",),
    ),
    Guard(
        "unblocking",
        f"{_SHARED}/final.lua",
        "  unblock_at_slots(job)\n",
        "",
        ("idle-places",),
    ),
    Guard(
        "rank of an unblocked job",
        "actors/levels.py",
        "    return 2 * priority + reserved",
        "    return 22 if reserved else 2 * priority",
        ("order",),
    ),
    Guard(
        "best waiting job",
        f"{_SHARED}/blocked.lua",
        "redis.call('ZRANGE', waiting, skipped, skipped)",
        "redis.call('ZREVRANGE', waiting, skipped, skipped)",
        ("order",),
    ),
    Guard(
        "all dependencies",
        f"{_SHARED}/settling.lua",
        "  if left > 0 then\n",
        "  if false then\n",
        ("after", "model"),
    ),
    Guard(
        "telling dependents",
        f"{_SHARED}/settling.lua",
        "while next_id and may_settle() do",
        "while not may_settle() do",
        ("after", "model"),
    ),
    Guard(
        "a lost job is no success",
        f"{_SHARED}/settling.lua",
        "if status ~= 'succeeded' and",
        "if (status == 'failed' or status == 'cancelled') and",
        ("after", "model"),
    ),
    Guard(
        "time to recover a lost job",
        f"{_SHARED}/depending.lua",
        "missed_ms + lost_after_ms <= now",
        "missed_ms <= now",
        ("after", "model"),
    ),
    Guard(
        "own dependencies only",
        f"{_SHARED}/dependency.lua",
        "    if redis.call('HGET', key_job(id), 'tenant') ~= tenant then return id, i - 1 end\n",
        "",
        ("after", "submissions"),
    ),
    Guard(
        "capacity of a group",
        f"{_SHARED}/submission.lua",
        "  if group then return 'full', quotas, 'group', group end\n",
        "",
        ("submissions",),
    ),
    Guard(
        "quota of submissions",
        f"{_SHARED}/submission.lua",
        "  if not count_submission(1) then return 'limited', quotas, 'submissions' end\n",
        "",
        ("submissions",),
    ),
    Guard(
        "priority of a message, in a chaos run",
        "actors/levels.py",
        "    return 2 * priority + reserved",
        "    return int(reserved)",
        ("order",),
        way="chaos",
        seconds=_CHAOS_SECONDS,
    ),
    Guard(
        "fence, in a chaos run",
        f"{_SHARED}/lease.lua",
        "\n    and tonumber(job.attempt) == attempt and job.token == token",
        "",
        ("one-outcome", "one-lease", "result-of-attempt"),
        way="chaos",
        seconds=_CHAOS_SECONDS,
    ),
)
