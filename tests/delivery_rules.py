"""Invariants of all deliveries in Redis after every step."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from callboard.jobs.store import Store

Fields = Mapping[str, str]
Line = Mapping[str, float]


@dataclass(frozen=True)
class Deliveries:
    """All deliveries of a namespace at one moment.

    Attributes:
        records: by id; each with its TTL in ms as `ttl`, -1 for none.
        owned: ids by the name of their owner's list.
        waiting: by host, those that wait for an attempt.
        under_way: by host, those with an attempt in progress.
        hosts: by their next check.
    """

    records: Mapping[str, Fields]
    owned: Mapping[str, Sequence[str]]
    waiting: Mapping[str, Line]
    under_way: Mapping[str, Line]
    hosts: Line


def look_at_deliveries(store: Store, names: Sequence[str]) -> Deliveries:
    """Read all deliveries.

    Args:
        store: holds them.
        names: of all keys, without their prefix.
    """
    prefix = store.keys.prefix
    records = [name for name in names if name.startswith("delivery:")]
    lists = [name for name in names if name.endswith(":deliveries")]
    lines = [n for n in names if n.startswith(("deliveries:", "delivering:"))]
    if not records and not lists and not lines:
        return Deliveries({}, {}, {}, {}, {})
    replies = store.pipeline(
        *(("HGETALL", prefix + name) for name in records),
        *(("PTTL", prefix + name) for name in records),
        *(("LRANGE", prefix + name, 0, -1) for name in lists),
        *(("ZRANGE", prefix + name, 0, -1, "WITHSCORES") for name in lines),
        ("ZRANGE", store.keys("delivery_hosts"), 0, -1, "WITHSCORES"),
    )
    count = len(records)
    hashes, ttls, rest = replies[:count], replies[count : 2 * count], replies[2 * count :]
    scored = dict(zip(lines, map(_scores, rest[len(lists) :]), strict=False))
    return Deliveries(
        records={
            name.removeprefix("delivery:"): {**_text(fields), "ttl": str(ttl)}
            for name, fields, ttl in zip(records, hashes, ttls, strict=True)
        },
        owned={
            name: [each.decode() for each in ids] for name, ids in zip(lists, rest, strict=False)
        },
        waiting=_by_host("deliveries:", scored),
        under_way=_by_host("delivering:", scored),
        hosts=_scores(replies[-1]),
    )


def delivery_complaints(seen: Deliveries, jobs: Mapping[str, Fields]) -> Iterator[str]:
    """Return the violations; none if everything is consistent."""
    for delivery_id, fields in seen.records.items():
        complaints = (
            *_of_place(seen, delivery_id, fields),
            *_of_owner(seen, delivery_id, fields, jobs),
        )
        yield from (f"{delivery_id} {wrong}: {fields}" for wrong in complaints)
    for name, ids in seen.owned.items():
        _, owner, _ = name.split(":")
        if name.startswith("job:") and owner not in jobs:
            yield f"{name} outlived its job"
        if len(set(ids)) < len(ids):
            yield f"{name} holds one twice: {ids}"
    yield from _of_hosts(seen)


def _of_place(seen: Deliveries, delivery_id: str, fields: Fields) -> Iterator[str]:
    host, pending = fields["host"], fields["status"] == "pending"
    waits = seen.waiting.get(host, {}).get(delivery_id)
    moving = seen.under_way.get(host, {}).get(delivery_id)
    if [waits, moving].count(None) != (1 if pending else 2):
        yield f"waits until {waits} and is leased until {moving}"
    if (moving is not None) != ("token" in fields):
        yield "is leased without a token, or has a token without a lease"
    if waits is not None and waits != float(fields["next_ms"]):
        yield f"waits until {waits}"
    if pending != (fields["ttl"] == "-1"):
        yield "has the wrong time to live"


def _of_owner(
    seen: Deliveries, delivery_id: str, fields: Fields, jobs: Mapping[str, Fields]
) -> Iterator[str]:
    owned = seen.owned.get(f"{fields['kind']}:{fields['owner']}:deliveries", ())
    gone = fields["kind"] == "job" and fields["owner"] not in jobs
    if delivery_id not in owned and not gone:
        yield f"is not in the list of its owner, {owned}"
    if gone and fields["status"] == "pending" and "body" not in fields:
        yield "can never be rendered"
    if fields["status"] == "delivered" and "body" in fields:
        yield "keeps an unneeded body"


def _of_hosts(seen: Deliveries) -> Iterator[str]:
    for line in (seen.waiting, seen.under_way):
        for host, members in line.items():
            lost = {each for each in members if seen.records.get(each, {}).get("host") != host}
            if lost:
                yield f"{host} has {lost}, which do not exist"
    for host in seen.waiting.keys() | seen.under_way.keys() | seen.hosts.keys():
        lease = min(seen.under_way.get(host, {}).values(), default=None)
        first = min(seen.waiting.get(host, {}).values(), default=None)
        known = [each for each in (lease, first) if each is not None]
        right = {min(known), lease} if known else {None}  # a busy one is due with its first lease
        if seen.hosts.get(host) not in right:
            yield f"{host} is checked at {seen.hosts.get(host)}, expected {right}"


def _by_host(kind: str, lines: Mapping[str, Line]) -> dict[str, Line]:
    return {name[len(kind) :]: line for name, line in lines.items() if name.startswith(kind)}


def _scores(reply: Sequence[bytes]) -> dict[str, float]:
    return {
        each.decode(): float(score) for each, score in zip(reply[::2], reply[1::2], strict=True)
    }


def _text(flat: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in flat.items()}
