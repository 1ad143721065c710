"""A minimal model of jobs, with which the real scripts are compared."""
# long: one model of all that is done to a job, read as a whole

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fractions import Fraction

from callboard.jobs.fence import Fence
from callboard.jobs.operation_limits import CapacityGroup
from callboard.jobs.purge import CALLBACK_PATIENCE
from callboard.jobs.rate_quota import Charge, submissions_policy
from callboard.jobs.submission import Submission
from tests.invariants import Seen

FINAL = ("succeeded", "failed", "cancelled")
HOLDING = ("running", "cancelling")
RECOVERY_WINDOW_MS = 24 * 3_600_000
TOMBSTONE_MS = 25 * 3_600_000
PATIENCE_MS = 600_000
CONFIRM_WITHIN_MS = 5 * 60_000
PUT_OFF_MS = 3_600_000
CHECK_MS = 60_000
LOST_AFTER_MS = 300_000


@dataclass
class ModelJob:
    """One job as it should be."""

    submission: Submission
    status: str
    ready_ms: int
    attempt: int
    failures: int = 0
    crashes: int = 0
    token: str | None = None
    preempted: bool = False
    lease_ends_ms: int = 0
    ended_ms: int = 0
    expires_ms: int = 0
    awaited: dict[str, bool] = field(default_factory=dict)  # events said: is one to be written down
    forced: bool = False
    saved: str | None = None  # what its attempts left for the next one
    waits: dict[str, int] = field(default_factory=dict)  # for whom; since when that is missing
    check_ms: int = 0
    stopped: bool = False  # whoever asked for events wants no more


@dataclass
class Model:
    """All jobs as they should be; each verb changes them and returns the expected word."""

    now_ms: int
    lease_ms: int
    max_active: int
    max_active_operation: int
    group: CapacityGroup
    jobs: dict[str, ModelJob] = field(default_factory=dict)
    idempotency: dict[tuple[str, str], tuple[str | None, str]] = field(default_factory=dict)
    tombstones: dict[str, int] = field(default_factory=dict)
    confirmations: dict[tuple[str, str, str], int | None] = field(default_factory=dict)
    arrivals: dict[tuple[str, str], Fraction] = field(default_factory=dict)
    ticked_ms: int = 0

    def status(self, job_id: str) -> str:
        return self.jobs[job_id].status if job_id in self.jobs else "missing"

    def active(self) -> list[ModelJob]:
        return [job for job in self.jobs.values() if job.status not in FINAL]

    def count(self, charge: Charge) -> tuple[str, int]:
        """Count a request; return the expected answer, and how many more are allowed now."""
        window, whose = charge.window_ms, (charge.tenant, charge.policy)
        interval = Fraction(window, charge.rate.requests)
        arrival = max(self.arrivals.get(whose, Fraction(0)), Fraction(self.now_ms))
        word = "counted" if arrival + interval - self.now_ms <= window else "limited"
        if word == "counted":
            self.arrivals[whose] = arrival = arrival + interval
        return word, (window - (arrival - self.now_ms)) // interval

    def submit(
        self, new: Submission, charge: Charge | None = None, own_charge: Charge | None = None
    ) -> str:
        if new.job_id in self.jobs:
            return "accepted"
        if kept := self.idempotency.get((new.tenant, new.idempotency_digest or "")):
            return "replayed" if kept[0] == new.payload_fingerprint else "mismatch"
        if charge and self.count(charge)[0] == "limited":
            return "limited"
        return self._decide(new, own_charge)

    def _decide(self, new: Submission, own_charge: Charge | None) -> str:
        if any(not self._has(new.tenant, each) for each in new.after):
            return "dependency_missing"
        conflicting = self._conflicting(new)
        if conflicting and not (
            new.on_conflict == "replace" and conflicting.status in ("scheduled", "queued")
        ):
            return "duplicate"
        others = [job for job in self.active() if job is not conflicting]
        same = [job for job in others if job.submission.operation == new.operation]
        if len(others) >= self.max_active or len(same) >= self.max_active_operation:
            return "full"
        sharing = [job for job in others if job.submission.operation in self.group.operations]
        if new.operation in self.group.operations and len(sharing) >= self.group.max_active:
            return "full"
        if own_charge and self.count(own_charge)[0] == "limited":
            return "limited"
        if conflicting:
            self._end(conflicting, "cancelled")
        waits = new.after or (new.scheduled_ms or 0) > self.now_ms
        self._create(new, "scheduled" if waits else "queued")
        self._await(self.jobs[new.job_id])
        return "accepted"

    def submit_items(self, items: Sequence[Submission], own_charge: Charge | None) -> list[str]:
        """Submit items of a batch, which may refer to the jobs of earlier ones as `#0`."""
        words: list[str] = []
        made: list[str | None] = []
        for item in items:
            after = [made[int(each[1:])] for each in item.after]
            other = self._conflicting(item)
            word = "malformed" if None in after else ""
            resolved = replace(item, after=tuple(filter(None, after)))
            own = own_charge and own_charge.policy == submissions_policy(item.operation)
            word = word or self.submit(resolved, None, own_charge if own else None)
            job_ids = {"accepted": item.job_id, "duplicate": other and other.submission.job_id}
            made.append(job_ids.get(word))
            words.append(word)
        return words

    def recover(self, lost: Submission, published_ms: int) -> str:
        if lost.job_id in self.jobs:
            return "recovered"
        if lost.job_id in self.tombstones or published_ms + RECOVERY_WINDOW_MS < self.now_ms:
            return "tombstoned"
        kept = self.idempotency.get((lost.tenant, lost.idempotency_digest or ""))
        if self._conflicting(lost) or (kept and kept[1] != lost.job_id):
            self.jobs[lost.job_id] = job = ModelJob(lost, "queued", self.now_ms, lost.attempt)
            self._end(job, "cancelled")
            return "superseded"
        self._create(lost, "queued")
        return "recovered"

    def claim(self, job_id: str, token: str, *, room: bool) -> str:
        status = self.status(job_id)
        if status == "missing" or status in FINAL:
            return "missing" if status == "missing" else "ended"
        job = self.jobs[job_id]
        if status in HOLDING:
            return "claimed" if job.token == token else "taken"
        if status == "scheduled" or not room:
            return "blocked"
        job.status, job.token, job.attempt = "running", token, job.attempt + 1
        job.preempted = False
        job.lease_ends_ms = self.now_ms + self.lease_ms
        if job.attempt == 1:
            self._say(job)
        return "claimed"

    def renew(self, fence: Fence) -> str:
        if not self.holds(fence):
            return "missing" if fence.job_id not in self.jobs else "lost"
        job = self.jobs[fence.job_id]
        job.lease_ends_ms = self.now_ms + self.lease_ms
        if job.status == "running":
            return "kept"
        return "force" if job.forced else "cancel"

    def preempt(self, fence: Fence) -> str:
        if not self.holds(fence):
            return "stale"
        self.jobs[fence.job_id].preempted = True
        return "preempted"

    def save(self, fence: Fence, state: str) -> str:
        if not self.holds(fence):
            return "stale"
        self.jobs[fence.job_id].saved = state
        return "saved"

    def finish(self, fence: Fence, outcome: str) -> str:
        status = self.status(fence.job_id)
        if status == "missing":
            return "missing"
        if status in FINAL:
            return "finished" if self._was(fence) else "ended"
        if not self.holds(fence):
            return "stale"
        self._end(self.jobs[fence.job_id], outcome if status == "running" else "cancelled")
        return "finished"

    def retry(self, fence: Fence, delay_ms: int) -> str:
        word = self._leave(fence, ("scheduled", "queued"), "scheduled")
        if word == "left":
            job = self.jobs[fence.job_id]
            job.status, job.failures, job.ready_ms = (
                "scheduled",
                job.failures + 1,
                self.now_ms + delay_ms,
            )
        return "scheduled" if word == "left" else word

    def release(self, fence: Fence) -> str:
        word = self._leave(fence, ("queued",), "queued")
        if word == "left":
            self.jobs[fence.job_id].status = "queued"
        return "queued" if word == "left" else word

    def cancel(self, job_id: str, *, force: bool = False) -> str:
        status = self.status(job_id)
        if status in ("scheduled", "queued"):
            self._end(self.jobs[job_id], "cancelled")
            return "cancelled"
        if status in HOLDING:
            self.jobs[job_id].forced |= force
            self.jobs[job_id].status = "cancelling"
            return "cancelling"
        return "missing" if status == "missing" else "ended"

    def ask_cancel(self, job_id: str, token: str, caller: str) -> str:
        if self.status(job_id) in ("missing", *FINAL):
            return "missing" if self.status(job_id) == "missing" else "ended"
        self.confirmations[job_id, token, caller] = self.now_ms + CONFIRM_WITHIN_MS
        return "asked"

    def confirm_cancel(self, job_id: str, token: str, caller: str) -> str:
        """None represents a used confirmation."""
        known = (job_id, token, caller)
        until = self.confirmations.get(known, 0)
        if self.status(job_id) in FINAL:
            return "cancelled" if until is None else "ended"
        if self.status(job_id) != "missing":
            if until is not None and until < self.now_ms:
                return "stale"
            self.confirmations[known] = None
        return self.cancel(job_id)

    def snooze(self, job_id: str, *, blocked: bool) -> str:
        status = self.status(job_id)
        if status != "queued" or blocked:
            return {"missing": "missing"}.get(status, "ended" if status in FINAL else "taken")
        if self.jobs[job_id].ready_ms + PATIENCE_MS >= self.now_ms:
            return "snoozed"
        self._end(self.jobs[job_id], "failed")
        return "failed"

    def purge(self, job_ids: Sequence[str]) -> None:
        for job_id in job_ids:
            del self.jobs[job_id]
            self.tombstones[job_id] = self.now_ms + TOMBSTONE_MS

    def purge_expired(self) -> int:
        over = [id for id, job in self.jobs.items() if 0 < job.expires_ms <= self.now_ms]
        for job in [self.jobs[id] for id in over if any(self.jobs[id].awaited.values())]:
            if self.now_ms < job.ended_ms + CALLBACK_PATIENCE // timedelta(milliseconds=1):
                job.expires_ms = self.now_ms + PUT_OFF_MS
                over.remove(job.submission.job_id)
        self.purge(over)
        self.tombstones = {id: at for id, at in self.tombstones.items() if at > self.now_ms}
        return len(over)

    def record_delivery(self, job_id: str, event: str, word: str) -> None:
        """A callback was rendered, and sent unless its dispatcher died."""
        job = self.jobs.get(job_id)
        if job is not None:
            job.awaited[event] = False
        if job is not None and word == "stopped":
            job.stopped, job.awaited = True, dict.fromkeys(job.awaited, False)

    def promote(self) -> int:
        jobs = self.jobs.values()
        scheduled = [job for job in jobs if job.status == "scheduled" and not job.waits]
        due = [job for job in scheduled if job.ready_ms <= self.now_ms]
        for job in due:
            job.status = "queued"
        return len(due)

    def lose(self, job_id: str) -> None:
        """Redis loses one job, and nothing else."""
        del self.jobs[job_id]

    def check_dependencies(self) -> int:
        due = [job for job in self.jobs.values() if job.waits and job.check_ms <= self.now_ms]
        for job in due:
            job.check_ms = self.now_ms + CHECK_MS
            for other, missed_ms in list(job.waits.items()):
                if other not in job.waits:
                    continue  # the job has ended with an earlier one
                if other in self.jobs:
                    job.waits[other] = 0
                elif not missed_ms:
                    job.waits[other] = self.now_ms
                elif missed_ms + LOST_AFTER_MS <= self.now_ms:
                    self._settle(job, other, "lost")
        return len(due)

    def reap(self) -> int:
        away, self.ticked_ms = self.now_ms - self.ticked_ms > self.lease_ms / 2, self.now_ms
        held = [job for job in self.jobs.values() if job.status in HOLDING]
        if away:
            for job in held:
                job.lease_ends_ms = max(job.lease_ends_ms, self.now_ms + self.lease_ms)
            return 0
        over = [job for job in held if job.lease_ends_ms <= self.now_ms]
        for job in over:
            job.crashes, job.token = job.crashes + (not job.preempted), None
            if job.status == "cancelling":
                self._end(job, "cancelled")
            elif not job.preempted and job.crashes >= job.submission.max_crashes:
                self._end(job, "failed")
            else:
                job.status = "queued"
        return len(over)

    def holds(self, fence: Fence) -> bool:
        return self.status(fence.job_id) in HOLDING and self._was(fence)

    def differences(self, seen: Seen) -> Iterator[str]:
        """Return the records that differ from the model."""
        leases = seen.members("leases")
        for job_id in seen.jobs.keys() | self.jobs.keys():
            job, there = self.jobs.get(job_id), seen.jobs.get(job_id, {})
            lease = int(leases.get(job_id, 0))
            found = tuple(there.get(name) for name in ("status", "attempt", "failures", "crashes"))
            right: tuple[str | None, ...] = (None,) * 4
            if job:
                right = (job.status, str(job.attempt), str(job.failures), str(job.crashes))
            if found != right or lease != (
                job.lease_ends_ms if job and job.status in HOLDING else 0
            ):
                yield f"{job_id} is {found} with a lease until {lease}, by the model {job}"
            if seen.saved.get(job_id) != (job.saved if job else None):
                yield f"{job_id} has saved {seen.saved.get(job_id)}, by the model {job}"
            waits = {id: int(since) for id, since in seen.members(f"dependencies:{job_id}").items()}
            if waits != (job.waits if job else {}):
                yield f"{job_id} waits for {waits}, by the model {job}"
            said = seen.deliveries.owned.get(f"job:{job_id}:deliveries", ())
            plain = f"msg_{job_id.replace('-', '')}_"
            if sorted(said) != sorted(plain + event[4:] for event in (job.awaited if job else ())):
                yield f"{job_id} has sent {said}, by the model {job}"

    def _was(self, fence: Fence) -> bool:
        job = self.jobs[fence.job_id]
        return (job.attempt, job.token) == (fence.attempt, fence.token)

    def _leave(self, fence: Fence, done: Sequence[str], word: str) -> str:
        """End a run without ending the job; return `left`, or the script's expected answer."""
        status = self.status(fence.job_id)
        if status == "missing" or not self._was(fence):
            return "stale"
        if status == "running":
            return "left"
        if status == "cancelling":
            self._end(self.jobs[fence.job_id], "cancelled")
        is_cancelled = self.status(fence.job_id) == "cancelled"
        return word if status in done else "cancelled" if is_cancelled else "stale"

    def _has(self, tenant: str, job_id: str) -> bool:
        return job_id in self.jobs and self.jobs[job_id].submission.tenant == tenant

    def _await(self, job: ModelJob) -> None:
        """Depend on the jobs that have not ended; the others count at once."""
        job.waits, job.check_ms = dict.fromkeys(job.submission.after, 0), self.now_ms + CHECK_MS
        for other in job.submission.after:
            if other in job.waits and self.jobs[other].status in FINAL:
                self._settle(job, other, self.jobs[other].status)

    def _settle(self, job: ModelJob, other: str, status: str) -> None:
        del job.waits[other]
        if status != "succeeded" and job.submission.after_policy != "finished":
            self._end(job, "cancelled")
        elif not job.waits:
            job.ready_ms = max(self.now_ms, job.submission.scheduled_ms or 0)
            job.status = "scheduled" if job.ready_ms > self.now_ms else "queued"

    def _conflicting(self, new: Submission) -> ModelJob | None:
        wanted = (new.tenant, new.operation, new.fingerprint)
        for job in self.active() if new.fingerprint else ():
            other = job.submission
            if (other.tenant, other.operation, other.fingerprint) == wanted:
                return job
        return None

    def _create(self, new: Submission, status: str) -> None:
        since = max(new.created_ms or self.now_ms, new.scheduled_ms or 0)
        self.jobs[new.job_id] = ModelJob(new, status, since, new.attempt)
        if new.idempotency_digest:
            kept = (new.payload_fingerprint, new.job_id)
            self.idempotency[new.tenant, new.idempotency_digest] = kept

    def _say(self, job: ModelJob) -> None:
        event = f"job.{job.status}"
        if event in (job.submission.callback or {}).get("events", ()):
            job.awaited.setdefault(event, not job.stopped)

    def _end(self, job: ModelJob, status: str) -> None:
        job.status, job.ended_ms, job.saved, job.waits = status, self.now_ms, None, {}
        self._say(job)
        job.expires_ms = self.now_ms + job.submission.result_ttl // timedelta(milliseconds=1)
        job_id = job.submission.job_id
        for other in [each for each in self.jobs.values() if job_id in each.waits]:
            if job_id in other.waits:
                self._settle(other, job_id, status)
