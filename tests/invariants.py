"""Invariants of all data in Redis after every step."""
# long: all rules read the same snapshot, and are read beside each other

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from callboard.jobs.publisher import Wakeup
from callboard.jobs.store import Store
from tests.batch_rules import Batches, batch_complaints, look_at_batches
from tests.delivery_rules import Deliveries, delivery_complaints, look_at_deliveries

ACTIVE: Final = ("scheduled", "queued", "running", "cancelling")
FINAL: Final = ("succeeded", "failed", "cancelled")
HOLDING: Final = ("running", "cancelling")

Fields = Mapping[str, str]


@dataclass(frozen=True)
class Seen:
    """All records and sets of a namespace at one moment; sets are named as in `jobs/keys.py`."""

    jobs: Mapping[str, Fields]
    results: frozenset[str]
    saved: Mapping[str, str]
    uniques: Mapping[str, str]
    limits: Mapping[str, str]
    sets: Mapping[str, Mapping[str, float]]
    waited: frozenset[str]
    tenants: frozenset[str]
    deliveries: Deliveries
    batches: Batches
    threads: int | None = None
    counting: frozenset[str] = frozenset()  # operations with a count of started turns

    def members(self, name: str) -> Mapping[str, float]:
        return self.sets.get(name, {})

    def slots(self) -> set[str]:
        named = {slot for job in self.jobs.values() for slot in slots_of(job)}
        return named | {name[5:] for name in self.sets if name.startswith("slot:")}

    def limit(self, slot: str) -> int:
        slot = value_class(slot) or slot
        known = self.limits.get(
            f"operator:{slot}", self.limits.get(f"declared:{slot}", "1000000000")
        )
        return int(known)

    def occupants(self, slot: str) -> int:
        return sum(1 for score in self.members(f"slot:{slot}").values() if score == -1)

    def free(self, slot: str) -> int:
        return self.limit(slot) - len(self.members(f"slot:{slot}"))

    def has_at_hand(self, operation: str) -> bool:
        """Whether a job of the operation has a reservation."""
        return any(score >= 0 for score in self.members(f"slot:operation:{operation}").values())

    def has_enough(self, operation: str) -> bool:
        """Whether one more reservation would help no thread."""
        free = None if self.threads is None else self.threads - len(self.members("leases"))
        too_many = free is not None and len(self.members("reservations")) > free
        return too_many and self.has_at_hand(operation)

    def with_status(self, *statuses: str) -> set[str]:
        return {job_id for job_id, job in self.jobs.items() if job["status"] in statuses}

    def room_for(self, job_id: str) -> bool:
        """Whether the job should get its places now, by rank and free places."""
        job = self.jobs[job_id]
        wanted = slots_of(job)
        if "reserved" in job and all(self.free(slot) >= 0 for slot in wanted):
            return True
        gone: set[str] = set()
        return all(self._wins(job_id, slot, places, gone) for slot, places in wanted.items())

    def _wins(self, job_id: str, slot: str, places: int, gone: set[str]) -> bool:
        """Whether the job gets its places in a slot; adds the jobs that it evicts to `gone`."""
        rank = rank_at(self.jobs[job_id], slot)
        waiting = ((score, id) for id, score in self.members(f"waiting:{slot}").items())
        first = min(waiting, default=(rank, job_id))
        if first[1] != job_id and first[0] < rank:
            return False
        held = sorted((score, entry) for entry, score in self.members(f"slot:{slot}").items())
        held = [each for each in held if each[1].partition(":")[0] not in {job_id, *gone}]
        while self.limit(slot) - len(held) < places:
            if not held or held[-1][0] <= rank:
                return False
            worst = held[-1][1].partition(":")[0]
            gone.add(worst)
            held = [each for each in held if not each[1].startswith(worst)]
        return True


def look(store: Store) -> Seen:
    """Read the whole namespace."""
    prefix = store.keys.prefix
    (found,) = store.pipeline(("KEYS", f"{prefix}*"))
    names = sorted(name.decode() for name in found)
    short = [name.removeprefix(prefix) for name in names]
    job_ids = [name[4:] for name in short if name.startswith("job:") and name.count(":") == 1]
    uniques = [name for name in short if name.startswith("unique:")]
    sets = [name for name in short if _is_sorted_set(name)]
    saved = [name for name in short if name.startswith("job:") and name.endswith(":saved")]
    replies = store.pipeline(
        *(("HGETALL", f"{prefix}job:{job_id}") for job_id in job_ids),
        *(("GET", prefix + name) for name in uniques),
        *(("ZRANGE", prefix + name, 0, -1, "WITHSCORES") for name in sets),
        *(("GET", prefix + name) for name in saved),
        ("HGETALL", f"{prefix}limits"),
        ("SMEMBERS", f"{prefix}waited"),
        ("SMEMBERS", f"{prefix}tenants"),
        ("GET", f"{prefix}threads"),
    )
    threads = replies.pop()
    hashes, rest = replies[: len(job_ids)], replies[len(job_ids) :]
    return Seen(
        jobs={job_id: _text(flat) for job_id, flat in zip(job_ids, hashes, strict=True)},
        saved={
            name.split(":")[1]: state.decode("latin-1")
            for name, state in zip(saved, rest[len(uniques) + len(sets) :], strict=False)
        },
        results=frozenset(name.split(":")[1] for name in short if name.endswith(":result")),
        uniques={name: id.decode() for name, id in zip(uniques, rest, strict=False)},
        sets={
            name: {member.decode(): float(score) for member, score in _pairs(reply)}
            for name, reply in zip(sets, rest[len(uniques) :], strict=False)
        },
        limits=_text(replies[-3]),
        waited=frozenset(name.decode() for name in replies[-2]),
        tenants=frozenset(name.decode() for name in replies[-1]),
        deliveries=look_at_deliveries(store, short),
        batches=look_at_batches(store, short),
        counting=frozenset(name[14:] for name in short if name.startswith("started_turns:")),
        threads=None if threads is None else int(threads),
    )


def slots_of(job: Fields) -> dict[str, int]:
    named = [part.partition("=") for part in job.get("slots", "").split(",") if part]
    extra = {name: int(number) for name, _, number in named}
    values = {name: extra.pop(name) for name in list(extra) if name.startswith("per:")}
    return {**values, f"operation:{job['operation']}": 1, **extra}


def value_class(slot: str) -> str | None:
    """Return the class of a value's slot; None for another slot."""
    return slot.rpartition(":")[0] if slot.startswith("per:") else None


def rank_at(job: Fields, slot: str) -> float:
    """The rank of a job at a slot: its turn among jobs of its operation."""
    return float(job["rank"] if slot.startswith("resource:") else job.get("turn", job["rank"]))


def complaints(seen: Seen) -> Iterator[str]:
    """Return the violations, with the names of the invariants; none if everything is consistent."""
    yield from named("indexes", _sets_agree_with_records(seen))
    yield from named("places", _places_are_held_by_right(seen))
    yield from named("outbox", _queued_jobs_can_be_woken(seen))
    yield from named("after", _dependents_will_be_told(seen))
    yield from named("turns", _turns_are_of_active_jobs(seen))
    yield from named("unique", _uniques_name_active_jobs(seen))
    yield from named("idle-places", _no_job_waits_in_vain(seen, only_simple=True))
    yield from named("deliveries", delivery_complaints(seen.deliveries, seen.jobs))
    yield from named("batches", batch_complaints(seen.batches, seen.jobs))


def named(invariant: str, wrong: Iterable[str]) -> Iterator[str]:
    """Prefix violations with the name of their invariant."""
    return (f"{invariant}: {each}" for each in wrong)


def changes(before: Seen, after: Seen) -> Iterator[str]:
    """Return changes that no step may make."""
    for slot in after.slots():
        occupied = before.occupants(slot), after.occupants(slot)
        taken = len(before.members(f"slot:{slot}")), len(after.members(f"slot:{slot}"))
        for old, new in (occupied, taken):
            if new > max(after.limit(slot), old):
                yield f"limits: {slot}, from {old} to {new} with a limit of {after.limit(slot)}"
    for job_id in before.jobs.keys() & after.jobs.keys():
        for wrong in _job_changes(before.jobs[job_id], after.jobs[job_id]):
            yield f"steps: {job_id} {wrong}"


def _job_changes(old: Fields, new: Fields) -> Iterator[str]:
    if old["status"] in FINAL and _without_log(old) != _without_log(new):
        yield f"was final and changed from {old} to {new}"
    for name in ("attempt", "failures", "crashes", "version", "wakeup"):
        if int(new[name]) < int(old[name]):
            yield f"{name} fell from {old[name]} to {new[name]}"
    shown = ("status", "blocked_on", "attempt", "failures", "crashes", "percent", "worker")
    changed = [name for name in shown if old.get(name) != new.get(name)]
    if changed and new["version"] == old["version"]:
        yield f"{changed} changed, its version did not"


def _without_log(job: Fields) -> dict[str, str]:
    """Leave out what grows with the log, which callbacks continue to write."""
    return {name: value for name, value in job.items() if not name.startswith("log_")}


def no_job_waits_in_vain(seen: Seen) -> Iterator[str]:
    """Return places that are free while a job that could run waits there; after unblocking."""
    yield from named("idle-places", _no_job_waits_in_vain(seen, only_simple=False))


def none_is_overtaken(seen: Seen, now_ms: int) -> Iterator[str]:
    """Return jobs that wait at a slot where a worse-ranked job has a reservation."""
    for job_id, job in seen.jobs.items():
        slot = job.get("blocked_on", "")
        passed_over = int(job.get("passed_until_ms", 0)) > now_ms
        others = [one for one in slots_of(job) if one != slot]
        # A job that lacks another place does not compete, and at a resource only age decides.
        competes = all(one[:9] != "resource:" and seen.free(one) > 0 for one in others)
        if not slot or passed_over or not competes:
            continue
        rank = rank_at(job, slot)
        for entry, score in seen.members(f"slot:{slot}").items():
            if score > rank:
                yield f"order: {job_id} waits at {slot}, and {entry} has a reservation there"


def overtaken(seen: Seen, message: Wakeup, others: Iterable[Wakeup]) -> Iterator[str]:
    """Return jobs that could have run instead of a job whose message arrived first."""
    for other in others:
        job = seen.jobs.get(other.submission.job_id, {})
        better = other.submission.priority > message.submission.priority
        runnable = job.get("status") == "queued" and "blocked_on" not in job
        if better and runnable and seen.room_for(other.submission.job_id):
            yield f"order: {message.submission.job_id} came before {other.submission.job_id}"


def nothing_is_held(seen: Seen) -> Iterator[str]:
    """Return what remains of jobs once all of them have ended."""
    for job_id in seen.with_status(*ACTIVE):
        yield f"{job_id} is still {seen.jobs[job_id]}"
    for name, members in seen.sets.items():
        kept = name in ("expiry", "tombstones", "workers", "operations")
        if members and not kept and not name.startswith("index:"):
            yield f"{name} still holds {dict(members)}"
    if seen.counting:
        yield f"turns are still counted of {set(seen.counting)}"
    if seen.saved:
        yield f"states are still kept of {set(seen.saved)}"
    if seen.waited:
        yield f"waited still holds {set(seen.waited)}"
    yield from (f"{name} still names {job_id}" for name, job_id in seen.uniques.items())


def _sets_agree_with_records(seen: Seen) -> Iterator[str]:
    active = seen.with_status(*ACTIVE)
    yield from _differ("active", active, seen.members("active"))
    yield from _differ("leases", seen.with_status(*HOLDING), seen.members("leases"))
    depending = {job_id for job_id, job in seen.jobs.items() if "depending" in job}
    yield from _differ("due", seen.with_status("scheduled") - depending, seen.members("due"))
    yield from _differ("depending", depending, seen.members("depending"))
    yield from _differ("expiry", seen.with_status(*FINAL), seen.members("expiry"))
    yield from _differ("results", seen.with_status("succeeded"), seen.results)
    reserved = {job_id for job_id, job in seen.jobs.items() if "reserved" in job}
    yield from _differ("reservations", reserved, seen.members("reservations"))
    with_token = {id for id in seen.with_status(*HOLDING) if "token" not in seen.jobs[id]}
    yield from (f"{job_id} runs without a token" for job_id in with_token)
    listings: dict[str, set[str]] = {}
    for job_id, job in seen.jobs.items():
        own = f"index:{job['tenant']}"
        facets = [f"status:{job['status']}", f"operation:{job['operation']}"]
        facets += [f"batch:{job['batch_id']}"] if "batch_id" in job else []
        for name in (own, *(f"{own}:{facet}" for facet in facets)):
            listings.setdefault(name, set()).add(job_id)
        if job["status"] == "queued" and "blocked_on" not in job:
            listings.setdefault(f"queued:{job['queue']}", set()).add(job_id)
        if job["tenant"] not in seen.tenants:
            yield f"{job_id} belongs to {job['tenant']}, an unlisted tenant"
        if job_id in active:
            listings.setdefault(f"active:{job['operation']}", set()).add(job_id)
    kinds = ("index:", "active:", "queued:")
    for name in listings.keys() | {name for name in seen.sets if name.startswith(kinds)}:
        yield from _differ(name, listings.get(name, set()), seen.members(name))
    yield from (
        f"{id} is there and has a tombstone"
        for id, job in seen.jobs.items()
        if f"{id} {job['tenant']}" in seen.members("tombstones")
    )


def _places_are_held_by_right(seen: Seen) -> Iterator[str]:
    expected: dict[str, dict[str, float]] = {}
    for job_id, job in seen.jobs.items():
        holds = job["status"] in HOLDING
        if "reserved" in job and (job["status"] != "queued" or "blocked_on" in job):
            blocked = "blocked_on" in job
            yield f"{job_id} has reservations and is {job['status']}, blocked: {blocked}"
        if holds or "reserved" in job:
            for slot, places in slots_of(job).items():
                score = -1.0 if holds else rank_at(job, slot)
                entries = {f"{job_id}:{place}": score for place in range(1, places + 1)}
                expected.setdefault(slot, {}).update(entries)
    for slot in seen.slots():
        held, right = dict(seen.members(f"slot:{slot}")), expected.get(slot, {})
        if held != right:
            yield f"{slot} holds {held}, expected {right}"


def _queued_jobs_can_be_woken(seen: Seen) -> Iterator[str]:
    places = Counter(
        job_id
        for name, members in seen.sets.items()
        if name == "outbox" or name.startswith(("awaiting:", "waiting:"))
        for job_id in members
    )
    for job_id, job in seen.jobs.items():
        wanted = 1 if job["status"] == "queued" else 0
        found = places.pop(job_id, 0)
        if found != wanted:
            yield f"{job_id} is {job['status']} and in {found} sets of wake-ups, not {wanted}"
        if "blocked_on" in job:
            yield from _blocked_in_vain(seen, job_id, job["blocked_on"])
    yield from (f"{job_id} is to be woken and has no record" for job_id in places)
    for slot in seen.slots():
        for job_id in seen.members(f"waiting:{slot}"):
            if seen.jobs.get(job_id, {}).get("blocked_on") != slot:
                yield f"{job_id} waits at {slot} and is not blocked there"


def _blocked_in_vain(seen: Seen, job_id: str, slot: str) -> Iterator[str]:
    job = seen.jobs[job_id]
    if seen.members(f"waiting:{slot}").get(job_id) != rank_at(job, slot):
        yield f"{job_id} is blocked and does not wait at {slot} by its rank"
    if slot not in slots_of(job) or slot not in seen.waited:
        yield f"{job_id} is blocked at {slot}, which is never checked"


def _dependents_will_be_told(seen: Seen) -> Iterator[str]:
    waits = _pairs_of(seen, "dependencies:")
    told = {(job_id, other) for other, job_id in _pairs_of(seen, "dependents:")}
    if waits != told:
        yield f"dependencies alone {sorted(waits - told)}, dependents alone {sorted(told - waits)}"
    depending = {job_id for job_id, job in seen.jobs.items() if "depending" in job}
    yield from _differ("what waits for something", depending, {job_id for job_id, _ in waits})
    for job_id in depending - seen.with_status("scheduled"):
        yield f"{job_id} is depending and is {seen.jobs[job_id]['status']}"
    settling = {entry.partition(" ")[0] for entry in seen.members("settling")}
    for job_id, other in waits:
        if seen.jobs.get(other, {}).get("status") in FINAL and other not in settling:
            yield f"{job_id} still waits for {other}, which has ended"


def _pairs_of(seen: Seen, kind: str) -> set[tuple[str, str]]:
    return {
        (name.removeprefix(kind), member)
        for name, members in seen.sets.items()
        if name.startswith(kind)
        for member in members
    }


def _turns_are_of_active_jobs(seen: Seen) -> Iterator[str]:
    right: dict[str, dict[str, float]] = {}
    for job_id, job in seen.jobs.items():
        valued = [slot for slot in job.get("slots", "").split(",") if slot.startswith("per:")]
        if job["status"] in ACTIVE and "turn" in job:
            slot = valued[0].partition("=")[0]
            right.setdefault(f"turns:{slot}", {})[job_id] = float(job["turn"])
        if valued and "turn" not in job and job["status"] in ("queued", *HOLDING):
            yield f"{job_id} is {job['status']} without a turn"
    there = {name: dict(members) for name, members in seen.sets.items() if name[:6] == "turns:"}
    if there != right:
        yield f"turns are {there}, expected {right}"
    active = {job["operation"] for job in seen.jobs.values() if job["status"] in ACTIVE}
    if idle := seen.counting - active:
        yield f"turns of {idle}, without jobs, are counted"


def _uniques_name_active_jobs(seen: Seen) -> Iterator[str]:
    right = {
        f"unique:{job['tenant']}:{job['operation']}:{job['fingerprint']}": job_id
        for job_id, job in seen.jobs.items()
        if job["status"] in ACTIVE and "fingerprint" in job
    }
    if right != dict(seen.uniques):
        yield f"unique keys name {dict(seen.uniques)}, expected {right}"


def _no_job_waits_in_vain(seen: Seen, *, only_simple: bool) -> Iterator[str]:
    for name, members in seen.sets.items():
        slot = name.removeprefix("waiting:")
        if name == slot:
            continue
        for job_id in members:
            wanted = slots_of(seen.jobs[job_id]) if job_id in seen.jobs else {}
            if only_simple and len(wanted) > 1:
                continue
            operation = seen.jobs[job_id]["operation"] if wanted else ""
            # Between two ticks of the housekeeper, other jobs may have freed threads.
            known = seen.threads is not None and only_simple
            if seen.has_at_hand(operation) if known else seen.has_enough(operation):
                continue
            if wanted and all(seen.free(one) >= places for one, places in wanted.items()):
                yield f"{job_id} waits at {slot}, and all its places are free"


def _differ(name: str, right: set[str], there: Iterable[str]) -> Iterator[str]:
    if right != set(there):
        yield f"{name}: extra {sorted(set(there) - right)}, missing {sorted(right - set(there))}"


def _is_sorted_set(name: str) -> bool:
    first = name.partition(":")[0]
    if ":label:" in name:
        return False
    alone = ("active", "reservations", "leases", "due", "outbox", "expiry", "tombstones")
    alone = (*alone, "depending", "settling")
    lines = ("slot", "waiting", "awaiting", "queued", "turns", "index", "active")
    lines = (*lines, "dependencies", "dependents")
    return first in lines or name in alone


def _text(flat: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in flat.items()}


def _pairs(reply: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(reply[::2], reply[1::2], strict=True)
