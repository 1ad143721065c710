"""Spell every Redis key once, for Python and for the Lua prelude that is generated from here.

Every key starts with `{<namespace>}:`, so that a namespace lives on one shard of a cluster.
"""

import re
from functools import cache
from typing import Final

TEMPLATES: Final[dict[str, str]] = {
    # One job.
    "job": "job:<id>",  # hash: the record
    "text": "job:<id>:text",  # hash: fields of the record that may be longer than 64 bytes
    "params": "job:<id>:params",  # string: encoded parameters
    "result": "job:<id>:result",  # string: encoded result
    "log": "job:<id>:log",  # list: lines and steps
    "saved": "job:<id>:saved",  # string: encoded state that an attempt left for the next one
    # What a submission is checked against.
    "unique": "unique:<tenant>:<operation>:<fingerprint>",  # string: id of the active job
    "idempotency": "idempotency:<tenant>:<digest>",  # hash: fingerprint, job
    "rate": "rate:<tenant>",  # string: GCRA's theoretical arrival time, see `count_rate`
    "submission_rate": "submission_rate:<tenant>:<operation>",  # string: the same of submissions
    "active": "active",  # zset: active jobs by creation
    "active_operation": "active:<operation>",  # zset: active jobs of one operation by creation
    # What an operator or a client said.
    "confirmation": "confirmation:<id>:<digest>",  # string: asked or used, of a two-step cancel
    "api_keys": "api_keys",  # hash: tenant, role and name of each key, by its SHA-256
    "trial": "trial",  # string: whether changes are taken; gone within a second
    "keys_opened": "keys_opened",  # string: an operator removed the last key on purpose
    # Places.
    "limits": "limits",  # hash: declared:, operator: and pause:<slot>, how many places
    "slot": "slot:<slot>",  # zset: <id>:<place>; score -1 occupied, a rank reserved
    "waiting": "waiting:<slot>",  # zset: blocked jobs by rank
    "waited": "waited",  # set: slots that may have blocked jobs
    "queued": "queued:<queue>",  # zset: queued jobs that wait for a worker by rank
    "turns": "turns:<slot>",  # zset: active jobs of one value by their turn
    "started_turns": "started_turns:<operation>",  # hash: by priority, the highest turn started
    "reservations": "reservations",  # zset: jobs with reserved places by the time they lapse
    # Clocks.
    "leases": "leases",  # zset: running jobs by lease end
    "due": "due",  # zset: scheduled jobs by time
    "outbox": "outbox",  # zset: jobs to be woken by the time the relay publishes them
    "awaiting": "awaiting:<queue>",  # zset: jobs whose message is confirmed, by their next check
    "queues": "queues",  # set: queues that have an awaiting set
    "expiry": "expiry",  # zset: ended jobs by purge time
    "tombstones": "tombstones",  # zset: <id> <tenant> purged, by when nothing can revive it
    "ticks": "ticks",  # hash: when the housekeeper last did what
    # Jobs that wait for others.
    "depending": "depending",  # zset: scheduled jobs that wait for others, by their next check
    "dependencies": "dependencies:<id>",  # zset: for which; 0, or since when its record is missing
    "dependents": "dependents:<id>",  # zset: jobs that wait for this one by rank
    "settling": "settling",  # zset: `<id> <status>` ended, its dependents not all told, by its end
    # Files.
    "job_files": "job:<id>:files",  # set: files that a job takes or made
    "file": "file:<file>",  # hash: what is known of a file
    "file_users": "file:<file>:users",  # set: jobs that use it
    "files": "files:<tenant>",  # zset: a tenant's files by creation
    "file_expiry": "file_expiry",  # zset: files by when they are removed, unless in use
    "stored": "stored",  # hash: bytes kept or reserved, by tenant
    # Batches.
    "batch": "batch:<batch>",  # hash: the batch
    "batch_items": "batch:<batch>:items",  # list: what became of each item, by index
    "batch_status": "batch:<batch>:status:<status>",  # set: its jobs of one status
    "unsealed": "unsealed",  # zset: batches that are not wholly submitted, by their last step
    # Callbacks.
    "job_deliveries": "job:<id>:deliveries",  # list: what is or was to be delivered of a job
    "batch_deliveries": "batch:<batch>:deliveries",  # list: the same of a batch
    "delivery": "delivery:<delivery>",  # hash: one event on its way to one address
    "deliveries": "deliveries:<host>",  # zset: undelivered ones to one host by their next attempt
    "delivering": "delivering:<host>",  # zset: attempts under way to one host by lease end
    "delivery_hosts": "delivery_hosts",  # zset: hosts by when a next attempt may begin
    "delivery_counts": "delivery_counts",  # hash: how many attempts ended in which way
    "secrets": "secrets",  # hash: which generation of its signing secret a tenant has
    # Schedules.
    "schedule": "schedule:<schedule>",  # hash: one recurring job
    "schedules": "schedules",  # zset: all of them by their next tick; a paused one has none
    # Messages of newer versions that have no record.
    "orphans": "orphans",  # zset: kept ones by when they are looked at again
    "orphan": "orphan:<orphan>",  # hash: the message, its queue, and when it was first met
    "orphan_counts": "orphan_counts",  # hash: how many were read, dropped, or none of ours
    # Looking.
    "tenants": "tenants",  # set: tenants that have submitted
    "index": "index:<tenant>",  # zset: a tenant's jobs by creation
    "index_facet": "index:<tenant>:<facet>:<value>",  # zset: the same, of one facet
    "stats": "stats:<operation>",  # hash: what past runs took
    # Workers.
    "workers": "workers",  # zset: worker ids by their last heartbeat
    "worker": "worker:<worker>",  # hash: what a worker says of itself
    "threads": "threads",  # string: how many jobs the living workers run at a time
    "operations": "operations",  # zset: operations by the last heartbeat of one that knows them
    "leader": "leader",  # string: the housekeeper that leads
    # Never written: deleting it is a write that a full memory does not refuse.
    "headroom": "headroom",
    # Tests alone.
    "clock": "clock",  # string: replaces the clock of Redis
    "history": "history",  # stream: what `note` in the scripts was told
}

CHANNELS: Final[dict[str, str]] = {
    "events": "events",  # job id, version, status and percent at each change
    "cancels": "cancels",  # ids of running jobs that are to stop
}

PERMANENT: Final[tuple[str, ...]] = (
    "job:*",
    "unique:*",
    "active",
    "active:*",
    "api_keys",
    "keys_opened",
    "limits",
    "slot:*",
    "waiting:*",
    "waited",
    "queued:*",
    "turns:*",
    "started_turns:*",
    "reservations",
    "leases",
    "due",
    "depending",
    "dependencies:*",
    "dependents:*",
    "settling",
    "outbox",
    "awaiting:*",
    "queues",
    "file:*",
    "files:*",
    "file_expiry",
    "stored",
    "batch:*",
    "unsealed",
    "delivery:*",
    "deliveries:*",
    "delivering:*",
    "delivery_hosts",
    "delivery_counts",
    "secrets",
    "schedule:*",
    "schedules",
    "orphans",
    "orphan:*",
    "orphan_counts",
    "expiry",
    "tombstones",
    "ticks",
    "index:*",
    "tenants",
    "stats:*",
    "workers",
    "operations",
    "clock",
    "history",
)
"""Patterns of keys that may live without a TTL; a job's own keys go by `purge`."""

_PLACEHOLDER = re.compile(r"<(\w+)>")


class Keys:
    """The keys of one namespace: `Keys("callboard").job(id)` is `"{callboard}:job:<id>"`."""

    def __init__(self, namespace: str) -> None:
        self.prefix = "{" + namespace + "}:"
        literal = self.prefix.replace("%", "%%")
        self._forms = {
            name: (literal + _PLACEHOLDER.sub("%s", template), template.count("<"))
            for name, template in TEMPLATES.items()
        }

    def __call__(self, name: str, *parts: str) -> str:
        """Spell the key `name` with its parts in the order of its template.

        Raises:
            KeyError: no key has that name.
            ValueError: too many or too few parts.
        """
        form, wanted = self._forms[name]
        if len(parts) != wanted:
            raise ValueError(f"key {name!r} is spelled {TEMPLATES[name]!r}, got {len(parts)} parts")
        return form % parts

    def channel(self, name: str) -> str:
        """Spell a channel; pub/sub ignores shards, the prefix only keeps namespaces apart."""
        return self.prefix + CHANNELS[name]


@cache
def lua_prelude() -> str:
    """Generate the Lua functions `key_<name>(parts)` and `channel_<name>` from the templates."""
    lines = ["local ns = string.match(KEYS[1], '^%b{}:')"]
    for name, template in TEMPLATES.items():
        parts = _PLACEHOLDER.findall(template)
        pieces = [
            piece if index % 2 else f"'{piece}'"
            for index, piece in enumerate(_PLACEHOLDER.split(template))
            if piece
        ]
        body = " .. ".join(["ns", *pieces])
        lines.append(f"local function key_{name}({', '.join(parts)}) return {body} end")
    lines += [f"local channel_{name} = ns .. '{channel}'" for name, channel in CHANNELS.items()]
    return "\n".join(lines) + "\n"
