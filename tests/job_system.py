"""The real scripts with a clock, a broker and workers that a test controls."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Literal

from redis import Redis

from callboard.actors.levels import level_of
from callboard.jobs.cancel import ask_cancel, confirm_cancel
from callboard.jobs.claim import Claim, claim
from callboard.jobs.errors import (
    CapacityExceeded,
    ConfirmationStale,
    DependencyMissing,
    DuplicateJob,
    FileMissing,
    IdempotencyMismatch,
    JobFinal,
    JobNotFound,
    RateExceeded,
    Refused,
)
from callboard.jobs.fence import Fence
from callboard.jobs.operation_limits import CapacityGroup, OperationLimits
from callboard.jobs.publisher import Wakeup
from callboard.jobs.rate import count_request
from callboard.jobs.rate_quota import Charge
from callboard.jobs.recover import recover
from callboard.jobs.relay import confirm, publish_woken
from callboard.jobs.store import Store
from callboard.jobs.submission import DEFAULT_TENANT, Submission
from callboard.jobs.submit import submit

Mood = Literal["good", "forgetful", "mute", "down", "doubling"]
"""good: confirms and delivers; forgetful: confirms and loses; mute: delivers without a confirm;
down: does neither; doubling: delivers twice."""

START_MS: Final = 1_800_000_000_000
LEASE: Final = timedelta(seconds=20)
LIMITS: Final = {
    "operation:single": 1,
    "operation:double": 2,
    "operation:shared": 3,
    "per:shared:tenant": 2,
    "resource:gpu": 2,
    "resource:licence": 1,
}

REFUSALS: Final[Mapping[type[Refused], str]] = {
    DuplicateJob: "duplicate",
    IdempotencyMismatch: "mismatch",
    CapacityExceeded: "full",
    RateExceeded: "limited",
    FileMissing: "file_missing",
    DependencyMissing: "dependency_missing",
}


@dataclass
class Broker:
    """A bag of messages; the test takes them out in any order, repeatedly, or never."""

    mood: Mood = "good"
    now_ms: int = START_MS
    messages: list[Wakeup] = field(default_factory=list)
    published: list[tuple[str, int]] = field(default_factory=list)

    def publish(self, wakeups: Sequence[Wakeup]) -> Sequence[bool]:
        for wakeup in wakeups:
            copies = {"good": 1, "mute": 1, "doubling": 2}.get(self.mood, 0)
            self.messages += [replace(wakeup, published_ms=self.now_ms)] * copies
            self.published.append((wakeup.submission.job_id, wakeup.number))
        return [self.mood not in ("mute", "down")] * len(wakeups)

    def best(self) -> Wakeup:
        """Return the message that RabbitMQ delivers first: the oldest of the highest level."""
        return max(self.messages, key=_level)

    def misordered(self) -> Iterator[str]:
        """Return messages that would precede one of a better priority."""
        first: dict[int, int] = {}
        for message in self.messages:
            priority, level = message.submission.priority, _level(message)
            first[priority] = max(level, first.get(priority, level))
        for message in self.messages:
            if any(_level(message) <= first[p] for p in first if p < message.submission.priority):
                yield f"order: {message.submission.job_id} comes behind a worse priority"

    def ready(self, queue: str) -> int | None:
        return sum(1 for message in self.messages if message.submission.queue == queue)


def _level(message: Wakeup) -> int:
    return level_of(message.submission.priority, reserved=message.reserved)


class JobSystem:
    """One namespace, its broker, and every message and token that ever was."""

    def __init__(self, client: Redis, namespace: str = "test") -> None:
        self.redis = client
        self.broker = Broker()
        self.woken: list[str] = []
        self.store = Store(client, namespace, on_woken=self.woken.extend, testing=True)
        self._named = 0
        self.set_clock(START_MS)

    @property
    def now_ms(self) -> int:
        return self.broker.now_ms

    def set_clock(self, now_ms: int) -> None:
        self.broker.now_ms = now_ms
        self.redis.set(self.store.keys("clock"), now_ms)

    def pass_time(self, milliseconds: int) -> None:
        self.set_clock(self.now_ms + milliseconds)

    def new_submission(self, operation: str = "free", **chosen: object) -> Submission:
        """Ids and tokens are counted, so that a failing run can be repeated exactly.

        In the operation `shared`, each tenant has its own places.
        """
        self._named += 1
        if operation == "shared":
            own = f"per:shared:tenant:{chosen.get('tenant', DEFAULT_TENANT)}=1"
            chosen["slots"] = ",".join(filter(None, (str(chosen.get("slots", "")), own)))
            chosen["value_limits"] = {"per:shared:tenant": LIMITS["per:shared:tenant"]}
        job_id = f"{self._named:08x}-0000-7000-8000-000000000000"
        return Submission(job_id=job_id, operation=operation, params={}, **chosen)  # type: ignore[arg-type]

    def new_token(self) -> str:
        self._named += 1
        return f"token-{self._named}"

    def submit(
        self,
        submission: Submission,
        *,
        publish: bool = True,
        most: tuple[int, int] = (1000, 1000),
        charge: Charge | None = None,
        own_charge: Charge | None = None,
        group: CapacityGroup | None = None,
    ) -> str:
        """Submit like the web process: returns the script's word, and publishes the message."""
        groups = (group,) if group and submission.operation in group.operations else ()
        try:
            accepted = submit(
                self.store,
                submission,
                max_active=most[0],
                limits=OperationLimits(most[1], own_charge, groups),
                charge=charge,
            )
        except Refused as error:
            return REFUSALS[type(error)]
        if accepted.wakeup and publish:
            reserved = bool(submission.value_limits)
            message = Wakeup(accepted.submission, accepted.wakeup, reserved, accepted.now_ms)
            if all(self.broker.publish([message])):
                confirm(self.store, [(accepted.job_id, accepted.wakeup)])
        return "replayed" if accepted.replayed else "accepted"

    def count(self, charge: Charge) -> tuple[str, int]:
        """Count a request; return whether it was admitted, and how many more would be."""
        try:
            return "counted", count_request(self.store, charge).left
        except RateExceeded as error:
            return "limited", error.violated.left

    def ask_cancel(self, job_id: str, caller: str = "caller") -> tuple[str, str]:
        """Take the first step of a cancel; return its word and its token."""
        try:
            return "asked", ask_cancel(self.store, job_id, caller=caller).token
        except JobFinal:
            return "ended", ""
        except JobNotFound:
            return "missing", ""

    def confirm_cancel(self, job_id: str, token: str, caller: str = "caller") -> str:
        """Take the second step of a cancel; return the script's word."""
        try:
            return confirm_cancel(self.store, job_id, token, caller=caller)
        except ConfirmationStale:
            return "stale"
        except JobFinal:
            return "ended"
        except JobNotFound:
            return "missing"

    def submitted(self, operation: str = "free", **chosen: object) -> str:
        """Submit a new job that must be accepted, and return its id."""
        submission = self.new_submission(operation, **chosen)
        assert self.submit(submission) == "accepted"
        return submission.job_id

    def take_woken(self) -> list[str]:
        """Return the jobs to publish since the last call."""
        woken = list(dict.fromkeys(self.woken))
        self.woken.clear()
        return woken

    def publish(self) -> None:
        """Publish woken jobs, like the relay's thread."""
        if woken := self.take_woken():
            publish_woken(self.store, self.broker, woken)

    def claim(
        self, job_id: str, token: str | None = None, *, limits: Mapping[str, int] = LIMITS
    ) -> Claim:
        return claim(
            self.store,
            job_id,
            token=token or self.new_token(),
            worker="worker",
            lease=LEASE,
            limits=limits,
        )

    def running(self, operation: str = "free", **chosen: object) -> Fence:
        """Submit and claim a new job that must be free to run, and return its fence."""
        claimed = self.claim(self.submitted(operation, **chosen))
        assert claimed.fence is not None, claimed.word
        return claimed.fence

    def recover(self, message: Wakeup) -> str:
        return recover(self.store, message.submission, published_ms=message.published_ms)

    def record(self, job_id: str) -> dict[str, str]:
        (flat,) = self.store.pipeline(("HGETALL", self.store.keys("job", job_id)))
        return {name.decode(): value.decode() for name, value in flat.items()}

    def status(self, job_id: str) -> str:
        return self.record(job_id).get("status", "missing")

    def keep(self) -> dict[bytes, tuple[bytes, int]]:
        """Copy all data of Redis, like its append-only file at this moment."""
        names = self._names()
        dumps = self.store.pipeline(*(("DUMP", name) for name in names)) if names else []
        ttls = self.store.pipeline(*(("PTTL", name) for name in names)) if names else []
        return {
            name: (dump, max(0, ttl)) for name, dump, ttl in zip(names, dumps, ttls, strict=True)
        }

    def go_back(self, kept: Mapping[bytes, tuple[bytes, int]]) -> None:
        """Lose all data since `keep`, except the time, like a server restarted with an old file."""
        pipe = self.redis.pipeline(transaction=False)
        for name in self._names():
            pipe.delete(name)
        for name, (dumped, ttl_ms) in kept.items():
            pipe.restore(name, ttl_ms, dumped)
        pipe.execute()
        self.woken.clear()
        self.set_clock(self.now_ms)

    def lose(self, job_id: str) -> None:
        """Make Redis lose one job as if its submission had never been written."""
        kept = self.record(job_id)
        pipe = self.redis.pipeline(transaction=False)
        for name in self._names():
            kind = self.redis.type(name)
            own = self.store.keys("job", job_id), self.store.keys("dependencies", job_id)
            if name.startswith(tuple(each.encode() for each in own)):
                pipe.delete(name)
            elif b":dependencies:" in name or name.endswith(b"}:settling"):
                continue  # the entries of its dependents are theirs
            elif kind == b"zset":
                places = [f"{job_id}:{place}" for place in range(1, 4)]
                pipe.zrem(name, job_id, *places)
        if "fingerprint" in kept:
            where = (kept["tenant"], kept["operation"], kept["fingerprint"])
            pipe.delete(self.store.keys("unique", *where))
        if "idempotency_digest" in kept:
            pipe.delete(self.store.keys("idempotency", kept["tenant"], kept["idempotency_digest"]))
        pipe.execute()

    def _names(self) -> list[bytes]:
        (names,) = self.store.pipeline(("KEYS", f"{self.store.keys.prefix}*"))
        return sorted(names)
