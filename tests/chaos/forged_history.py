"""Histories that a test writes: correct ones, and ones with a fault."""

from typing import Any, Final

from tests.chaos.verdict.violation import Event

LEASE_MS: Final = 2000
MIDDLE_RANK: Final = 50_000


class ForgedHistory:
    """Writes events in the format of a real history, at a time set by the test."""

    def __init__(self) -> None:
        self.events: list[Event] = [{"from": "limits", "at": 0, "limits": {"operation:narrow": 2}}]
        self.now_ms = 1000
        self.jobs: dict[str, dict[str, Any]] = {}
        self.complaints: list[str] = []
        self.held: list[str] = []
        self._seq = 0

    def whole(self) -> list[Event]:
        """End the history with a final check."""
        last = {"complaints": self.complaints, "jobs": self.jobs, "held": self.held}
        return [*self.events, {"from": "final", **last}]

    def wait(self, milliseconds: int) -> None:
        self.now_ms += milliseconds

    # Events of scripts.

    def script(self, script: str, what: str, *values: Any) -> None:
        self._seq += 1
        told = {"seq": self._seq, "at": self.now_ms, "script": script, "key": "job", "what": what}
        self.events.append({"from": "script", **told, "values": list(values)})

    def made(  # noqa: PLR0913 — what `created` tells
        self,
        job: str,
        *,
        operation: str = "plain",
        rank: int = MIDDLE_RANK,
        unique: str = "",
        digest: str = "",
        status: str = "queued",
        by: str = "submit_job",
    ) -> None:
        self.script(by, "created", job, status, "default", operation, str(rank), unique, digest)
        counted = {"attempt": 0, "failures": 0, "crashes": 0}
        self.jobs[job] = {"status": status, **counted, "result_nonce": None}

    def waits(self, job: str, *others: str, policy: str = "succeeded") -> None:
        """Create a job with dependencies."""
        self.made(job, status="scheduled")
        self.script("submit_job", "depends", job, list(others), policy)

    def settled(self, job: str, other: str, how: str, new: str, *, by: str = "finish_job") -> None:
        """Tell a job how its dependency ended, and let it start or end."""
        self.script(by, "settled", job, other, how)
        self.became(job, "scheduled", new, by=by)

    def lost(self, job: str) -> None:
        self.script("lose_job", "lost", job)
        self.jobs.pop(job)

    def confirmed(self, job: str) -> None:
        self.script("confirm_wakeups", "confirmed", job)

    def blocked(self, job: str, slot: str, places: int = 1) -> None:
        self.script("claim_job", "blocked", job, slot, [[slot, places]])

    def unblocked(self, job: str, slot: str, *, by: str = "finish_job") -> None:
        self.script(by, "unblocked", job, slot)

    def did(self, what: str, target: str = "cut") -> None:
        """Record that the nemesis starts a fault, or has undone it."""
        told = {"at": self.now_ms, "what": what, "target": target}
        self.events.append({"from": "nemesis", **told})

    def claimed(self, job: str, attempt: int, *, slots: Any = None, token: str = "") -> None:
        taken = slots or [["operation:plain", 1]]
        end_ms = self.now_ms + LEASE_MS
        token = token or f"token-{attempt}"
        self.script("claim_job", "claimed", job, attempt, "worker", end_ms, taken, token)
        self.became(job, "queued", "running", by="claim_job")
        self.jobs[job]["attempt"] = attempt

    def became(self, job: str, old: str, new: str, *, by: str = "finish_job") -> None:
        self.script(by, "status", job, old, new, "1")
        self.jobs[job]["status"] = new

    def renewed(self, job: str, attempt: int) -> None:
        token = f"token-{attempt}"
        end_ms = self.now_ms + LEASE_MS
        self.script("renew_leases", "renewed", job, str(attempt), end_ms, token)

    def reported(self, job: str, attempt: int, outcome: str, *, by: str = "finish_job") -> None:
        self.script(by, "reported", job, attempt, f"token-{attempt}", outcome)

    def finished(self, job: str, attempt: int, nonce: str = "nonce") -> None:
        """Let a run succeed: the function notes it, then the script records it."""
        self.noted("end", job, attempt, nonce)
        self.reported(job, attempt, "succeeded")
        self.became(job, "running", "succeeded")
        self.jobs[job]["result_nonce"] = nonce

    def failed(self, job: str, attempt: int, new: str = "failed") -> None:
        """Let a run end with an exception: finally, or `scheduled` for another attempt."""
        by = "retry_job" if new == "scheduled" else "finish_job"
        self.reported(job, attempt, new, by=by)
        self.became(job, "running", new, by=by)
        self.jobs[job]["failures"] += new == "scheduled"

    def released(self, job: str, attempt: int) -> None:
        self.reported(job, attempt, "queued", by="release_job")
        self.became(job, "running", "queued", by="release_job")

    def reaped(self, job: str, attempt: int) -> None:
        self.script("reap_leases", "reaped", job, str(attempt))
        self.became(job, "running", "queued", by="reap_leases")
        self.jobs[job]["crashes"] += 1

    def reserved(self, job: str, slot: str, rank: int = MIDDLE_RANK) -> None:
        self.script("finish_job", "reserved", job, str(rank), [[slot, 1]])

    def purged(self, job: str) -> None:
        self.script("purge_job", "purged", job, self.jobs.pop(job)["status"])

    # Events of functions and callers.

    def noted(self, what: str, job: str, attempt: int, nonce: str = "nonce", **more: Any) -> None:
        noted = {"what": what, "job": job, "attempt": attempt, "nonce": nonce, "pid": 1}
        self.events.append({"from": "function", "at": self.now_ms, **noted, **more})

    def saved(self, job: str, attempt: int, *pages: int, written: bool = True) -> None:
        """Let a run save some states, of which Redis takes the last."""
        for page in pages:
            state = {"job": job, "attempt": attempt, "page": page}
            for what in ("save", "saved"):
                self.noted(what, job, attempt, state=state)
        if written:
            self.script("save_state", "saved", job, attempt, f"token-{attempt}")

    def found(self, job: str, attempt: int, by: int | None, page: int = 0) -> None:
        """Let a run begin with the state of an earlier attempt, or with none."""
        state = by and {"job": job, "attempt": by, "page": page}
        self.noted("found", job, attempt, state=state)

    def called(self, call: str, job: str, code: int = 202, **more: Any) -> None:
        at = self.now_ms / 1000
        told = {"who": "one", "call": call, "job": job, "code": code, "began": at, "ended": at}
        self.events.append({"from": "client", **told, **more})

    def read(self, job: str, status: str, nonce: str | None = None, call: str = "poll") -> None:
        result = {"nonce": nonce} if nonce else None
        self.called(call, job, 200, seen={"status": status, "attempt": 1, "result": result})

    def ran(self, job: str, **made: Any) -> None:
        """Write all events of one job without a fault."""
        self.made(job, **made)
        self.called("submit", job)
        self.claimed(job, 1)
        self.noted("begin", job, 1)
        self.wait(10)
        self.finished(job, 1)
        self.read(job, "succeeded", "nonce")
