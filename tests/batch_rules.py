"""Invariants of all batches in Redis after every step."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from callboard.jobs.store import Store

ACTIVE: Final = frozenset({"scheduled", "queued", "running", "cancelling"})

Fields = Mapping[str, str]


@dataclass(frozen=True)
class Batches:
    """All batches of a namespace at one moment.

    Attributes:
        records: by id; each with its TTL in ms as `ttl`, -1 for none.
        members: ids of jobs by batch and status.
        unsealed: batches that the housekeeper seals if no other step follows.
    """

    records: Mapping[str, Fields]
    members: Mapping[tuple[str, str], frozenset[str]]
    unsealed: frozenset[str]


def look_at_batches(store: Store, names: Sequence[str]) -> Batches:
    """Read all batches.

    Args:
        store: holds them.
        names: of all keys, without their prefix.
    """
    prefix = store.keys.prefix
    records = [name for name in names if name.startswith("batch:") and name.count(":") == 1]
    sets = [name for name in names if name.startswith("batch:") and ":status:" in name]
    if not records and not sets:
        return Batches({}, {}, frozenset())
    replies = store.pipeline(
        *(("HGETALL", prefix + name) for name in records),
        *(("PTTL", prefix + name) for name in records),
        *(("SMEMBERS", prefix + name) for name in sets),
        ("ZRANGE", store.keys("unsealed"), 0, -1),
    )
    count = len(records)
    hashes, ttls, rest = replies[:count], replies[count : 2 * count], replies[2 * count : -1]
    members = {}
    for name, ids in zip(sets, rest, strict=True):
        _, batch_id, _, status = name.split(":")
        members[batch_id, status] = frozenset(each.decode() for each in ids)
    return Batches(
        records={
            name.removeprefix("batch:"): {
                **{key.decode(): value.decode() for key, value in fields.items()},
                "ttl": str(ttl),
            }
            for name, fields, ttl in zip(records, hashes, ttls, strict=True)
        },
        members=members,
        unsealed=frozenset(each.decode() for each in replies[-1]),
    )


def batch_complaints(seen: Batches, jobs: Mapping[str, Fields]) -> Iterator[str]:
    """Return the violations; none if everything is consistent."""
    right: dict[tuple[str, str], set[str]] = {}
    for job_id, job in jobs.items():
        if "batch_id" in job:
            right.setdefault((job["batch_id"], job["status"]), set()).add(job_id)
    for place in right.keys() | seen.members.keys():
        wanted, there = right.get(place, set()), seen.members.get(place, frozenset())
        if wanted != there:
            yield f"batch and status {place}: has {set(there)}, expected {wanted}"
    for batch_id, fields in seen.records.items():
        statuses = {status for each, status in right if each == batch_id}
        for wrong in _of_one(fields, statuses, unsealed=batch_id in seen.unsealed):
            yield f"batch {batch_id} {wrong}: {fields}, its jobs are {statuses}"
    for batch_id in seen.unsealed - seen.records.keys():
        yield f"batch {batch_id} must be sealed and does not exist"


def _of_one(fields: Fields, statuses: set[str], *, unsealed: bool) -> Iterator[str]:
    sealed, ended = "sealed" in fields, "ended_ms" in fields
    stays = fields["ttl"] == "-1"
    if sealed == unsealed:
        yield "is sealed and unsealed, or neither"
    if ended != (sealed and not statuses & ACTIVE):
        yield "has completed, or not, without a reason"
    if ended and not statuses and stays:
        yield "has no jobs and never expires"
    if statuses and not stays:
        yield "expires before its jobs"
